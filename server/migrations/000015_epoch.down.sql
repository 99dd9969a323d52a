alter table site_state drop column epoch, drop column epoch_home;
