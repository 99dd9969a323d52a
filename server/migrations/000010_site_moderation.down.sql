delete from chat_moderation_log where channel_id is null;
alter table chat_moderation_log alter column channel_id set not null;
drop table site_state;
drop table revoked_tokens;
drop index users_restricted;
alter table users
  drop column erased_at, drop column tokens_valid_after, drop column suspension_reason, drop column suspended_until,
  drop column suspended_at;
