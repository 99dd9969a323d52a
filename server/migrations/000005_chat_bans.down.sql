drop table chat_bans;
