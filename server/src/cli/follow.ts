/**
 * Follows a channel over the SDK: everything that has a place in its sequence, once, in order, over lost connections. Where
 * the server is too far ahead for a resume (more than 1,000 places), the messages between are read over REST first.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, HubbubClientError } from '@hubbub/client';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import type { Message } from '@hubbub/protocol/rest.js';

/** A frame as it came, of any type. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

interface FollowOptions {
  readonly client: Client;
  readonly channelId: string;
  /** Place after which it begins; null: with the newest page. */
  readonly since: number | null;
  readonly onFrame: (frame: Frame) => void;
  /** Tells how the connection stands, or that something cannot be had. */
  readonly onNotice: (text: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const PAGE = 100;
const RETRY_MS = 1000;
const SEQUENCED = ['message', 'message_deleted', 'channel_updated', 'channel_deleted'] as const;
const UNSEQUENCED = ['typing', 'presence', 'presence_count', 'moderation'] as const;

/**
 * @returns when the signal ends it
 * @throws HubbubClientError why it cannot go on: the channel was closed, the user was banned, the token is not taken ...
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { client, channelId, since, onFrame, onNotice, signal } = options;
  const channel = client.channel(channelId);
  const over = Promise.withResolvers<void>();
  let reached = since ?? 0;
  // The channel tells of what is new; what it tells of is the frame that the client has just received.
  let current: Frame = { type: '' };
  let isLost = false;

  const pass = (seq: number, frame: Frame) => {
    if (seq <= reached) return;
    reached = seq;
    onFrame(frame);
  };

  const catchUp = async (afterSeq: number, beforeSeq: number) => {
    onNotice(`Reading the messages from ${afterSeq + 1} to ${beforeSeq - 1}; what else happened there is not told.`);
    for (let at = afterSeq; at < beforeSeq - 1; ) {
      const page = await patiently(signal, () =>
        client.rest.listMessages(channelId, { after_seq: at, limit: PAGE, signal }),
      );
      for (const message of page.messages) if (message.seq < beforeSeq) pass(message.seq, frameOf(message));
      at = page.messages.length < PAGE ? beforeSeq : (page.messages.at(-1)?.seq ?? beforeSeq);
    }
    if (!signal.aborted) channel.join({ lastSeq: beforeSeq - 1 }).catch(() => {});
  };

  const { signal: listening, stop } = listener();
  client.on('frame', (frame) => (current = frame), { signal: listening });
  client.on(
    'status',
    (status) => {
      if (status.state === 'waiting') {
        isLost = true;
        const seconds = Math.max(0, Math.round((status.retryAtMs - Date.now()) / 1000));
        onNotice(`${status.error.message}: trying again in ${seconds} s.`);
      } else if (status.state === 'closed' && status.error !== null) over.reject(status.error);
    },
    { signal: listening },
  );
  channel.on('message', ({ message }) => pass(message.seq, current), { signal: listening });
  for (const type of SEQUENCED.slice(1)) {
    channel.on(type as 'message_deleted', ({ seq }) => pass(seq, current), { signal: listening });
  }
  for (const type of UNSEQUENCED) channel.on(type as 'typing', () => onFrame(current), { signal: listening });
  channel.on(
    'subscribed',
    () => {
      if (isLost) onNotice(`Connected again, after message ${reached}.`);
      isLost = false;
    },
    { signal: listening },
  );
  channel.on(
    'gap',
    ({ afterSeq, beforeSeq }) => {
      if (beforeSeq - afterSeq > 1) {
        channel.leave();
        catchUp(afterSeq, beforeSeq).catch(over.reject);
        return;
      }
      // There is no message between, only more events than a resume brings; or the sequence does not reach so far.
      if (beforeSeq <= afterSeq) {
        onNotice(`The channel has not come to ${afterSeq} yet: this is its newest page.`);
        reached = beforeSeq - 1;
      }
    },
    { signal: listening },
  );
  channel.on(
    'status',
    (status) => {
      if (status.state === 'ended') over.reject(status.error);
    },
    { signal: listening },
  );
  // The connection may have been refused while the channel was looked for.
  const status = client.status.get();
  if (status.state === 'closed' && status.error !== null) over.reject(status.error);
  const onAbort = () => over.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  // How the join goes is told by the states of channel and client.
  channel.join(since === null ? {} : { lastSeq: since }).catch(() => {});
  try {
    await over.promise;
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

function listener(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, stop: () => controller.abort() };
}

/** Tries again as long as the server may only be away. */
async function patiently<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { status = 500, retryAfterMs = null } = error instanceof HubbubClientError ? error : {};
      const mayPass = error instanceof HubbubClientError && (status === 0 || status === 429 || status >= 500);
      if (!mayPass || error.code === 'NO_TOKEN') throw error;
      await delay(retryAfterMs ?? RETRY_MS, undefined, { signal });
    }
  }
}

/** A message of REST as the frame that it was. */
function frameOf(message: Message): MessageFrame {
  const { id: message_id, created_at: timestamp, updated_at: _, is_deleted, ...rest } = message;
  return { type: 'message', ...rest, message_id, timestamp, ...(is_deleted ? { is_deleted } : {}) };
}
