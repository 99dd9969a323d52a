import type { ChannelRole } from '@hubbub/protocol/rest.js';
import type { Queryable } from './db.js';

export interface MemberRow {
  readonly channel_id: string;
  readonly user_id: string;
  readonly username: string;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  readonly role: ChannelRole;
  readonly created_at: Date;
}

const COLUMNS = 'm.channel_id, m.user_id, u.username, u.display_name, u.avatar_url, m.role, m.created_at';

/** A page of a channel's members, by rank and name, and how many there are in all. */
export async function listMembers(
  db: Queryable,
  channelId: string,
  limit: number,
  offset: number,
): Promise<{ members: MemberRow[]; total: number }> {
  const [members, [count]] = await Promise.all([
    db.query<MemberRow>(
      `select ${COLUMNS} from channel_members m join users u on u.id = m.user_id
       where m.channel_id = $1
       order by array_position(array['owner', 'admin', 'moderator', 'member'], m.role), u.username, u.id
       limit $2 offset $3`,
      [channelId, limit, offset],
    ),
    db.query<{ total: number }>('select count(*) as total from channel_members where channel_id = $1', [channelId]),
  ]);
  return { members, total: count?.total ?? 0 };
}

/** Adds a member. @throws a unique violation when he is one already */
export async function insertMember(
  tx: Queryable,
  channelId: string,
  userId: string,
  role: ChannelRole,
): Promise<MemberRow> {
  const [row] = await tx.query<MemberRow>(
    `with m as (
       insert into channel_members (channel_id, user_id, role) values ($1, $2, $3)
       returning channel_id, user_id, role, created_at
     )
     select ${COLUMNS} from m join users u on u.id = m.user_id`,
    [channelId, userId, role],
  );
  if (row === undefined) throw new Error('insertMember: the insert returned no row');
  return row;
}

/** Changes a member's role; null when he is none. */
export async function updateMemberRole(
  tx: Queryable,
  channelId: string,
  userId: string,
  role: ChannelRole,
): Promise<MemberRow | null> {
  const [row] = await tx.query<MemberRow>(
    `with m as (
       update channel_members set role = $3, updated_at = clock_timestamp() where channel_id = $1 and user_id = $2
       returning channel_id, user_id, role, created_at
     )
     select ${COLUMNS} from m join users u on u.id = m.user_id`,
    [channelId, userId, role],
  );
  return row ?? null;
}

/** Removes a member. @returns whether he was one */
export async function deleteMember(tx: Queryable, channelId: string, userId: string): Promise<boolean> {
  const rows = await tx.query('delete from channel_members where channel_id = $1 and user_id = $2 returning user_id', [
    channelId,
    userId,
  ]);
  return rows.length > 0;
}

/** Makes the owner an admin, so that another can take his place. @returns who it was; null: there was none */
export async function demoteOwner(tx: Queryable, channelId: string): Promise<string | null> {
  const [row] = await tx.query<{ user_id: string }>(
    `update channel_members set role = 'admin', updated_at = clock_timestamp()
     where channel_id = $1 and role = 'owner' returning user_id`,
    [channelId],
  );
  return row?.user_id ?? null;
}
