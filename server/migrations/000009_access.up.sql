-- breaking: who does not compare access_version stores messages of the banned
alter table chat_channels
  -- Raised with every change of who may do what in the channel. A batch of messages is stored only under the version
  -- for which its authors were checked, so no message gets a place after the commit of its author's ban.
  add column access_version bigint not null default 0,
  add column slow_mode_seconds integer not null default 0 check (slow_mode_seconds between 0 and 21600),
  add column posting text not null default 'everyone' check (posting in ('everyone', 'members', 'staff'));

-- The trail of one channel is a chain: each row carries a hash over itself and the hash of the row before it.
alter table chat_moderation_log
  add column hash bytea not null default '';

-- For clearing one user's recent messages.
create index chat_messages_author on chat_messages (channel_id, user_id, created_at);
