-- compatible: the first table
-- Users are the host application's: a row is made from the first valid token and follows later ones.
create table users (
  id uuid primary key,
  username text not null,
  display_name text,
  avatar_url text,
  role text not null default 'user' check (role in ('user', 'moderator', 'admin')),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
