import { useMemo } from 'react';
import type { Channel } from '../channel.js';
import type { CallOptions, SendOptions, SendResult, TimelineSnapshot } from '../types.js';
import { useReadable } from './use-readable.js';

export interface Messages extends TimelineSnapshot {
  /** See `Timeline.loadOlder`: call it when the reader comes near the top. */
  readonly loadOlder: (options?: CallOptions & { readonly limit?: number | undefined }) => Promise<number>;
  /** See `Timeline.hold`. */
  readonly hold: () => void;
  /** See `Timeline.trim`. */
  readonly trim: () => void;
  /** See `Channel.send`. */
  readonly send: (content: string, options?: SendOptions) => Promise<SendResult>;
  /** See `Channel.retry`. */
  readonly retry: (messageId: string) => Promise<SendResult>;
  /** See `Channel.discard`. */
  readonly discard: (messageId: string) => void;
}

/** A channel's messages with own ones on their way, and what can be done with the list. */
export function useMessages(channel: Channel): Messages {
  const { timeline } = channel;
  const snapshot = useReadable(timeline);
  const actions = useMemo(
    () => ({
      loadOlder: timeline.loadOlder.bind(timeline),
      hold: () => timeline.hold(),
      trim: () => timeline.trim(),
      send: channel.send.bind(channel),
      retry: channel.retry.bind(channel),
      discard: channel.discard.bind(channel),
    }),
    [channel, timeline],
  );
  return useMemo(() => ({ ...snapshot, ...actions }), [snapshot, actions]);
}
