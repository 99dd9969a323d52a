import { randomUUID } from 'node:crypto';
import type { RestrictionKind } from '@hubbub/protocol/moderation.js';
import type { Queryable } from './db.js';

/*
 * Bans, timeouts and mutes: separate facts that stand beside each other. One of a kind is in force for a user at a time;
 * a new one takes the place of the old. One whose time is over counts for nothing at once, without any job having to run.
 */

export interface RestrictionRow {
  readonly id: string;
  readonly kind: RestrictionKind;
  readonly user_id: string;
  readonly username: string;
  readonly reason: string | null;
  readonly moderator_id: string | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

export interface NewRestriction {
  readonly channelId: string;
  readonly userId: string;
  readonly kind: RestrictionKind;
  readonly reason: string | null;
  /** Null: the rules of auto-moderation. */
  readonly moderatorId: string | null;
  readonly at: Date;
  /** Null: until it is lifted. */
  readonly expiresAt: Date | null;
}

const IN_FORCE = 'lifted_at is null and (expires_at is null or expires_at > clock_timestamp())';

/** Puts a restriction in force; an earlier one of the kind is lifted. @returns its id */
export async function insertRestriction(tx: Queryable, restriction: NewRestriction): Promise<string> {
  const { channelId, userId, kind, reason, moderatorId, at, expiresAt } = restriction;
  await liftRestrictions(tx, channelId, userId, [kind], moderatorId);
  const id = randomUUID();
  if (kind === 'mute') {
    await tx.query(
      `insert into chat_mutes (id, channel_id, user_id, reason, muted_by, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [id, channelId, userId, reason, moderatorId, at, expiresAt],
    );
  } else {
    await tx.query(
      `insert into chat_bans (id, channel_id, user_id, kind, reason, banned_by, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [id, channelId, userId, kind, reason, moderatorId, at, expiresAt],
    );
  }
  return id;
}

/** Lifts restrictions of the given kinds. @returns how many of them were in force */
export async function liftRestrictions(
  tx: Queryable,
  channelId: string,
  userId: string,
  kinds: readonly RestrictionKind[],
  moderatorId: string | null,
): Promise<number> {
  // Lapsed ones are lifted with them, so that the unique index has room; only those in force count.
  const [bans, mutes] = [
    await tx.query<{ in_force: boolean }>(
      `update chat_bans set lifted_at = clock_timestamp(), lifted_by = $4
       where channel_id = $1 and user_id = $2 and kind = any($3::text[]) and lifted_at is null
       returning (expires_at is null or expires_at > clock_timestamp()) as in_force`,
      [channelId, userId, kinds, moderatorId],
    ),
    kinds.includes('mute')
      ? await tx.query<{ in_force: boolean }>(
          `update chat_mutes set lifted_at = clock_timestamp(), lifted_by = $3
           where channel_id = $1 and user_id = $2 and lifted_at is null
           returning (expires_at is null or expires_at > clock_timestamp()) as in_force`,
          [channelId, userId, moderatorId],
        )
      : [],
  ];
  return [...bans, ...mutes].filter((row) => row.in_force).length;
}

const ALL = `(
  select b.id, b.channel_id, b.kind, b.user_id, b.reason, b.banned_by as moderator_id, b.created_at, b.expires_at,
    b.lifted_at from chat_bans b
  union all
  select m.id, m.channel_id, 'mute', m.user_id, m.reason, m.muted_by, m.created_at, m.expires_at, m.lifted_at
    from chat_mutes m
) r`;

/** A page of what is in force in a channel, newest first, and how much there is in all. */
export async function listRestrictions(
  db: Queryable,
  channelId: string,
  limit: number,
  offset: number,
): Promise<{ rows: RestrictionRow[]; total: number }> {
  const [rows, [count]] = await Promise.all([
    db.query<RestrictionRow>(
      `select r.id, r.kind, r.user_id, u.username, r.reason, r.moderator_id, r.created_at, r.expires_at
       from ${ALL} join users u on u.id = r.user_id
       where r.channel_id = $1 and ${IN_FORCE}
       order by r.created_at desc, r.id limit $2 offset $3`,
      [channelId, limit, offset],
    ),
    db.query<{ total: number }>(`select count(*) as total from ${ALL} where channel_id = $1 and ${IN_FORCE}`, [
      channelId,
    ]),
  ]);
  return { rows, total: count?.total ?? 0 };
}

/** What is in force against one user in a channel. */
export async function findRestrictions(
  db: Queryable,
  channelId: string,
  userId: string,
): Promise<Pick<RestrictionRow, 'id' | 'kind' | 'reason' | 'expires_at'>[]> {
  return await db.query(
    `select r.id, r.kind, r.reason, r.expires_at from ${ALL} where channel_id = $1 and user_id = $2 and ${IN_FORCE}
     order by r.expires_at desc nulls first`,
    [channelId, userId],
  );
}
