-- compatible: a new table
create table chat_mutes (
  id uuid primary key,
  channel_id uuid not null references chat_channels (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  reason text check (char_length(reason) <= 1000),
  muted_by uuid references users (id) on delete set null,
  created_at timestamptz(3) not null default now(),
  -- Null: until it is lifted.
  expires_at timestamptz(3),
  lifted_at timestamptz(3),
  lifted_by uuid references users (id) on delete set null
);

create unique index chat_mutes_active on chat_mutes (channel_id, user_id) where lifted_at is null;
create index chat_mutes_user on chat_mutes (user_id);
