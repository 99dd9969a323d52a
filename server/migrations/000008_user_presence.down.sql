drop table user_presence;
