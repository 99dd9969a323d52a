drop table chat_channels;
