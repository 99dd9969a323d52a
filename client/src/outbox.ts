/**
 * One channel's messages that this user wrote and that the server has not acknowledged yet.
 *
 * States of one message:
 *   queued  -> sending  handed to the connection, in the order in which they were written, a few at a time
 *   sending -> gone     acknowledged: its `message` frame came
 *           -> held     a moderator has to look at it
 *           -> queued   the connection was lost, the server cannot store right now, or a limit is to be waited for
 *           -> failed   refused
 *   held    -> gone     let through
 *           -> failed   refused by a moderator
 *   failed  -> queued   tried again
 *           -> gone     discarded, or acknowledged after all
 * Sending twice is safe: the server knows a message by the id that was chosen here.
 */
import type { ErrorFrame } from '@hubbub/protocol/frames.js';
import { errorOf, HubbubClientError } from './errors.js';
import type { OutgoingMessage, SendOptions, SendResult } from './types.js';
import { backoffMs, withSignal } from './wait.js';

/** Messages that are queued or on their way, at most. */
const MAX_WAITING = 100;
/** The same with those that have failed or are held. */
const MAX_KEPT = 200;
/** Messages on their way at a time: should they be refused all together, it does not count as a flood of errors. */
const MAX_SENDING = 16;
/** Wait for a limit that says no time, in milliseconds. */
const LIMIT_WAIT_MS = 1000;

const LIMITS: readonly string[] = ['RATE_LIMITED', 'SLOW_MODE'];
const OWN_FAILURES: readonly string[] = ['UNAVAILABLE', 'INTERNAL'];

interface Entry {
  /** As the application sees it; replaced, never changed. */
  shown: OutgoingMessage;
  readonly waitWhenLimited: boolean;
  readonly signal: AbortSignal | undefined;
  /** It was on its way when a connection was lost, and what the resume brought does not tell whether it is stored. */
  isUncertain: boolean;
  readonly settle: PromiseWithResolvers<SendResult>;
}

interface OutboxOptions {
  /** @returns false when the connection cannot take it now */
  readonly transmit: (id: string, content: string) => boolean;
  readonly onChange: () => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #entries = new Map<string, Entry>();
  #isReady = false;
  /** Until when nothing is sent; `performance.now` would stand still while the machine sleeps. */
  #pausedUntilMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** In the order in which they were written. */
  get messages(): readonly OutgoingMessage[] {
    return Array.from(this.#entries.values(), ({ shown }) => shown);
  }

  /**
   * @returns as `Channel.send`
   * @throws HubbubClientError (the promise) `OUTBOX_FULL`, `CONFLICT` for an id that waits already, and what the server says
   */
  async add(id: string, content: string, { waitWhenLimited = false, signal }: SendOptions): Promise<SendResult> {
    signal?.throwIfAborted();
    if (this.#entries.has(id)) throw new HubbubClientError('CONFLICT', 'This message waits already');
    if (this.#count('queued', 'sending') >= MAX_WAITING) {
      throw new HubbubClientError('OUTBOX_FULL', 'Too many messages wait');
    }
    this.#makeRoom();
    const shown: OutgoingMessage = { id, content, atMs: Date.now(), state: 'queued', error: null };
    const settle = Promise.withResolvers<SendResult>();
    this.#entries.set(id, { shown, waitWhenLimited, signal, isUncertain: false, settle });
    this.#options.onChange();
    this.flush();
    return withSignal(settle.promise, signal).catch((error) => {
      if (signal?.aborted) this.discard(id, error);
      throw error;
    });
  }

  /** @throws as {@link add}; `NOT_FOUND` (the promise) when no such message has failed */
  async retry(id: string): Promise<SendResult> {
    const entry = this.#entries.get(id);
    if (entry?.shown.state !== 'failed') throw new HubbubClientError('NOT_FOUND', 'No such message has failed');
    this.#entries.delete(id);
    return this.add(id, entry.shown.content, { waitWhenLimited: entry.waitWhenLimited });
  }

  /** Takes a queued or failed message out; does nothing with others. */
  discard(id: string, reason: unknown = new HubbubClientError('CLOSED', 'The message was discarded')): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.shown.state === 'sending' || entry.shown.state === 'held') return;
    this.#entries.delete(id);
    entry.settle.reject(reason);
    this.#options.onChange();
  }

  /**
   * The channel is joined and what was missed is here: what waits is sent.
   *
   * @param isComplete whether everything that was missed has come, own messages among it
   */
  ready(isComplete: boolean): void {
    for (const entry of this.#entries.values()) if (isComplete) entry.isUncertain = false;
    this.#isReady = true;
    this.flush();
  }

  /** The connection or the channel is away. What was on its way will be sent again. */
  lost(): void {
    this.#isReady = false;
    for (const entry of this.#entries.values()) {
      if (entry.shown.state !== 'sending') continue;
      entry.isUncertain = true;
      this.#queueAgain(entry);
    }
  }

  acknowledge(id: string, result: SendResult): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#failures = 0;
    if (result.status === 'held') this.#show(entry, 'held');
    else this.#entries.delete(id);
    entry.settle.resolve(result);
    this.#options.onChange();
    this.flush();
  }

  /** The server refused a message. */
  refuse(frame: ErrorFrame): void {
    const entry = this.#entries.get(frame.message_id ?? '');
    if (entry?.shown.state !== 'sending') return;
    const { code, retry_after_ms: retryAfterMs } = frame;
    if (OWN_FAILURES.includes(code)) {
      this.#queueAgain(entry);
      this.#pause(Math.max(retryAfterMs ?? 0, backoffMs(this.#failures++)));
    } else if (LIMITS.includes(code) && (entry.waitWhenLimited || entry.isUncertain)) {
      this.#queueAgain(entry);
      this.#pause(retryAfterMs ?? LIMIT_WAIT_MS);
    } else {
      this.#fail(entry, errorOf(frame));
    }
    this.flush();
  }

  /** A moderator refused a message that was held. */
  rejectHeld(id: string, error: HubbubClientError): void {
    const entry = this.#entries.get(id);
    if (entry?.shown.state === 'held') this.#fail(entry, error);
  }

  /** Rejects everything that waits. */
  rejectAll(error: HubbubClientError): void {
    this.#isReady = false;
    clearTimeout(this.#timer);
    for (const entry of [...this.#entries.values()]) {
      if (entry.shown.state === 'queued' || entry.shown.state === 'sending') this.#fail(entry, error);
    }
  }

  /** Sends what is queued, as far as it may be sent now. */
  flush(): void {
    if (!this.#isReady || Date.now() < this.#pausedUntilMs) return;
    let sending = this.#count('sending');
    for (const entry of this.#entries.values()) {
      if (sending >= MAX_SENDING) return;
      if (entry.shown.state !== 'queued') continue;
      if (!this.#options.transmit(entry.shown.id, entry.shown.content)) return;
      sending++;
      this.#show(entry, 'sending');
    }
  }

  #queueAgain(entry: Entry): void {
    this.#show(entry, 'queued');
    // Taken back while it was on its way.
    if (entry.signal?.aborted) this.discard(entry.shown.id);
  }

  #fail(entry: Entry, error: HubbubClientError): void {
    this.#show(entry, 'failed', error);
    entry.settle.reject(error);
  }

  #pause(waitMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, Date.now() + waitMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), this.#pausedUntilMs - Date.now());
  }

  #show(entry: Entry, state: OutgoingMessage['state'], error: HubbubClientError | null = null): void {
    entry.shown = { ...entry.shown, state, error };
    this.#options.onChange();
  }

  /** Drops the oldest that nothing is done about any more, where there are too many. */
  #makeRoom(): void {
    for (const [id, { shown }] of this.#entries) {
      if (this.#entries.size < MAX_KEPT) return;
      if (shown.state === 'failed' || shown.state === 'held') this.#entries.delete(id);
    }
  }

  #count(...states: OutgoingMessage['state'][]): number {
    let count = 0;
    for (const { shown } of this.#entries.values()) if (states.includes(shown.state)) count++;
    return count;
  }
}
