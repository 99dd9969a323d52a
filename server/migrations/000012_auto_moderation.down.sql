drop table held_messages;
delete from chat_messages where seq is null;
alter table chat_messages alter column seq set not null;
alter table chat_channels
  drop column shield_profile, drop column shield, drop column policy_version, drop column auto_moderation;
