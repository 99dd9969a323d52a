/**
 * A channel's place on the connection: joined again after every reconnect, from the last place received. Sees to it that
 * every place of the sequence is shown once, in order, without a gap that is not told of.
 *
 * States:
 *   idle    -> joining  `join`
 *   joining -> joined   `subscribed` came, and all that was missed after it
 *           -> ended    refused
 *   joined  -> joining  the connection was lost
 *           -> ended    banned, removed, or the channel was closed
 *   ended   -> joining  `join`
 * `leave` leads from every state to idle.
 */
import { CLOSES } from '@hubbub/protocol/codes.js';
import type {
  ClientFrame,
  ErrorFrame,
  JoinCommand,
  ModerationFrame,
  SubscribedFrame,
} from '@hubbub/protocol/frames.js';
import { errorOf, HubbubClientError } from './errors.js';
import { Store } from './store.js';
import type { ChannelStatus, JoinOptions } from './types.js';
import { backoffMs, withSignal } from './wait.js';

export interface Line {
  /** @returns false when there is no connection */
  readonly send: (frame: ClientFrame) => boolean;
  /** See `Connection.barrier`. */
  readonly barrier: (then: () => void) => void;
  /** The connection has brought what cannot be: another one is to be opened. */
  readonly abandon: () => void;
}

interface SubscriptionOptions {
  readonly channelId: string;
  readonly line: Line;
  /** What comes next is everything after this place; what was there before no longer joins on to it. */
  readonly onBegin: (afterSeq: number) => void;
  /** Places between these two were missed, and do not come. */
  readonly onGap: (afterSeq: number, beforeSeq: number) => void;
  /** All that was missed is here. @param isComplete whether it was all; false: the newest page */
  readonly onJoined: (isComplete: boolean) => void;
  /** The connection is lost. */
  readonly onLost: () => void;
  /** It is over, by the user or by the server. */
  readonly onStopped: (error: HubbubClientError) => void;
}

export class Subscription {
  readonly status = new Store<ChannelStatus>({ state: 'idle' });
  /** Life of the data in which `lastSeq` was reached; undefined: not known. Written here alone. */
  epoch: string | undefined;
  readonly #options: SubscriptionOptions;
  /** Settles when the join under way does. */
  #joining: PromiseWithResolvers<void> | null = null;
  /** Whether the server was asked on this connection. */
  #isAsked = false;
  /** The answer to the join; null: it is not here. */
  #subscribed: SubscribedFrame | null = null;
  #lastSeq: number | null = null;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #moderation: ModerationFrame | null = null;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** Place of the last event received; null: none. */
  get lastSeq(): number | null {
    return this.#lastSeq;
  }

  /** Whether frames of the channel belong to this join. */
  get isSubscribed(): boolean {
    return this.#subscribed !== null;
  }

  /** As `Channel.join`. */
  async join({ lastSeq, epoch, signal }: JoinOptions): Promise<void> {
    signal?.throwIfAborted();
    const { state } = this.status.get();
    if (state === 'joined') return;
    this.#joining ??= Promise.withResolvers();
    const { promise } = this.#joining;
    if (state !== 'joining') {
      if (lastSeq !== undefined && lastSeq !== this.#lastSeq) {
        this.epoch = epoch;
        this.#begin(lastSeq);
      }
      this.#moderation = null;
      this.status.set({ state: 'joining' });
      this.connected();
    }
    try {
      await withSignal(promise, signal);
    } catch (error) {
      if (signal?.aborted && this.status.get().state === 'joining') this.leave();
      throw error;
    }
  }

  leave(): void {
    const { channelId, line } = this.#options;
    if (this.#isAsked) line.send({ type: 'leave', channel_id: channelId });
    this.#stop({ state: 'idle' }, new HubbubClientError('CLOSED', 'The channel was left'));
  }

  /** There is a connection: asks to join, if that is wanted. */
  connected(): void {
    clearTimeout(this.#timer);
    if (this.status.get().state !== 'joining' || this.#isAsked) return;
    const { channelId: channel_id, line } = this.#options;
    // What is not known is left out by JSON.
    const resume = { last_seq: this.#lastSeq ?? undefined, epoch: this.epoch };
    this.#isAsked = line.send({ type: 'join', channel_id, ...resume } as JoinCommand);
  }

  disconnected(): void {
    clearTimeout(this.#timer);
    this.#isAsked = false;
    this.#subscribed = null;
    if (this.status.get().state !== 'joined') return;
    this.status.set({ state: 'joining' });
    this.#options.onLost();
  }

  /** The server let the user in. @returns false when that was not asked for any more */
  subscribed(frame: SubscribedFrame): boolean {
    if (!this.#isAsked) return false;
    this.#failures = 0;
    this.#subscribed = frame;
    const { line, onGap, onJoined } = this.#options;
    // Servers from before there were epochs say nothing of it.
    const { epoch = this.epoch } = frame;
    if (!frame.recovered) {
      const missedAfter = this.#lastSeq;
      const beforeSeq = frame.oldest_seq ?? frame.seq + 1;
      this.#begin(beforeSeq - 1);
      // Of another life nothing is known: its places are other messages.
      if (missedAfter !== null) onGap((this.epoch ?? epoch) === epoch ? missedAfter : 0, beforeSeq);
    }
    this.epoch = epoch;
    line.barrier(() => {
      if (this.#subscribed !== frame) return;
      const reached = this.#lastSeq ?? 0;
      if (frame.recovered && reached < frame.seq) {
        line.abandon();
        return;
      }
      this.#lastSeq = Math.max(reached, frame.seq);
      this.status.set({ state: 'joined' });
      this.#joining?.resolve();
      this.#joining = null;
      onJoined(frame.recovered);
    });
    return true;
  }

  /**
   * Takes in a place of the sequence.
   *
   * @returns null when the frame is not to be shown, as it was before or does not belong to this join; else whether it
   *     is of the time before the join
   */
  take(seq: number): { readonly isReplay: boolean } | null {
    const joined = this.#subscribed;
    const last = this.#lastSeq ?? 0;
    if (joined === null || seq <= last) return null;
    const isReplay = seq <= joined.seq;
    // The newest page consists of messages alone, so there are holes in it; everywhere else one follows the other.
    const isHole = joined.recovered ? seq !== last + 1 : !isReplay && seq !== Math.max(last, joined.seq) + 1;
    if (isHole) {
      this.#options.line.abandon();
      return null;
    }
    this.#lastSeq = seq;
    return { isReplay };
  }

  /** Something was done to the user. */
  moderated(frame: ModerationFrame): void {
    this.#moderation = frame;
  }

  /** The server made the user leave. @param code close code of the reason; undefined: he left himself */
  left(code: number | undefined): void {
    if (code === undefined || !this.#isAsked) return;
    const what = code === CLOSES.CHANNEL_CLOSED.code ? 'CHANNEL_CLOSED' : 'BANNED';
    this.#end(new HubbubClientError(what, CLOSES[what].reason));
  }

  /** An error about the channel and no message. @returns whether it was the answer to a join */
  refused(frame: ErrorFrame): boolean {
    const { code } = frame;
    // The id is well-formed; this one answers a `leave` or `typing` that came too late.
    if (!this.#isAsked || this.isSubscribed || code === 'INVALID_CHANNEL_ID') return false;
    this.#isAsked = false;
    if (code === 'UNAVAILABLE' || code === 'INTERNAL') {
      const waitMs = Math.max(frame.retry_after_ms ?? 0, backoffMs(this.#failures++));
      this.#timer = setTimeout(() => this.connected(), waitMs);
      return true;
    }
    this.#end(errorOf(frame));
    return true;
  }

  /** The client was closed. */
  close(error: HubbubClientError): void {
    if (this.status.get().state !== 'ended') this.#stop({ state: 'idle' }, error);
  }

  #begin(afterSeq: number): void {
    this.#lastSeq = afterSeq;
    this.#options.onBegin(afterSeq);
  }

  #end(error: HubbubClientError): void {
    this.#stop({ state: 'ended', error, moderation: this.#moderation }, error);
  }

  #stop(status: ChannelStatus, error: HubbubClientError): void {
    clearTimeout(this.#timer);
    this.#isAsked = false;
    this.#subscribed = null;
    if (this.status.get().state === 'idle' && status.state === 'idle') return;
    this.status.set(status);
    this.#joining?.reject(error);
    this.#joining = null;
    this.#options.onLost();
    this.#options.onStopped(error);
  }
}
