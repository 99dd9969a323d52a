import type { ChannelRole, SiteRole } from '@hubbub/protocol/rest.js';
import { POSTING_IN_FORCE } from './channels.js';
import type { Queryable } from './db.js';

/** A user as he stands in one channel. */
export interface PersonRow {
  readonly user_id: string;
  readonly username: string;
  readonly site_role: SiteRole;
  /** Null: not a member. */
  readonly role: ChannelRole | null;
  readonly is_banned: boolean;
}

/** Whether `u` is banned from the channel of the first parameter. */
const IS_BANNED = `exists (select from chat_bans b where b.channel_id = $1 and b.user_id = u.id and b.lifted_at is null
  and (b.expires_at is null or b.expires_at > clock_timestamp())) as is_banned`;

/**
 * Locks a channel's row until the end of the transaction, which orders it among the channel's messages.
 *
 * @param raise whether who may do what in the channel is going to change: raises its `access_version`
 * @returns the version and the time; null when there is no such channel
 */
export async function lockChannel(
  tx: Queryable,
  channelId: string,
  raise: boolean,
): Promise<{ readonly access_version: number; readonly at: Date } | null> {
  const [row] = await tx.query<{ access_version: number; at: Date }>(
    `update chat_channels set access_version = access_version + $2
     where id = $1 and deleted_at is null
     returning access_version, clock_timestamp() as at`,
    [channelId, raise ? 1 : 0],
  );
  return row ?? null;
}

/** The given users as they stand in a channel; users that do not exist are left out. */
export async function readPeople(
  db: Queryable,
  channelId: string,
  userIds: readonly string[],
): Promise<Map<string, PersonRow>> {
  const rows = await db.query<PersonRow>(
    `select u.id as user_id, u.username, u.role as site_role, m.role, ${IS_BANNED}
     from users u left join channel_members m on m.channel_id = $1 and m.user_id = u.id
     where u.id = any($2::uuid[])`,
    [channelId, userIds],
  );
  return new Map(rows.map((row) => [row.user_id, row]));
}

/** What decides whether a user may be in a channel and write in it. */
export interface StandingRow extends PersonRow {
  readonly is_muted: boolean;
  /** The shield is on, and asks for a longer membership than his. */
  readonly is_newcomer: boolean;
}

/** The channel's part of that decision, read in the same statement and so of the same moment. */
export interface ChannelStandings {
  readonly accessVersion: number;
  readonly channelType: 'public' | 'private';
  readonly posting: 'everyone' | 'members' | 'staff';
  /** Version of the rules and the shield. */
  readonly policyVersion: number;
  readonly users: Map<string, StandingRow>;
}

/** How the given users stand in a channel now; null when it is gone or inactive. */
export async function readStandings(
  db: Queryable,
  channelId: string,
  userIds: readonly string[],
): Promise<ChannelStandings | null> {
  const rows = await db.query<
    StandingRow & {
      access_version: number;
      policy_version: number;
      channel_type: 'public' | 'private';
      posting: ChannelStandings['posting'];
    }
  >(
    `select c.access_version, c.policy_version, c.channel_type, ${POSTING_IN_FORCE} as posting, u.id as user_id,
       u.username, u.role as site_role, m.role,
       ${IS_BANNED},
       exists (select from chat_mutes q where q.channel_id = c.id and q.user_id = u.id and q.lifted_at is null
         and (q.expires_at is null or q.expires_at > clock_timestamp())) as is_muted,
       (c.shield and (c.shield_profile ->> 'minimum_membership_minutes')::integer > 0
         and coalesce(m.created_at, 'infinity')
           > clock_timestamp() - make_interval(mins => (c.shield_profile ->> 'minimum_membership_minutes')::integer)
       ) as is_newcomer
     from chat_channels c
     left join users u on u.id = any($2::uuid[])
     left join channel_members m on m.channel_id = c.id and m.user_id = u.id
     where c.id = $1 and c.is_active and c.deleted_at is null`,
    [channelId, userIds],
  );
  const [first] = rows;
  if (first === undefined) return null;
  return {
    accessVersion: first.access_version,
    channelType: first.channel_type,
    posting: first.posting,
    policyVersion: first.policy_version,
    users: new Map(rows.filter((row) => row.user_id !== null).map((row) => [row.user_id, row])),
  };
}
