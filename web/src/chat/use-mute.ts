import type { Channel, Moderation } from '@hubbub/client';
import { useEffect, useState } from 'react';

export interface Mute {
  readonly reason: string | null;
  /** Null: until it is lifted. */
  readonly expiresAt: string | null;
}

/** Whether the user is muted in the channel; null: may write. */
export function useMute(moderation: Moderation, channel: Channel): Mute | null {
  const [mute, setMute] = useState<Mute | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    channel.on(
      'subscribed',
      () => {
        moderation
          .checkBan(channel.id, { signal })
          .then(({ is_muted: isMuted, reason, expires_at: expiresAt }) =>
            setMute(isMuted ? { reason: reason ?? null, expiresAt: expiresAt ?? null } : null),
          )
          // Then a message that is refused says so.
          .catch(() => {});
      },
      { signal },
    );
    channel.on(
      'moderation',
      ({ action, reason, expires_at: expiresAt }) => {
        if (action === 'muted') setMute({ reason, expiresAt });
        if (action === 'unmuted') setMute(null);
      },
      { signal },
    );
    return () => abort.abort();
  }, [moderation, channel]);

  const expiresAt = mute?.expiresAt ?? null;
  useEffect(() => {
    if (expiresAt === null) return;
    // Longer than a timer can be: the next join asks again.
    const wait = Math.min(Date.parse(expiresAt) - Date.now(), 2 ** 31 - 1);
    const timer = setTimeout(() => setMute(null), wait);
    return () => clearTimeout(timer);
  }, [expiresAt]);
  return mute;
}
