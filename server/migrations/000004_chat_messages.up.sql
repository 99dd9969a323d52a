-- compatible: new tables
create table chat_messages (
  -- The client's message_id where it sent one: its uniqueness makes a retry idempotent.
  id uuid primary key,
  channel_id uuid not null references chat_channels (id) on delete cascade,
  user_id uuid not null references users (id),
  content text not null,
  seq bigint not null check (seq > 0),
  is_deleted boolean not null default false,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint chat_messages_channel_seq unique (channel_id, seq)
);

-- Everything else that has a place in the channel's sequence: changes of the channel, deletions, and what comes later.
-- History and resume merge both tables by seq.
create table channel_events (
  channel_id uuid not null references chat_channels (id) on delete cascade,
  seq bigint not null check (seq > 0),
  kind text not null,
  payload jsonb not null,
  created_at timestamptz(3) not null,
  primary key (channel_id, seq)
);
