import type {
  ChannelRole,
  ChannelType,
  CreateChannelBody,
  PostingMode,
  UpdateChannelBody,
} from '@hubbub/protocol/rest.js';
import type { Queryable } from './db.js';

export interface ChannelRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly creator_id: string;
  readonly channel_type: ChannelType;
  readonly is_active: boolean;
  readonly max_participants: number | null;
  /** In force, like `posting`: what the shield asks for is counted in. */
  readonly slow_mode_seconds: number;
  readonly posting: PostingMode;
  readonly shield: boolean;
  /** The channel's own; the server's holds where it is shorter. Null: it has none. */
  readonly retention_days: number | null;
  readonly last_seq: number;
  /** Raised with every change of who may do what in the channel. */
  readonly access_version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A channel as one user meets it: its row, his role in it, and what holds against him. */
export interface ChannelAccess extends ChannelRow {
  /** Null: not a member. */
  readonly role: ChannelRole | null;
  readonly is_banned: boolean;
  readonly is_muted: boolean;
}

/** Slow mode and posting mode as they are in force: the shield, while it is on, puts a stricter one over the channel's own. */
const SLOW_MODE_IN_FORCE = `case when c.shield
  then greatest(c.slow_mode_seconds, (c.shield_profile ->> 'slow_mode_seconds')::integer) else c.slow_mode_seconds end`;
const MODES = `array['everyone', 'members', 'staff']`;
export const POSTING_IN_FORCE = `case when c.shield
  then (${MODES})[greatest(array_position(${MODES}, c.posting), array_position(${MODES}, c.shield_profile ->> 'posting'))]
  else c.posting end`;

/** Columns of a {@link ChannelRow}, of the table by the name of `c`. */
export const CHANNEL_COLUMNS = `c.id, c.name, c.description, c.creator_id, c.channel_type, c.is_active, c.max_participants,
  ${SLOW_MODE_IN_FORCE} as slow_mode_seconds, ${POSTING_IN_FORCE} as posting, c.shield, c.retention_days, c.last_seq, c.access_version, c.created_at, c.updated_at`;

/** Makes a channel and its creator's ownership, in one statement. */
export async function createChannel(
  db: Queryable,
  id: string,
  creatorId: string,
  body: CreateChannelBody,
): Promise<ChannelRow> {
  const [row] = await db.query<ChannelRow>(
    `with c as (
       insert into chat_channels (id, name, description, creator_id, channel_type, max_participants)
       values ($1, $2, $3, $4, $5, $6)
       returning *
     ), owner as (
       insert into channel_members (channel_id, user_id, role) select id, creator_id, 'owner' from c
     )
     select ${CHANNEL_COLUMNS} from c`,
    [id, body.name, body.description ?? null, creatorId, body.channel_type ?? 'public', body.max_participants ?? null],
  );
  if (row === undefined) throw new Error('createChannel: the insert returned no row');
  return row;
}

/** One channel as `userId` meets it, in one statement; null when there is none (or it was deleted). */
export async function readAccess(db: Queryable, channelId: string, userId: string): Promise<ChannelAccess | null> {
  const [row] = await db.query<ChannelAccess>(
    `select ${CHANNEL_COLUMNS}, m.role,
       exists (select from chat_bans b where b.channel_id = c.id and b.user_id = $2 and b.lifted_at is null
         and (b.expires_at is null or b.expires_at > clock_timestamp())) as is_banned,
       exists (select from chat_mutes u where u.channel_id = c.id and u.user_id = $2 and u.lifted_at is null
         and (u.expires_at is null or u.expires_at > clock_timestamp())) as is_muted
     from chat_channels c
     left join channel_members m on m.channel_id = c.id and m.user_id = $2
     where c.id = $1 and c.deleted_at is null`,
    [channelId, userId],
  );
  return row ?? null;
}

export interface ChannelQuery {
  readonly userId: string;
  /** Sees private channels that he is not a member of. */
  readonly seesAll: boolean;
  readonly type: ChannelType | null;
  /** Part of the name, any case. */
  readonly q: string | null;
  readonly limit: number;
  readonly offset: number;
}

/** Active channels that the user may see, newest first, and how many there are in all. */
export async function listChannels(
  db: Queryable,
  query: ChannelQuery,
): Promise<{ channels: ChannelRow[]; total: number }> {
  const visible = `c.is_active and c.deleted_at is null
    and ($1::text is null or c.channel_type = $1)
    and ($2::text is null or c.name ilike $2)
    and ($3 or c.channel_type = 'public'
      or exists (select from channel_members m where m.channel_id = c.id and m.user_id = $4))`;
  const pattern = query.q === null ? null : `%${query.q.replace(/[\\%_]/g, '\\$&')}%`;
  const filter = [query.type, pattern, query.seesAll, query.userId];
  const [channels, [count]] = await Promise.all([
    db.query<ChannelRow>(
      `select ${CHANNEL_COLUMNS} from chat_channels c where ${visible}
       order by c.created_at desc, c.id desc limit $5 offset $6`,
      [...filter, query.limit, query.offset],
    ),
    db.query<{ total: number }>(`select count(*) as total from chat_channels c where ${visible}`, filter),
  ]);
  return { channels, total: count?.total ?? 0 };
}

/**
 * Changes a channel and gives the change its place in the channel's sequence.
 *
 * @param frameOf makes the event's payload from the changed row; runs inside the transaction
 * @returns the changed row (its `last_seq` is the change's seq); null when the channel is gone
 */
export async function updateChannel<P extends object>(
  tx: Queryable,
  channelId: string,
  changes: UpdateChannelBody,
  frameOf: (row: ChannelRow) => P,
): Promise<{ row: ChannelRow; payload: P } | null> {
  // An absent field keeps its value and an explicit null clears it, which coalesce alone cannot tell apart.
  const [row] = await tx.query<ChannelRow>(
    `update chat_channels c set
       name = coalesce($2, c.name),
       description = case when $3 then $4 else c.description end,
       is_active = coalesce($5, c.is_active),
       max_participants = case when $6 then $7::integer else c.max_participants end,
       slow_mode_seconds = coalesce($8, c.slow_mode_seconds),
       posting = coalesce($9, c.posting),
       channel_type = coalesce($12, c.channel_type),
       retention_days = case when $13 then $14::integer else c.retention_days end,
       auto_moderation = case
         when not $10 then c.auto_moderation
         when $11::jsonb is null then '{}'
         else jsonb_strip_nulls(c.auto_moderation || $11::jsonb) end,
       policy_version = c.policy_version + case when $10 then 1 else 0 end,
       access_version = c.access_version + 1,
       last_seq = c.last_seq + 1,
       updated_at = clock_timestamp()
     where c.id = $1 and c.deleted_at is null
     returning ${CHANNEL_COLUMNS}`,
    [
      channelId,
      changes.name ?? null,
      changes.description !== undefined,
      changes.description ?? null,
      changes.is_active ?? null,
      changes.max_participants !== undefined,
      changes.max_participants ?? null,
      changes.slow_mode_seconds ?? null,
      changes.posting ?? null,
      changes.auto_moderation !== undefined,
      changes.auto_moderation == null ? null : JSON.stringify(changes.auto_moderation),
      changes.channel_type ?? null,
      changes.retention_days !== undefined,
      changes.retention_days ?? null,
    ],
  );
  if (row === undefined) return null;
  const payload = frameOf(row);
  await insertEvent(tx, channelId, row.last_seq, 'channel_updated', payload, row.updated_at);
  return { row, payload };
}

/**
 * Marks a channel as deleted, with a place in its sequence for the deletion.
 *
 * @returns that place and the time; null when the channel is gone already
 */
export async function deleteChannel<P extends object>(
  tx: Queryable,
  channelId: string,
  frameOf: (seq: number, at: Date) => P,
): Promise<P | null> {
  const [row] = await tx.query<{ last_seq: number; deleted_at: Date }>(
    `update chat_channels set is_active = false, deleted_at = clock_timestamp(), updated_at = clock_timestamp(),
       access_version = access_version + 1, last_seq = last_seq + 1
     where id = $1 and deleted_at is null
     returning last_seq, deleted_at`,
    [channelId],
  );
  if (row === undefined) return null;
  const payload = frameOf(row.last_seq, row.deleted_at);
  await insertEvent(tx, channelId, row.last_seq, 'channel_deleted', payload, row.deleted_at);
  return payload;
}

/** Gives an event its row; its place was taken by raising `last_seq` in the same transaction. */
export async function insertEvent(
  tx: Queryable,
  channelId: string,
  seq: number,
  kind: string,
  payload: object,
  at: Date,
): Promise<void> {
  await tx.query(
    'insert into channel_events (channel_id, seq, kind, payload, created_at) values ($1, $2, $3, $4, $5)',
    [channelId, seq, kind, JSON.stringify(payload), at],
  );
}

/** The same for many events of one time, in one statement: a row each would hold the channel for as many round trips. */
export async function insertEvents(
  tx: Queryable,
  channelId: string,
  frames: readonly { readonly type: string; readonly seq: number }[],
  at: Date,
): Promise<void> {
  await tx.query(
    `insert into channel_events (channel_id, seq, kind, payload, created_at)
     select $1, e.seq, e.kind, e.payload::jsonb, $5
     from unnest($2::bigint[], $3::text[], $4::text[]) as e (seq, kind, payload)`,
    [
      channelId,
      frames.map((frame) => frame.seq),
      frames.map((frame) => frame.type),
      frames.map((frame) => JSON.stringify(frame)),
      at,
    ],
  );
}

/** How far a channel is. */
export interface Head {
  readonly seq: number;
  /** Everything before this place has been removed for its age. */
  readonly firstSeq: number;
  /** Life of the data in which it is there. */
  readonly epoch: string;
  readonly accessVersion: number;
}

interface HeadRow {
  readonly id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly access_version: number;
  readonly epoch: string;
}

/** The heads of the given channels, by id. A deleted channel still has its head. */
export async function readHeads(db: Queryable, channelIds: readonly string[]): Promise<Map<string, Head>> {
  const rows = await db.query<HeadRow>(
    `select c.id, c.first_seq, c.last_seq, c.access_version, s.epoch
     from chat_channels c cross join site_state s where c.id = any($1::uuid[])`,
    [channelIds],
  );
  return new Map(
    rows.map((row) => [
      row.id,
      { seq: row.last_seq, firstSeq: row.first_seq, epoch: row.epoch, accessVersion: row.access_version },
    ]),
  );
}
