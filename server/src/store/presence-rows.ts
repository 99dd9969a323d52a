import type { PresenceStatus } from '@hubbub/protocol/rest.js';
import type { Queryable } from './db.js';

export interface PresenceRow {
  readonly userId: string;
  readonly channelId: string;
  readonly status: PresenceStatus;
  readonly at: Date;
}

/** Writes a batch of `user_presence` rows in one statement. One row for each (user, channel); older news never wins. */
export async function writePresence(db: Queryable, rows: readonly PresenceRow[]): Promise<void> {
  // Sorted, so that two instances that write the same rows lock them in the same order.
  const sorted = rows.toSorted((a, b) => compare(a.channelId, b.channelId) || compare(a.userId, b.userId));
  await db.query(
    `insert into user_presence (user_id, channel_id, status, last_seen, updated_at)
     select p.user_id, p.channel_id, p.status, p.at, p.at
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) as p (user_id, channel_id, status, at)
     on conflict (user_id, channel_id) do update
       set status = excluded.status, last_seen = excluded.last_seen, updated_at = excluded.updated_at
       where user_presence.updated_at <= excluded.updated_at`,
    [
      sorted.map((row) => row.userId),
      sorted.map((row) => row.channelId),
      sorted.map((row) => row.status),
      sorted.map((row) => row.at),
    ],
  );
}

/** Marks everyone as offline: for the start of an instance that is alone, after a crash. */
export async function clearPresence(db: Queryable): Promise<void> {
  await db.query("update user_presence set status = 'offline', updated_at = now() where status <> 'offline'");
}

export interface RosterRow {
  readonly user_id: string;
  readonly username: string;
  /** Null until the first batch that has him is written. */
  readonly last_seen: Date | null;
}

/** Names and last signs of life of the given users of a channel, by name. */
export async function readRoster(db: Queryable, channelId: string, userIds: readonly string[]): Promise<RosterRow[]> {
  return await db.query<RosterRow>(
    `select u.id as user_id, u.username, p.last_seen
     from users u left join user_presence p on p.user_id = u.id and p.channel_id = $1
     where u.id = any($2::uuid[]) order by u.username, u.id`,
    [channelId, userIds],
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
