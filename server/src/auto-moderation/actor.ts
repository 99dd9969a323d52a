import type { Identity } from '../identity.js';

/**
 * Who acts when the rules of a channel do. No user has the nil UUID (RFC 9562, section 5.9), and it stands as
 * `moderator_id` in the audit trail, so that the hashes cover who did it as with anyone else.
 */
export const AUTO_MODERATOR: Pick<Identity, 'userId' | 'role'> = {
  userId: '00000000-0000-0000-0000-000000000000',
  role: 'admin',
};
