-- compatible: a new table
create table chat_channels (
  id uuid primary key,
  name text not null check (char_length(name) between 1 and 100),
  description text check (char_length(description) <= 500),
  creator_id uuid not null references users (id),
  channel_type text not null default 'public' check (channel_type in ('public', 'private')),
  is_active boolean not null default true,
  max_participants integer check (max_participants >= 2),
  -- The head of the channel's one sequence. Raising it locks the row, which orders the writers of all instances.
  last_seq bigint not null default 0,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  -- Deleted channels stay as rows, so that their audit trail stays too.
  deleted_at timestamptz(3)
) with (fillfactor = 50); -- room for heap-only updates: last_seq is raised with every batch and is in no index

create index chat_channels_listing on chat_channels (created_at desc, id desc) where is_active and deleted_at is null;
create index chat_channels_creator on chat_channels (creator_id);
