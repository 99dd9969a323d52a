-- compatible: a new table
-- What users report to the moderators. The content is kept as it was reported: the message may be deleted before anyone
-- has looked.
create table chat_reports (
  id uuid primary key,
  channel_id uuid not null references chat_channels (id) on delete cascade,
  message_id uuid not null references chat_messages (id) on delete cascade,
  author_id uuid not null references users (id),
  content text not null,
  reporter_id uuid not null references users (id),
  reason text not null check (char_length(reason) <= 1000),
  created_at timestamptz(3) not null,
  -- Null: open.
  resolved_at timestamptz(3),
  resolved_by uuid references users (id) on delete set null,
  action text check (action in ('dismiss', 'delete_message', 'mute', 'timeout', 'ban')),
  note text check (char_length(note) <= 1000),
  constraint chat_reports_resolved check ((resolved_at is null) = (action is null))
);

-- One open report a user a message.
create unique index chat_reports_once on chat_reports (message_id, reporter_id) where resolved_at is null;
create index chat_reports_open on chat_reports (channel_id, created_at, id) where resolved_at is null;
create index chat_reports_done on chat_reports (channel_id, resolved_at desc, id) where resolved_at is not null;
-- For the export and erasure of a user's data.
create index chat_reports_reporter on chat_reports (reporter_id);
create index chat_reports_author on chat_reports (author_id);
