-- breaking: who does not read suspensions lets the suspended in
-- What is done to a user on the whole site.
alter table users
  add column suspended_at timestamptz(3),
  -- Null with suspended_at set: until he is restored.
  add column suspended_until timestamptz(3),
  add column suspension_reason text,
  -- Tokens issued before this time count for nothing.
  add column tokens_valid_after timestamptz(3),
  -- His data was erased on his wish; the row stays for what refers to it.
  add column erased_at timestamptz(3);

create index users_restricted on users (id) where suspended_at is not null or tokens_valid_after is not null;

create table revoked_tokens (
  jti text primary key,
  user_id uuid references users (id) on delete cascade,
  revoked_by uuid,
  -- When the token would have lapsed by itself: the row can go then.
  expires_at timestamptz(3) not null
);

-- One row, raised with every change above: instances compare it to know that they have to read again.
create table site_state (
  single boolean primary key default true check (single),
  access_version bigint not null default 0
);
insert into site_state default values;

-- Actions on the whole site belong to no channel; they make a chain of their own.
alter table chat_moderation_log alter column channel_id drop not null;
