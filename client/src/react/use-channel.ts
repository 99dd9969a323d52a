import type { Channel as ChannelInfo } from '@hubbub/protocol/rest.js';
import { useEffect, useMemo } from 'react';
import type { Channel } from '../channel.js';
import type { Client } from '../client.js';
import type { ChannelStatus } from '../types.js';
import { useReadable } from './use-readable.js';

export interface ChannelState {
  readonly channel: Channel;
  readonly status: ChannelStatus;
  /** Name, description, modes; null until they are there. */
  readonly info: ChannelInfo | null;
}

/** Components that have a channel joined; with the last of them it is left. */
const users = new WeakMap<Channel, number>();

/**
 * Joins a channel for as long as a component with this hook is mounted. What was received stays in memory when it is
 * left, and the next join resumes from there. Why a join was refused is in `status`.
 *
 * @param channelId UUID in any spelling
 * @throws HubbubClientError `INVALID_CHANNEL_ID`
 */
export function useChannel(client: Client, channelId: string): ChannelState {
  const channel = client.channel(channelId);
  useEffect(() => {
    users.set(channel, (users.get(channel) ?? 0) + 1);
    // What went wrong is in `status` and `info`.
    channel.join().catch(ignore);
    channel.refresh().catch(ignore);
    return () => {
      users.set(channel, (users.get(channel) ?? 1) - 1);
      // Later: StrictMode and a change of view take a component away and bring it back at once.
      setTimeout(() => leaveUnused(channel), 0);
    };
  }, [channel]);
  const status = useReadable(channel.status);
  const info = useReadable(channel.info);
  return useMemo(() => ({ channel, status, info }), [channel, status, info]);
}

/** Leaves a channel that nobody uses, when what was written in it has found its end. */
function leaveUnused(channel: Channel): void {
  if (users.get(channel) !== 0) return;
  const { timeline } = channel;
  if (!timeline.get().outgoing.some(({ state }) => state === 'queued' || state === 'sending')) {
    channel.leave();
    return;
  }
  const unsubscribe = timeline.subscribe(() => {
    unsubscribe();
    leaveUnused(channel);
  });
}

function ignore(): void {}
