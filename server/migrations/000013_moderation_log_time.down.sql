drop index chat_moderation_log_time;
