drop index chat_messages_author;
alter table chat_moderation_log drop column hash;
alter table chat_channels drop column posting, drop column slow_mode_seconds, drop column access_version;
