import type { RuleName } from '@hubbub/protocol/auto-moderation.js';
import type { Queryable } from './db.js';

export interface NewMessage {
  readonly id: string;
  readonly userId: string;
  readonly content: string;
}

export interface MessageRow {
  readonly id: string;
  readonly channel_id: string;
  readonly user_id: string;
  readonly username: string;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  readonly content: string;
  readonly seq: number;
  readonly is_deleted: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A message by its id: unlike those that are read by place, it may wait for review, or have been rejected. */
export interface KnownMessageRow extends Omit<MessageRow, 'seq'> {
  /** Null: it has no place. */
  readonly seq: number | null;
  /** The rule that held it; null: none did. */
  readonly held_by: RuleName | null;
}

/** Whether a message has its place in the channel. */
export function hasPlace(row: KnownMessageRow): row is KnownMessageRow & MessageRow {
  return row.seq !== null;
}

const COLUMNS = `m.id, m.channel_id, m.user_id, u.username, u.display_name, u.avatar_url, m.content, m.seq,
  m.is_deleted, m.created_at, m.updated_at`;

/**
 * Stores a batch of messages of one channel in one statement: raises the channel's head by their number (the row lock
 * orders the writers of all instances) and inserts them at the places so won, in the order given.
 *
 * @param accessVersion version of the channel for which the authors were checked
 * @returns the first message's seq (the others follow without gaps) and the time of them all; null when the channel has
 *     another version by now, is gone, or inactive: nothing is stored then
 * @throws a unique violation when one of the ids is stored already; nothing is stored then and no seq is used up
 */
export async function appendMessages(
  db: Queryable,
  channelId: string,
  messages: readonly NewMessage[],
  accessVersion: number,
): Promise<{ firstSeq: number; at: Date } | null> {
  // The time is taken after the row lock is held, so times never run against the order of seq. The version is compared
  // then too (PostgreSQL looks at the row again when it has waited for it): a ban that commits first is obeyed. It has
  // the precision of its column, or what is sent now would differ from what is read later.
  const [head] = await db.query<{ base: number; at: Date }>(
    `with head as (
       update chat_channels set last_seq = last_seq + $2
       where id = $1 and is_active and deleted_at is null and access_version = $6
       returning last_seq - $2 as base, clock_timestamp()::timestamptz(3) as at
     ), stored as (
       insert into chat_messages (id, channel_id, user_id, content, seq, created_at, updated_at)
       select m.id, $1, m.user_id, m.content, head.base + m.n, head.at, head.at
       from head cross join unnest($3::uuid[], $4::uuid[], $5::text[]) with ordinality as m (id, user_id, content, n)
     )
     select base, at from head`,
    [
      channelId,
      messages.length,
      messages.map((message) => message.id),
      messages.map((message) => message.userId),
      messages.map((message) => message.content),
      accessVersion,
    ],
  );
  return head === undefined ? null : { firstSeq: head.base + 1, at: head.at };
}

/** Messages for one channel among several. */
export interface ChannelMessages {
  readonly channelId: string;
  /** Version of the channel for which the authors were checked. */
  readonly accessVersion: number;
  readonly messages: readonly NewMessage[];
}

/**
 * Stores batches of several channels in one statement, each as {@link appendMessages} does.
 *
 * @returns where each channel's batch begins, and its time; a channel that has another version by now, is gone, or
 *     inactive is not in it, and nothing is stored for it
 * @throws a unique violation when one of the ids is stored already or is given twice; nothing is stored then
 */
export async function appendToChannels(
  db: Queryable,
  channels: readonly ChannelMessages[],
): Promise<Map<string, { firstSeq: number; at: Date }>> {
  const messages = channels.flatMap(({ channelId, messages }) =>
    messages.map((message, index) => ({ ...message, channelId, n: index + 1 })),
  );
  // The rows are locked in the order of their ids first, all of them before one is changed: two statements that have
  // channels in common wait for each other instead of locking each other out.
  const rows = await db.query<{ id: string; base: number; at: Date }>(
    `with wanted as (
       select * from unnest($1::uuid[], $2::int[], $3::bigint[]) as w (id, messages, version)
     ), locked as (
       select c.id from chat_channels c where c.id = any($1::uuid[]) order by c.id for no key update
     ), heads as (
       update chat_channels c set last_seq = c.last_seq + w.messages
       from wanted w
       where c.id = w.id and c.id = any(array(select id from locked))
         and c.is_active and c.deleted_at is null and c.access_version = w.version
       returning c.id, c.last_seq - w.messages as base, clock_timestamp()::timestamptz(3) as at
     ), stored as (
       insert into chat_messages (id, channel_id, user_id, content, seq, created_at, updated_at)
       select m.id, m.channel_id, m.user_id, m.content, h.base + m.n, h.at, h.at
       from unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::int[]) as m (id, channel_id, user_id, content, n)
       join heads h on h.id = m.channel_id
     )
     select id, base, at from heads`,
    [
      channels.map(({ channelId }) => channelId),
      channels.map(({ messages }) => messages.length),
      channels.map(({ accessVersion }) => accessVersion),
      messages.map(({ id }) => id),
      messages.map(({ channelId }) => channelId),
      messages.map(({ userId }) => userId),
      messages.map(({ content }) => content),
      messages.map(({ n }) => n),
    ],
  );
  return new Map(rows.map(({ id, base, at }) => [id, { firstSeq: base + 1, at }]));
}

/** The stored messages among the given ids, of any channel. */
export async function findMessages(db: Queryable, ids: readonly string[]): Promise<Map<string, KnownMessageRow>> {
  const rows = await db.query<KnownMessageRow>(
    `select ${COLUMNS}, h.rule as held_by
     from chat_messages m join users u on u.id = m.user_id left join held_messages h on h.message_id = m.id
     where m.id = any($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/**
 * A page of a channel's messages.
 *
 * @param bounds `beforeSeq` and `beforeTime`: the newest page before that place or instant; `afterSeq`: the oldest page
 *     after that place; none of them: the newest page
 * @param limit messages at most
 * @returns oldest first
 */
export async function readPage(
  db: Queryable,
  channelId: string,
  bounds: { readonly beforeSeq?: number; readonly afterSeq?: number; readonly beforeTime?: Date },
  limit: number,
): Promise<MessageRow[]> {
  if (bounds.afterSeq !== undefined) {
    return await db.query<MessageRow>(
      `select ${COLUMNS} from chat_messages m join users u on u.id = m.user_id
       where m.channel_id = $1 and m.seq > $2 order by m.seq limit $3`,
      [channelId, bounds.afterSeq, limit],
    );
  }
  const rows = await db.query<MessageRow>(
    `select ${COLUMNS} from chat_messages m join users u on u.id = m.user_id
     where m.channel_id = $1 and m.seq is not null and ($2::bigint is null or m.seq < $2) and ($3::timestamptz is null or m.created_at < $3)
     order by m.seq desc limit $4`,
    [channelId, bounds.beforeSeq ?? null, bounds.beforeTime ?? null, limit],
  );
  return rows.reverse();
}

/** One place of a channel's sequence: a message, or an event with the frame that tells of it. */
export type SequencedRow =
  | ({ readonly kind: 'message' } & MessageRow)
  | { readonly kind: string; readonly seq: number; readonly payload: object };

/** A part of a channel's sequence as it is stored, and where the whole begins and ends; all of one moment. */
export interface StoredSequence {
  readonly rows: SequencedRow[];
  /** Everything before it has been removed for its age. */
  readonly firstSeq: number;
  /** A place up to this one that is not in `rows` is not stored any more; later ones may come. */
  readonly lastSeq: number;
}

/**
 * Everything that has a place in the channel's sequence after `afterSeq`, oldest first.
 *
 * @param upToSeq last place wanted
 * @param limit places at most
 */
export async function readSequence(
  db: Queryable,
  channelId: string,
  afterSeq: number,
  upToSeq: number,
  limit: number,
): Promise<StoredSequence> {
  type Bounds = { readonly first_seq: number; readonly head_seq: number };
  // One statement, so that what is missing in the rows is really gone, and not only committed a moment later.
  const rows = await db.query<Bounds & (SequencedRow | { readonly kind: null })>(
    `select c.first_seq, c.last_seq as head_seq, s.*
     from chat_channels c left join lateral (
     (select 'message' as kind, ${COLUMNS}, null::jsonb as payload
      from chat_messages m join users u on u.id = m.user_id
      where m.channel_id = $1 and m.seq > $2 and m.seq <= $3 order by m.seq limit $4)
     union all
     (select e.kind, null, e.channel_id, null, null, null, null, null, e.seq, false, e.created_at, e.created_at, e.payload
      from channel_events e
      where e.channel_id = $1 and e.seq > $2 and e.seq <= $3 order by e.seq limit $4)
     order by seq limit $4) as s on true
     where c.id = $1 order by s.seq`,
    [channelId, afterSeq, upToSeq, limit],
  );
  const stored = rows.filter((row): row is Bounds & SequencedRow => row.kind !== null);
  return { rows: stored, firstSeq: rows[0]?.first_seq ?? 1, lastSeq: rows[0]?.head_seq ?? 0 };
}

/** Where a message stands and whose it is; null when there is none, or it has no place. */
export async function findMessage(
  db: Queryable,
  id: string,
): Promise<Pick<MessageRow, 'id' | 'channel_id' | 'user_id' | 'content' | 'seq' | 'is_deleted'> | null> {
  const [row] = await db.query<MessageRow>(
    'select id, channel_id, user_id, content, seq, is_deleted from chat_messages where id = $1 and seq is not null',
    [id],
  );
  return row ?? null;
}

/**
 * Empties messages and takes a place of the sequence for each deletion, in the order of the ids. The caller's transaction
 * holds the lock of the channel's row.
 *
 * @returns place of the first deletion, and the time of all
 */
export async function markDeleted(
  tx: Queryable,
  channelId: string,
  ids: readonly string[],
): Promise<{ firstSeq: number; at: Date }> {
  const [head] = await tx.query<{ first_seq: number; at: Date }>(
    `update chat_channels set last_seq = last_seq + $2 where id = $1
     returning last_seq - $2 + 1 as first_seq, clock_timestamp()::timestamptz(3) as at`,
    [channelId, ids.length],
  );
  if (head === undefined) throw new Error('markDeleted: the channel is not locked');
  await tx.query(
    `update chat_messages set content = '', is_deleted = true, updated_at = $2 where id = any($1::uuid[])`,
    [ids, head.at],
  );
  return { firstSeq: head.first_seq, at: head.at };
}

/** A user's messages of a channel since a time that are not deleted, oldest first; `limit` of them at most. */
export async function findRecentOf(
  db: Queryable,
  channelId: string,
  userId: string,
  since: Date,
  limit: number,
): Promise<Pick<MessageRow, 'id' | 'content' | 'seq'>[]> {
  return await db.query(
    `select id, content, seq from chat_messages
     where channel_id = $1 and user_id = $2 and created_at >= $3 and not is_deleted and seq is not null
     order by seq limit $4`,
    [channelId, userId, since, limit],
  );
}
