import { type Channel, HubbubClientError, type SendResult } from '@hubbub/client';
import { useCallback, useEffect, useState } from 'react';
import { useNow } from '../ui/use-now.js';

interface SlowMode {
  /** Milliseconds until the next message may be sent; 0: now. */
  readonly waitMs: number;
  /** Takes note of what becomes of a message, which shows in the list as well. */
  readonly watch: (sending: Promise<SendResult>) => void;
}

/**
 * Counts down between two messages in a channel with slow mode, wherever the user has sent the last one.
 *
 * @param seconds 0: there is none
 */
export function useSlowMode(channel: Channel, selfId: string, seconds: number): SlowMode {
  const [untilMs, setUntilMs] = useState(0);
  const now = useNow(untilMs);
  useEffect(
    () =>
      channel.on('message', ({ message, isReplay }) => {
        if (!isReplay && message.user_id === selfId) setUntilMs(Date.now() + seconds * 1000);
      }),
    [channel, selfId, seconds],
  );
  const watch = useCallback((sending: Promise<SendResult>) => {
    sending.catch((error: unknown) => {
      if (error instanceof HubbubClientError && error.code === 'SLOW_MODE') {
        setUntilMs(Date.now() + (error.retryAfterMs ?? 0));
      }
    });
  }, []);
  return { waitMs: seconds === 0 ? 0 : Math.max(0, untilMs - now), watch };
}
