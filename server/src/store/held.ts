import type { Decision, RuleName } from '@hubbub/protocol/auto-moderation.js';
import type { Queryable } from './db.js';
import type { MessageRow } from './messages.js';

/*
 * Messages that wait for review. Each has its row in chat_messages, without a place: so its id is taken, a retry collides
 * like that of any other message, and nothing that reads by place ever sees it.
 */

export interface NewHeldMessage {
  readonly id: string;
  readonly channelId: string;
  readonly userId: string;
  readonly content: string;
  readonly rule: RuleName;
}

/** A channel locked for holding a message. */
export interface HoldingRow {
  readonly policy_version: number;
  /** Messages that wait for review in the channel, and those of the author among them. */
  readonly waiting: number;
  readonly waiting_of_user: number;
}

/** Locks the channel and counts what waits in it; null when it is gone or inactive. */
export async function lockForHolding(tx: Queryable, channelId: string, userId: string): Promise<HoldingRow | null> {
  const [channel] = await tx.query<{ policy_version: number }>(
    `select policy_version from chat_channels where id = $1 and is_active and deleted_at is null for no key update`,
    [channelId],
  );
  if (channel === undefined) return null;
  // Another statement, so that it sees what was committed while the lock was waited for.
  const [counts] = await tx.query<{ waiting: number; waiting_of_user: number }>(
    `select count(*) as waiting, count(*) filter (where user_id = $2) as waiting_of_user
     from held_messages where channel_id = $1 and decision is null`,
    [channelId, userId],
  );
  return { ...channel, waiting: counts?.waiting ?? 0, waiting_of_user: counts?.waiting_of_user ?? 0 };
}

/** Puts a message into the queue. @returns when; null when the id is taken, and nothing was done */
export async function insertHeld(tx: Queryable, message: NewHeldMessage): Promise<Date | null> {
  const [row] = await tx.query<{ held_at: Date }>(
    `with m as (
       insert into chat_messages (id, channel_id, user_id, content, created_at, updated_at)
       values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp())
       on conflict (id) do nothing
       returning id, channel_id, user_id, created_at
     )
     insert into held_messages (message_id, channel_id, user_id, rule, held_at)
     select id, channel_id, user_id, $5, created_at from m
     returning held_at`,
    [message.id, message.channelId, message.userId, message.content, message.rule],
  );
  return row?.held_at ?? null;
}

export interface HeldRow {
  readonly id: string;
  readonly channel_id: string;
  readonly user_id: string;
  readonly username: string;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  readonly content: string;
  readonly rule: RuleName;
  readonly held_at: Date;
}

const COLUMNS = `h.message_id as id, h.channel_id, h.user_id, u.username, u.display_name, u.avatar_url, m.content, h.rule,
  h.held_at`;
const SOURCE = `held_messages h join chat_messages m on m.id = h.message_id join users u on u.id = h.user_id`;

/** A page of what waits for review in a channel, oldest first, and how much there is in all. */
export async function listHeld(
  db: Queryable,
  channelId: string,
  limit: number,
  offset: number,
): Promise<{ rows: HeldRow[]; total: number }> {
  const [rows, [count]] = await Promise.all([
    db.query<HeldRow>(
      `select ${COLUMNS} from ${SOURCE} where h.channel_id = $1 and h.decision is null
       order by h.held_at, h.message_id limit $2 offset $3`,
      [channelId, limit, offset],
    ),
    db.query<{ total: number }>(
      'select count(*) as total from held_messages where channel_id = $1 and decision is null',
      [channelId],
    ),
  ]);
  return { rows, total: count?.total ?? 0 };
}

/** One held message of a channel, decided or not, with what speaks against its author on the whole site. */
export async function findHeld(
  db: Queryable,
  channelId: string,
  id: string,
): Promise<(HeldRow & { readonly decision: Decision | null; readonly is_suspended: boolean }) | null> {
  const [row] = await db.query<HeldRow & { decision: Decision | null; is_suspended: boolean }>(
    `select ${COLUMNS}, h.decision,
       (u.suspended_at is not null and (u.suspended_until is null or u.suspended_until > clock_timestamp())) as is_suspended
     from ${SOURCE} where h.channel_id = $1 and h.message_id = $2`,
    [channelId, id],
  );
  return row ?? null;
}

/** Notes the decision. The caller's transaction holds the lock of the channel's row, and has seen that there was none. */
export async function decideHeld(
  tx: Queryable,
  id: string,
  decision: Decision,
  decidedBy: string,
  at: Date,
): Promise<void> {
  await tx.query('update held_messages set decision = $2, decided_by = $3, decided_at = $4 where message_id = $1', [
    id,
    decision,
    decidedBy,
    at,
  ]);
  if (decision === 'reject') {
    await tx.query(`update chat_messages set content = '', is_deleted = true, updated_at = $2 where id = $1`, [id, at]);
  }
}

/**
 * Gives a held message its place, at the end of the channel as it is now.
 *
 * @returns it, with its author as he is now; null when it has just been removed for its age: the place is to be given back
 */
export async function placeHeld(tx: Queryable, channelId: string, id: string): Promise<MessageRow | null> {
  const [row] = await tx.query<MessageRow>(
    `with head as (
       update chat_channels set last_seq = last_seq + 1 where id = $1 returning last_seq, clock_timestamp() as at
     ), m as (
       update chat_messages set seq = head.last_seq, created_at = head.at, updated_at = head.at
       from head where chat_messages.id = $2 and chat_messages.seq is null
       returning chat_messages.*
     )
     select m.id, m.channel_id, m.user_id, u.username, u.display_name, u.avatar_url, m.content, m.seq, m.is_deleted,
       m.created_at, m.updated_at
     from m join users u on u.id = m.user_id`,
    [channelId, id],
  );
  return row ?? null;
}

/** What waits of a user in a channel since a time, oldest first. Few: how many a user can have is bounded. */
export async function findHeldOf(
  tx: Queryable,
  channelId: string,
  userId: string,
  since: Date,
): Promise<Pick<HeldRow, 'id' | 'rule' | 'content'>[]> {
  return await tx.query(
    `select h.message_id as id, h.rule, m.content from held_messages h join chat_messages m on m.id = h.message_id
     where h.channel_id = $1 and h.user_id = $2 and h.held_at >= $3 and h.decision is null
     order by h.held_at, h.message_id`,
    [channelId, userId, since],
  );
}

/**
 * Rejects messages that wait. The caller's transaction holds the lock of the channel's row.
 *
 * @param decidedBy null: no moderator did, their author is erased
 */
export async function rejectHeld(
  tx: Queryable,
  ids: readonly string[],
  decidedBy: string | null,
  at: Date,
): Promise<void> {
  await tx.query(
    `with gone as (
       update held_messages set decision = 'reject', decided_by = $2, decided_at = $3
       where message_id = any($1::uuid[]) returning message_id
     )
     update chat_messages set content = '', is_deleted = true, updated_at = $3
     where id in (select message_id from gone)`,
    [ids, decidedBy, at],
  );
}
