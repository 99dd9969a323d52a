import type { SiteRole } from '@hubbub/protocol/rest.js';
import type { Queryable } from './db.js';

export interface UserRow {
  readonly id: string;
  readonly username: string;
  readonly displayName: string | null;
  readonly avatarUrl: string | null;
  readonly role: SiteRole;
}

/** Makes the user's row, or brings it up to what the token says. Writes nothing when nothing changed. */
export async function upsertUser(db: Queryable, user: UserRow): Promise<void> {
  await db.query(
    `insert into users (id, username, display_name, avatar_url, role)
     values ($1, $2, $3, $4, $5)
     on conflict (id) do update
       set username = excluded.username, display_name = excluded.display_name,
           avatar_url = excluded.avatar_url, role = excluded.role, updated_at = now()
       where (users.username, users.display_name, users.avatar_url, users.role)
         is distinct from (excluded.username, excluded.display_name, excluded.avatar_url, excluded.role)`,
    [user.id, user.username, user.displayName, user.avatarUrl, user.role],
  );
}

export async function findUser(db: Queryable, userId: string): Promise<UserRow | null> {
  const [row] = await db.query<UserRow>(
    `select id, username, display_name as "displayName", avatar_url as "avatarUrl", role from users where id = $1`,
    [userId],
  );
  return row ?? null;
}

/** Takes a user's name, picture, memberships (ownerships stay), presence and the words of his reports away. */
export async function eraseUser(tx: Queryable, userId: string, at: Date): Promise<void> {
  await tx.query(
    `update users set username = 'erased-' || left(id::text, 8), display_name = null, avatar_url = null, erased_at = $2,
       updated_at = $2
     where id = $1`,
    [userId, at],
  );
  // Who is no member any more may do less: what is remembered of him under the channels' versions is void.
  await tx.query(
    `with gone as (delete from channel_members where user_id = $1 and role <> 'owner' returning channel_id)
     update chat_channels set access_version = access_version + 1 where id in (select channel_id from gone)`,
    [userId],
  );
  await tx.query('delete from user_presence where user_id = $1', [userId]);
  await tx.query("update chat_reports set reason = '' where reporter_id = $1", [userId]);
}

/** Empties the copies of a user's messages that are kept with the reports of them. */
export async function emptyReportsOf(db: Queryable, userId: string): Promise<void> {
  await db.query("update chat_reports set content = '' where author_id = $1", [userId]);
}

/** Channels in which a user has messages that are not deleted. */
export async function listChannelsOf(db: Queryable, userId: string): Promise<string[]> {
  const rows = await db.query<{ channel_id: string }>(
    'select distinct channel_id from chat_messages where user_id = $1 and not is_deleted',
    [userId],
  );
  return rows.map((row) => row.channel_id);
}

type UserDataKind =
  | 'user'
  | 'channel'
  | 'membership'
  | 'ban'
  | 'mute'
  | 'presence'
  | 'report'
  | 'reported'
  | 'moderation';

/** What is kept of a user, for his own eyes: each kind as one list. Messages are read in parts, by {@link exportMessages}. */
export async function exportUser(
  db: Queryable,
  userId: string,
): Promise<Readonly<Record<UserDataKind, readonly object[]>>> {
  const [user, channel, membership, ban, mute, presence, report, reported, moderation] = await Promise.all([
    db.query<object>(
      `select id, username, display_name, avatar_url, role, created_at, updated_at, suspended_at, suspended_until,
         suspension_reason
       from users where id = $1`,
      [userId],
    ),
    db.query<object>('select id, name, description, created_at, deleted_at from chat_channels where creator_id = $1', [
      userId,
    ]),
    db.query<object>('select channel_id, role, created_at from channel_members where user_id = $1', [userId]),
    db.query<object>(
      'select id, channel_id, kind, reason, created_at, expires_at, lifted_at from chat_bans where user_id = $1',
      [userId],
    ),
    db.query<object>(
      'select id, channel_id, reason, created_at, expires_at, lifted_at from chat_mutes where user_id = $1',
      [userId],
    ),
    db.query<object>('select channel_id, status, last_seen from user_presence where user_id = $1', [userId]),
    db.query<object>(
      `select id, channel_id, message_id, reason, created_at, resolved_at from chat_reports where reporter_id = $1
       order by created_at, id`,
      [userId],
    ),
    // Who reported him, and in which words, is the data of others.
    db.query<object>(
      `select id, channel_id, message_id, content, created_at, resolved_at, action from chat_reports
       where author_id = $1 order by created_at, id`,
      [userId],
    ),
    // What was done to him; who did it is the data of others.
    db.query<object>(
      `select id, channel_id, action, reason, details, created_at from chat_moderation_log where target_user_id = $1
       order by id`,
      [userId],
    ),
  ]);
  return { user, channel, membership, ban, mute, presence, report, reported, moderation };
}

/** A part of a user's messages, by id. @param afterId null: from the beginning */
export async function exportMessages(
  db: Queryable,
  userId: string,
  afterId: string | null,
  limit: number,
): Promise<{ readonly id: string }[]> {
  return await db.query(
    `select id, channel_id, content, seq, is_deleted, created_at from chat_messages
     where user_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
    [userId, afterId, limit],
  );
}
