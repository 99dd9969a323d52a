-- compatible: a new table
-- A timeout is a ban that ends by itself; it stands beside a ban and never replaces it.
create table chat_bans (
  id uuid primary key,
  channel_id uuid not null references chat_channels (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  kind text not null default 'ban' check (kind in ('ban', 'timeout')),
  reason text check (char_length(reason) <= 1000),
  banned_by uuid references users (id) on delete set null,
  created_at timestamptz(3) not null default now(),
  -- Null: until it is lifted.
  expires_at timestamptz(3),
  lifted_at timestamptz(3),
  lifted_by uuid references users (id) on delete set null
);

create unique index chat_bans_active on chat_bans (channel_id, user_id, kind) where lifted_at is null;
create index chat_bans_user on chat_bans (user_id);
