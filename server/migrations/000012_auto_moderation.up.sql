-- breaking: messages without a place, and rules that every writer has to hold
alter table chat_channels
  -- Rules by name; a rule that is not there is off.
  add column auto_moderation jsonb not null default '{}',
  -- Raised with every change of the rules or the shield: a message is stored only under the rules that it was held against.
  add column policy_version bigint not null default 0,
  add column shield boolean not null default false,
  -- What the shield puts over the channel's own settings while it is on; they stay as they are underneath.
  add column shield_profile jsonb not null default
    '{"slow_mode_seconds": 30, "posting": "members", "minimum_membership_minutes": 0, "block_links": true, "hold_all": false}';

-- A message that waits for review has its row, so that its id is taken and a retry collides, but no place yet.
alter table chat_messages alter column seq drop not null;

create table held_messages (
  message_id uuid primary key references chat_messages (id) on delete cascade,
  channel_id uuid not null references chat_channels (id) on delete cascade,
  user_id uuid not null references users (id),
  rule text not null,
  held_at timestamptz(3) not null,
  -- Null: waits for review.
  decision text check (decision in ('approve', 'reject')),
  -- No foreign key: it outlives an erased account, like the trail.
  decided_by uuid,
  decided_at timestamptz(3)
);

create index held_messages_waiting on held_messages (channel_id, held_at, message_id) where decision is null;
