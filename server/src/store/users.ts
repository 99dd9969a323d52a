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
