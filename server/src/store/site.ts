import type { Queryable } from './db.js';

/*
 * What is done to users on the whole site: suspensions and revoked tokens. `site_state.access_version` is raised with
 * every change, in its transaction.
 */

/** Everything that is in force: small, so every instance holds all of it. */
export interface SiteRestrictions {
  readonly version: number;
  /** User -> until when (milliseconds since the epoch; infinity: until he is restored). */
  readonly suspended: ReadonlyMap<string, number>;
  /** User -> tokens issued before this time count for nothing (milliseconds since the epoch). */
  readonly validAfter: ReadonlyMap<string, number>;
  /** Users whose data was erased, and when (milliseconds since the epoch). */
  readonly erased: ReadonlyMap<string, number>;
  /** Ids of revoked tokens. */
  readonly revoked: ReadonlySet<string>;
}

/** Takes the site for a change: locks its row until the end of the transaction and raises its version. */
export async function lockSite(tx: Queryable): Promise<{ readonly at: Date }> {
  const [row] = await tx.query<{ at: Date }>(
    'update site_state set access_version = access_version + 1 returning clock_timestamp() as at',
  );
  if (row === undefined) throw new Error('lockSite: site_state has no row');
  return row;
}

export async function readSiteVersion(db: Queryable): Promise<number> {
  const [row] = await db.query<{ access_version: number }>('select access_version from site_state');
  return row?.access_version ?? 0;
}

export async function readSiteRestrictions(db: Queryable): Promise<SiteRestrictions> {
  // The version first: what changes between the reads is read again with the next one.
  const version = await readSiteVersion(db);
  const users = await db.query<{
    id: string;
    suspended: boolean;
    suspended_until: Date | null;
    tokens_valid_after: Date | null;
    erased_at: Date | null;
  }>(
    // Who was erased has no valid tokens, so he is among them.
    `select id, suspended_at is not null as suspended, suspended_until, tokens_valid_after, erased_at from users
     where suspended_at is not null or tokens_valid_after is not null`,
  );
  const tokens = await db.query<{ jti: string }>('select jti from revoked_tokens where expires_at > clock_timestamp()');
  return {
    version,
    suspended: new Map(
      users
        .filter((user) => user.suspended)
        .map((user) => [user.id, user.suspended_until?.getTime() ?? Number.POSITIVE_INFINITY]),
    ),
    validAfter: new Map(
      users.flatMap((user) => (user.tokens_valid_after === null ? [] : [[user.id, user.tokens_valid_after.getTime()]])),
    ),
    erased: new Map(users.flatMap((user) => (user.erased_at === null ? [] : [[user.id, user.erased_at.getTime()]]))),
    revoked: new Set(tokens.map((token) => token.jti)),
  };
}

/** @param until null: until he is restored */
export async function suspendUser(
  tx: Queryable,
  userId: string,
  at: Date,
  until: Date | null,
  reason: string | null,
): Promise<void> {
  await tx.query('update users set suspended_at = $2, suspended_until = $3, suspension_reason = $4 where id = $1', [
    userId,
    at,
    until,
    reason,
  ]);
}

/** @returns whether he was suspended */
export async function restoreUser(tx: Queryable, userId: string): Promise<boolean> {
  const rows = await tx.query(
    `update users set suspended_at = null, suspended_until = null, suspension_reason = null
     where id = $1 and suspended_at is not null and (suspended_until is null or suspended_until > clock_timestamp())
     returning id`,
    [userId],
  );
  return rows.length > 0;
}

export async function revokeToken(
  tx: Queryable,
  token: { readonly jti: string; readonly userId: string | null; readonly revokedBy: string; readonly expiresAt: Date },
): Promise<void> {
  await tx.query(
    `insert into revoked_tokens (jti, user_id, revoked_by, expires_at) values ($1, $2, $3, $4)
     on conflict (jti) do update set expires_at = greatest(revoked_tokens.expires_at, excluded.expires_at)`,
    [token.jti, token.userId, token.revokedBy, token.expiresAt],
  );
  await tx.query('delete from revoked_tokens where expires_at < clock_timestamp()');
}

/** Makes tokens of the user that were issued before `before` count for nothing. */
export async function revokeTokensOf(tx: Queryable, userId: string, before: Date): Promise<void> {
  await tx.query('update users set tokens_valid_after = greatest(coalesce(tokens_valid_after, $2), $2) where id = $1', [
    userId,
    before,
  ]);
}
