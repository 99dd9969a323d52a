import { createHash } from 'node:crypto';
import type { LogAction } from '@hubbub/protocol/moderation.js';
import type { Db, Queryable } from './db.js';
import { lockChannel } from './people.js';

/*
 * The audit trail. Rows are written in the transaction of the action, under the lock of the channel's row, and never
 * changed. Each carries a hash over itself and the hash of the row before it in the channel, so that a changed or missing
 * row shows: whoever knows the newest hash can check the whole trail.
 */

export interface NewLogEntry {
  /** Null: the whole site. */
  readonly channelId: string | null;
  readonly moderatorId: string;
  readonly targetUserId: string | null;
  readonly action: LogAction;
  readonly reason: string | null;
  /** What the action was about. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

export interface LogRow {
  readonly id: number;
  readonly channel_id: string | null;
  readonly moderator_id: string;
  readonly moderator_username: string | null;
  readonly target_user_id: string | null;
  readonly target_username: string | null;
  readonly action: LogAction;
  readonly reason: string | null;
  readonly details: Record<string, unknown>;
  readonly created_at: Date;
  readonly hash: string;
}

const COLUMNS = `l.id, l.channel_id, l.moderator_id, a.username as moderator_username, l.target_user_id,
  t.username as target_username, l.action, l.reason, l.details, l.created_at, encode(l.hash, 'hex') as hash`;
const PEOPLE = 'left join users a on a.id = l.moderator_id left join users t on t.id = l.target_user_id';

/** Writes a row. The caller's transaction holds the lock of the channel's row, or of the site's where there is none. */
export function insertLogEntry(tx: Queryable, entry: NewLogEntry): Promise<void> {
  return insertLogEntries(tx, entry.channelId, [entry]);
}

/** Writes rows of one trail in the order given, under the same lock as {@link insertLogEntry}. */
export async function insertLogEntries(
  tx: Queryable,
  channelId: string | null,
  entries: readonly NewLogEntry[],
): Promise<void> {
  const { where, values } = conditionOf(wholeTrail(channelId));
  const [last] = await tx.query<{ hash: string }>(
    `select encode(l.hash, 'hex') as hash from chat_moderation_log l where ${where} order by l.id desc limit 1`,
    values,
  );
  let previous = last?.hash ?? '';
  const hashes = entries.map((entry) => {
    previous = chainHash(previous, entry);
    return previous;
  });
  await tx.query(
    `insert into chat_moderation_log
       (channel_id, moderator_id, target_user_id, action, reason, details, created_at, hash)
     select $1, moderator_id, target_user_id, action, reason, details, created_at, decode(hash, 'hex')
     from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::timestamptz[], $8::text[])
       with ordinality as e (moderator_id, target_user_id, action, reason, details, created_at, hash, n)
     order by n`,
    [
      channelId,
      entries.map(({ moderatorId }) => moderatorId),
      entries.map(({ targetUserId }) => targetUserId),
      entries.map(({ action }) => action),
      entries.map(({ reason }) => reason),
      entries.map(({ details }) => JSON.stringify(details)),
      entries.map(({ at }) => at),
      hashes,
    ],
  );
}

/** Which rows of a trail. */
export interface LogFilter {
  /** Null: the whole site. */
  readonly channelId: string | null;
  readonly action: LogAction | null;
  /** Only actions on this user. */
  readonly targetUserId: string | null;
  /** Only actions by this user. */
  readonly moderatorId: string | null;
  /** Only actions at this time or after it. */
  readonly since: Date | null;
  /** Only actions before this time. */
  readonly until: Date | null;
}

/** Every row of a trail. */
export function wholeTrail(channelId: string | null): LogFilter {
  return { channelId, action: null, targetUserId: null, moderatorId: null, since: null, until: null };
}

/** Only what is asked for is compared, so that the planner can see which index serves. */
function conditionOf(filter: LogFilter): { where: string; values: unknown[] } {
  const { channelId, action, targetUserId, moderatorId, since, until } = filter;
  const values: unknown[] = [];
  const conditions: string[] = [];
  if (channelId === null) conditions.push('l.channel_id is null');
  const compared: readonly (readonly [string, unknown])[] = [
    ['l.channel_id =', channelId],
    ['l.action =', action],
    ['l.target_user_id =', targetUserId],
    ['l.moderator_id =', moderatorId],
    ['l.created_at >=', since],
    ['l.created_at <', until],
  ];
  for (const [comparison, value] of compared) {
    if (value !== null) conditions.push(`${comparison} $${values.push(value)}`);
  }
  return { where: conditions.join(' and '), values };
}

/** A page of a trail, newest first, and how many rows match in all. */
export async function listLog(
  db: Queryable,
  filter: LogFilter,
  limit: number,
  offset: number,
): Promise<{ rows: LogRow[]; total: number }> {
  const { where, values } = conditionOf(filter);
  const at = values.length;
  // Ordered by id, rows of long ago would be looked for from the newest on: 60 to 125 ms where the trails have 200,000 rows.
  const materialized = filter.since === null && filter.until === null ? 'not materialized' : 'materialized';
  const [rows, [count]] = await Promise.all([
    db.query<LogRow>(
      `with matching as ${materialized} (select l.id from chat_moderation_log l where ${where})
       select ${COLUMNS} from chat_moderation_log l ${PEOPLE}
       where l.id in (select id from matching order by id desc limit $${at + 1} offset $${at + 2})
       order by l.id desc`,
      [...values, limit, offset],
    ),
    db.query<{ total: number }>(`select count(*) as total from chat_moderation_log l where ${where}`, values),
  ]);
  return { rows, total: count?.total ?? 0 };
}

/** The rows of a trail after one, oldest first. @param afterId 0: from the beginning */
export async function readLogAfter(
  db: Queryable,
  filter: LogFilter,
  afterId: number,
  limit: number,
): Promise<LogRow[]> {
  const { where, values } = conditionOf(filter);
  const at = values.length;
  return await db.query<LogRow>(
    `select ${COLUMNS} from chat_moderation_log l ${PEOPLE} where ${where} and l.id > $${at + 1}
     order by l.id limit $${at + 2}`,
    [...values, afterId, limit],
  );
}

/** The channels that have a trail; null stands for the whole site. */
export async function listTrails(db: Queryable): Promise<(string | null)[]> {
  const rows = await db.query<{ channel_id: string | null }>(
    'select distinct channel_id from chat_moderation_log order by channel_id nulls first',
  );
  return rows.map((row) => row.channel_id);
}

/** The hash of a row: SHA-256 over the hash before it (hex; empty for the first) and the row in a fixed form. */
export function chainHash(previous: string, entry: NewLogEntry): string {
  const { channelId, moderatorId, targetUserId, action, reason, details, at } = entry;
  const row = canonicalJson([channelId, moderatorId, targetUserId, action, reason, details, at.toISOString()]);
  return createHash('sha256').update(`${previous}\n${row}`).digest('hex');
}

/** JSON with sorted keys: `jsonb` does not keep their order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/** Writes what the rules of a channel have stopped, in a transaction of its own; nothing when the channel is gone. */
export async function writeHits(db: Db, channelId: string, entries: readonly Omit<NewLogEntry, 'at'>[]): Promise<void> {
  await db.transaction(async (tx) => {
    const locked = await lockChannel(tx, channelId, false);
    if (locked === null) return;
    await insertLogEntries(
      tx,
      channelId,
      entries.map((entry) => ({ ...entry, at: locked.at })),
    );
  });
}
