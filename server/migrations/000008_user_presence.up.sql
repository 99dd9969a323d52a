-- compatible: a new table
create table user_presence (
  user_id uuid not null references users (id) on delete cascade,
  channel_id uuid not null references chat_channels (id) on delete cascade,
  status text not null check (status in ('online', 'offline', 'typing')),
  last_seen timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  primary key (user_id, channel_id)
);

create index user_presence_channel on user_presence (channel_id, status);
