drop table chat_mutes;
