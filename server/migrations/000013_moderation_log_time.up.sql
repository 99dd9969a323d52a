-- compatible: an index
-- A trail is read between two times.
create index chat_moderation_log_time on chat_moderation_log (channel_id, created_at);
