-- compatible: a new table
create table channel_members (
  channel_id uuid not null references chat_channels (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null default 'member' check (role in ('owner', 'admin', 'moderator', 'member')),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (channel_id, user_id)
);

create index channel_members_user on channel_members (user_id, channel_id);
create unique index channel_members_one_owner on channel_members (channel_id) where role = 'owner';
