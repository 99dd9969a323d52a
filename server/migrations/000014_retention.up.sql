-- compatible: columns with defaults; messages may be removed for their age once every instance knows of it
alter table chat_channels
  -- Days for which its messages are kept, within what the server allows; null: as long as the server does.
  add column retention_days integer check (retention_days between 1 and 36500),
  -- Everything before this place of the sequence has been removed for its age.
  add column first_seq bigint not null default 1;

-- Which instance is removing old messages, and when all that was due had last been removed.
create table retention_lease (
  single boolean primary key default true check (single),
  holder uuid,
  held_until timestamptz(3) not null default '-infinity',
  finished_at timestamptz(3) not null default '-infinity'
);
insert into retention_lease default values;

-- A report outlives its message: it has its own copy of what was said, and of where that stood.
alter table chat_reports drop constraint chat_reports_message_id_fkey;
-- Null: made by a program of before, whose reports find it in the message.
alter table chat_reports add column message_seq bigint;
update chat_reports r set message_seq = m.seq from chat_messages m where m.id = r.message_id;

-- What waits for review, or was rejected, has no place in the sequence and is found by its age.
create index held_messages_age on held_messages (channel_id, held_at) where decision is distinct from 'approve';
