import type { Channel, Client, Self } from '@hubbub/client';
import type { GivenRole } from '@hubbub/protocol/moderation.js';
import type { ChannelRole } from '@hubbub/protocol/rest.js';
import { useEffect, useState } from 'react';
import type { Rights } from './acts.js';

/** Roles that can be given. */
export const GIVEN_ROLES = ['member', 'moderator', 'admin'] as const satisfies readonly GivenRole[];

export interface Role extends Rights {
  /** In the channel; null: no member, or not known yet. */
  readonly role: ChannelRole | null;
  /** Gives and takes roles. */
  readonly isOwner: boolean;
}

/** What the user is in the channel, and may do there; kept while it changes. The server decides about each act. */
export function useRole(client: Client, channel: Channel, self: Self): Role {
  const [role, setRole] = useState<ChannelRole | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () => {
      client.rest
        .getRole(channel.id, { signal: abort.signal })
        .then((answer) => setRole(answer.role))
        // Without it the user has fewer buttons, until the next join asks again.
        .catch(() => {});
    };
    ask();
    channel.on('subscribed', ask, { signal: abort.signal });
    channel.on(
      'moderation',
      ({ action, role: given }) => {
        if (action === 'role_changed') setRole(given ?? null);
      },
      { signal: abort.signal },
    );
    return () => abort.abort();
  }, [client, channel]);
  const isSiteAdmin = self.role === 'admin';
  const isChannelAdmin = role === 'owner' || role === 'admin';
  return {
    role,
    canModerate: isChannelAdmin || role === 'moderator' || self.role !== 'user',
    canManage: isChannelAdmin || isSiteAdmin,
    isOwner: role === 'owner' || isSiteAdmin,
  };
}
