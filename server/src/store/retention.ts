import type { Db, Queryable } from './db.js';

/*
 * Removing what is older than its channel keeps. A channel's sequence loses its beginning and nothing else: what is left
 * has no hole, and begins at `chat_channels.first_seq`.
 */

/** Longest time that one statement of a batch may take, and may wait for a lock that somebody else has, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 2000;
// Shorter than PostgreSQL waits (a second) before it looks for a deadlock and ends one of the two.
const LOCK_TIMEOUT_MS = 200;

/**
 * Takes the lease on the removal, by the clock of the database, when the last complete run is long enough ago and no one
 * else has it.
 *
 * @param leaseMs after which it lapses if it is not extended
 * @param intervalMs between the end of one run and the beginning of the next
 * @returns whether it was taken; and when the last complete run ended, null when there was none
 */
export async function takeLease(
  db: Queryable,
  holder: string,
  leaseMs: number,
  intervalMs: number,
): Promise<{ taken: boolean; finishedAt: Date | null }> {
  const [row] = await db.query<{ taken: boolean; finished_at: Date | null }>(
    `with taken as (
       update retention_lease set holder = $1, held_until = clock_timestamp() + $2 * interval '1 millisecond'
       where held_until < clock_timestamp() and finished_at < clock_timestamp() - $3 * interval '1 millisecond'
       returning single
     )
     select exists (select from taken) as taken, nullif(finished_at, '-infinity') as finished_at from retention_lease`,
    [holder, leaseMs, intervalMs],
  );
  return { taken: row?.taken ?? false, finishedAt: row?.finished_at ?? null };
}

/** @returns false when it has lapsed and somebody else has taken it */
export async function extendLease(db: Queryable, holder: string, leaseMs: number): Promise<boolean> {
  const rows = await db.query(
    `update retention_lease set held_until = clock_timestamp() + $2 * interval '1 millisecond'
     where holder = $1 returning single`,
    [holder, leaseMs],
  );
  return rows.length > 0;
}

/** Gives the lease back. @param finished whether all that was due is removed: the next run is due after the interval only */
export async function endLease(db: Queryable, holder: string, finished: boolean): Promise<void> {
  await db.query(
    `update retention_lease set holder = null, held_until = '-infinity',
       finished_at = case when $2 then clock_timestamp() else finished_at end
     where holder = $1`,
    [holder, finished],
  );
}

/** A channel of which something is older than it keeps. */
export interface DueChannel {
  readonly id: string;
  /** What is older than this goes. */
  readonly keptFrom: Date;
  /** Of the oldest that it has. */
  readonly oldestAt: Date;
}

/**
 * Looks through channels in the order of their ids, deleted ones too.
 *
 * @param afterId begins after this one; null: at the first
 * @param serverDays what the server keeps at most; null: no bound, and only channels with one of their own are looked at
 * @param limit channels to look at
 * @returns those of them that have something to remove, and the last one looked at; null: there are no more
 */
export async function findDue(
  db: Queryable,
  afterId: string | null,
  serverDays: number | null,
  limit: number,
): Promise<{ due: DueChannel[]; lastId: string | null }> {
  // Places before first_seq are not looked at: until they are vacuumed away, the index has an entry for each.
  const rows = await db.query<{ id: string; kept_from: Date; oldest_at: Date | null }>(
    `select c.id, c.kept_from, least(
       (select m.created_at from chat_messages m where m.channel_id = c.id and m.seq >= c.first_seq order by m.seq limit 1),
       (select e.created_at from channel_events e where e.channel_id = c.id and e.seq >= c.first_seq order by e.seq limit 1),
       (select h.held_at from held_messages h where h.channel_id = c.id and h.decision is distinct from 'approve'
        order by h.held_at limit 1),
       (select r.resolved_at from chat_reports r where r.channel_id = c.id and r.resolved_at is not null
        order by r.resolved_at limit 1)
     ) as oldest_at
     from (
       select id, first_seq, clock_timestamp() - least(retention_days, $2::integer) * interval '1 day' as kept_from
       from chat_channels
       where ($1::uuid is null or id > $1) and ($2::integer is not null or retention_days is not null)
       order by id limit $3
     ) as c
     order by c.id`,
    [afterId, serverDays, limit],
  );
  const due = rows.flatMap(({ id, kept_from: keptFrom, oldest_at: oldestAt }) =>
    oldestAt !== null && oldestAt < keptFrom ? [{ id, keptFrom, oldestAt }] : [],
  );
  return { due, lastId: rows.length < limit ? null : (rows.at(-1)?.id ?? null) };
}

/** What a batch has removed. */
export interface Removed {
  readonly messages: number;
  readonly events: number;
  readonly held: number;
  readonly reports: number;
  /** First place that is left. */
  readonly firstSeq: number;
  /** Nothing more is due in the channel. */
  readonly isDone: boolean;
}

/**
 * Removes the oldest of a channel: places of its sequence from the first one on, then what has no place in it.
 *
 * Its row is locked last, for the time of the commit alone, so that senders do not wait for the removal. Somebody who has
 * that lock may want one of the rows removed here: whoever would have to wait for long for the other gives up.
 *
 * @param limit rows of each kind
 * @throws StorageUnavailable, also when a statement took too long; a lock timeout. Nothing is removed then
 */
export async function removeBatch(db: Db, channel: DueChannel, limit: number): Promise<Removed> {
  return await db.transaction(async (tx) => {
    // A crash that undoes the batch does no harm, so nobody waits for the disk while the channel is locked.
    await tx.query(
      `select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
         set_config('synchronous_commit', 'off', true)`,
      [String(STATEMENT_TIMEOUT_MS), String(LOCK_TIMEOUT_MS)],
    );
    const { id, keptFrom } = channel;
    const [cut] = await tx.query<{ first_seq: number; cut_seq: number | null }>(
      // What follows a younger place stays, whatever its own time: the sequence is only ever cut at its beginning.
      `with places as (
         select p.seq, p.created_at from chat_channels c cross join lateral (
           (select m.seq, m.created_at from chat_messages m where m.channel_id = c.id and m.seq >= c.first_seq
            order by m.seq limit $3)
           union all
           (select e.seq, e.created_at from channel_events e where e.channel_id = c.id and e.seq >= c.first_seq
            order by e.seq limit $3)
         ) as p
         where c.id = $1 order by p.seq limit $3
       )
       select c.first_seq,
         coalesce((select min(seq) from places where created_at >= $2), (select max(seq) + 1 from places)) as cut_seq
       from chat_channels c where c.id = $1`,
      [id, keptFrom, limit],
    );
    const firstSeq = cut?.first_seq ?? 1;
    const cutSeq = Math.max(firstSeq, cut?.cut_seq ?? firstSeq);
    const places = [id, firstSeq, cutSeq];
    const isCut = cutSeq > firstSeq;
    const messages = isCut ? await rowsOf(tx, REMOVE_MESSAGES, places) : 0;
    const events = isCut ? await rowsOf(tx, REMOVE_EVENTS, places) : 0;
    const held = await rowsOf(tx, REMOVE_HELD, [id, keptFrom, limit]);
    const reports = await rowsOf(tx, REMOVE_REPORTS, [id, keptFrom, limit]);
    if (isCut)
      await tx.query('update chat_channels set first_seq = greatest(first_seq, $2) where id = $1', [id, cutSeq]);
    const isDone = [messages + events, held, reports].every((rows) => rows < limit);
    return { messages, events, held, reports, firstSeq: cutSeq, isDone };
  });
}

const REMOVE_MESSAGES = `with gone as (delete from chat_messages where channel_id = $1 and seq >= $2 and seq < $3 returning 1)
  select count(*) as rows from gone`;
const REMOVE_EVENTS = `with gone as (delete from channel_events where channel_id = $1 and seq >= $2 and seq < $3 returning 1)
  select count(*) as rows from gone`;
// Looked at once more when the row had to be waited for: it may have been approved, and have its place now.
const REMOVE_HELD = `with gone as (
    delete from chat_messages where seq is null and id in (
      select message_id from held_messages
      where channel_id = $1 and held_at < $2 and decision is distinct from 'approve' order by held_at limit $3)
    returning 1
  )
  select count(*) as rows from gone`;
// Those that are open stay: nobody has decided on them yet.
const REMOVE_REPORTS = `with gone as (
    delete from chat_reports where id in (
      select id from chat_reports where channel_id = $1 and resolved_at < $2 order by resolved_at limit $3)
    returning 1
  )
  select count(*) as rows from gone`;

async function rowsOf(tx: Queryable, removal: string, params: readonly unknown[]): Promise<number> {
  const [row] = await tx.query<{ rows: number }>(removal, params);
  return row?.rows ?? 0;
}

/** Makes room of what was removed, in the embedded database: nothing else does that there. */
export async function vacuum(db: Queryable): Promise<void> {
  await db.exec('vacuum chat_messages');
  await db.exec('vacuum channel_events');
}
