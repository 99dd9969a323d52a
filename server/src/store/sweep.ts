import type { Queryable } from './db.js';

/**
 * Tidies up after what has ended by itself: it counts for nothing from its end on, whether its row is swept or not, but
 * the indexes of what is in force, and what every instance holds of the site, should not grow with it.
 *
 * @returns rows that were swept
 */
export async function sweepLapsed(db: Queryable): Promise<number> {
  let swept = 0;
  for (const statement of LAPSED) swept += (await db.query(statement)).length;
  return swept;
}

const LAPSED = [
  'update chat_bans set lifted_at = expires_at where lifted_at is null and expires_at <= clock_timestamp() returning id',
  'update chat_mutes set lifted_at = expires_at where lifted_at is null and expires_at <= clock_timestamp() returning id',
  `update users set suspended_at = null, suspended_until = null, suspension_reason = null
   where suspended_at is not null and suspended_until <= clock_timestamp() returning id`,
  'delete from revoked_tokens where expires_at <= clock_timestamp() returning jti',
];
