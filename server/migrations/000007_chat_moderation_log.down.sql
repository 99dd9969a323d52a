drop table chat_moderation_log;
