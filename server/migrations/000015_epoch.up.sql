-- compatible: a row that is read by name gets two columns
-- Names the life of the data. A backup that is restored is another one: what clients hold of the channels' sequences from
-- before may be of messages that are gone, and their places are given out anew.
alter table site_state
  add column epoch uuid not null default gen_random_uuid(),
  -- The database that the epoch was made in; another one was made from a dump of it.
  add column epoch_home text;
