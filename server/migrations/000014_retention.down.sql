drop index held_messages_age;
delete from chat_reports r where not exists (select from chat_messages m where m.id = r.message_id);
alter table chat_reports drop column message_seq;
alter table chat_reports add constraint chat_reports_message_id_fkey
  foreign key (message_id) references chat_messages (id) on delete cascade;
drop table retention_lease;
alter table chat_channels drop column first_seq, drop column retention_days;
