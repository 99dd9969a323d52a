import type { Channel, ChannelStatus } from '@hubbub/client';
import type { BanCheck } from '@hubbub/protocol/moderation.js';
import { useEffect, useRef, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { untilOf } from '../ui/time.js';
import { wordsFor } from '../ui/words.js';

interface EndedProps {
  readonly channel: Channel;
  readonly name: string | null;
  readonly status: Extract<ChannelStatus, { state: 'ended' }>;
}

/** In place of a conversation that the user may not have, or not any more. */
export function Ended({ channel, name, status }: EndedProps) {
  const { moderation: moderate } = useSession();
  const { error, moderation } = status;
  const [ban, setBan] = useState<BanCheck | null>(null);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  useEffect(() => {
    if (moderation !== null || (error.code !== 'FORBIDDEN' && error.code !== 'BANNED')) return;
    const abort = new AbortController();
    // One who may not even ask is told what the server said.
    moderate.checkBan(channel.id, { signal: abort.signal }).then(setBan, () => {});
    return () => abort.abort();
  }, [moderate, channel.id, error.code, moderation]);

  const retry = () => {
    // Why it is refused again shows here. The name was refused as well, at first.
    channel
      .join()
      .then(() => channel.refresh(), ignore)
      .catch(ignore);
  };
  const place = name === null ? 'this channel' : `“${name}”`;
  const about =
    moderation ?? (ban?.is_banned === true ? { action: 'banned', reason: null, expires_at: null, ...ban } : null);
  const isBan = about !== null && (about.action === 'banned' || about.action === 'timed_out');
  return (
    <div className="empty" role="alert">
      <Icon name={isBan ? 'ban' : 'lock'} />
      <h2 className="empty-title" tabIndex={-1} ref={title}>
        {isBan
          ? `You were ${about.action === 'banned' ? 'banned from' : 'timed out in'} ${place}`
          : headlineFor(error.code)}
      </h2>
      <p className="hint">{isBan ? `It holds ${untilOf(about.expires_at ?? null)}.` : wordsFor(error)}</p>
      {isBan && about.reason != null && <p className="quote">{about.reason}</p>}
      <button className="button" type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

function headlineFor(code: string): string {
  switch (code) {
    case 'BANNED':
      return 'You were removed from this channel';
    case 'CHANNEL_CLOSED':
      return 'This channel was closed';
    case 'CHANNEL_NOT_FOUND':
      return 'There is no such channel';
    case 'CHANNEL_FULL':
      return 'This channel is full';
    default:
      return 'You cannot open this channel';
  }
}

function ignore(): void {}
