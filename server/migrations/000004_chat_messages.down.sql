drop table channel_events;
drop table chat_messages;
