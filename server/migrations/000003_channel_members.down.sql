drop table channel_members;
