-- compatible: a new table
create table chat_moderation_log (
  id bigint generated always as identity primary key,
  channel_id uuid not null references chat_channels (id),
  -- No foreign keys to users: the trail outlives an erased account.
  moderator_id uuid not null,
  target_user_id uuid,
  action text not null,
  reason text,
  details jsonb not null default '{}',
  created_at timestamptz(3) not null default now()
);

create index chat_moderation_log_channel on chat_moderation_log (channel_id, id desc);
create index chat_moderation_log_target on chat_moderation_log (target_user_id, id desc);
