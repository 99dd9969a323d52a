drop table chat_reports;
