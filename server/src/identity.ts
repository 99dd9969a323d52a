import type { SiteRole } from '@hubbub/protocol/rest.js';

/** Who is behind a request or a connection, as his token says. */
export interface Identity {
  readonly userId: string;
  readonly username: string;
  readonly displayName: string | null;
  readonly avatarUrl: string | null;
  readonly role: SiteRole;
  /** `jti` of the token; null: it has none. */
  readonly tokenId: string | null;
  /** When the token was issued, in milliseconds since the epoch; null: it does not say. */
  readonly issuedAtMs: number | null;
  /** When the token lapses, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
}
