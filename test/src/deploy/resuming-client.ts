/** A client as users have it: it comes back with its last `seq` and epoch, and sends again what was not acknowledged. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { MessageFrame, SubscribedFrame } from '@hubbub/protocol/frames.js';
import { WebSocket } from 'ws';
import { parseServerFrame } from '../support/frame-check.js';
import { until } from '../support/wait.js';

const RETURN_WAIT_MS = 200;

export interface ResumingOptions {
  /** URL of a one-channel endpoint, `ws:` or `wss:`; a function is asked before each attempt. */
  readonly url: string | (() => string);
  readonly token: string;
  /** PEM of the certificate to be trusted. */
  readonly ca?: string;
}

export class ResumingClient {
  /** Every message of this life of the data, in the order of arrival. */
  readonly messages: MessageFrame[] = [];
  /** What went against the contract. */
  readonly faults: string[] = [];
  /** Close codes of the connections that have ended. */
  readonly closes: number[] = [];
  /** How often it was told that the data has begun another life. */
  lives = 0;
  /** Attempts to connect that failed or were refused. */
  failedAttempts = 0;
  /** Why the latest of them did. */
  lastError = '';
  /** Messages that were acknowledged, by id: the place they got. */
  readonly acknowledged = new Map<string, number>();
  readonly #options: ResumingOptions;
  readonly #unacknowledged = new Map<string, string>();
  /** How often a message was sent after the first time, less the answers to that. */
  readonly #repeats = new Map<string, number>();
  #socket: WebSocket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lastSeq = 0;
  #epoch: string | undefined;
  #joined = false;
  #stopped = false;

  constructor(options: ResumingOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Whether it is in the channel now. */
  get joined(): boolean {
    return this.#joined;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Messages that are sent, or to be sent, and not acknowledged. */
  get pending(): number {
    return this.#unacknowledged.size;
  }

  /** Sends a message, now and after each loss of the connection until it is acknowledged. */
  send(content: string): void {
    const id = randomUUID();
    this.#unacknowledged.set(id, content);
    if (this.#joined) this.#write(id, content);
  }

  /** Closes it for good. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #connect(): void {
    const { url, token, ca } = this.#options;
    const life = this.#epoch === undefined ? '' : `&epoch=${this.#epoch}`;
    const socket = new WebSocket(`${typeof url === 'string' ? url : url()}?last_seq=${this.#lastSeq}${life}`, {
      ...(ca === undefined ? {} : { ca }),
      headers: { Authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    this.#socket = socket;
    let opened = false;
    let returnWaitMs = RETURN_WAIT_MS;
    socket.on('open', () => {
      opened = true;
    });
    socket.on('message', (data) => {
      const frame = parseServerFrame(String(data));
      if (frame.type === 'subscribed') this.#onSubscribed(frame);
      else if (frame.type === 'message') this.#onMessage(frame);
      else if (frame.type === 'draining') returnWaitMs = frame.retry_after_ms;
      else if (frame.type === 'error' && frame.code !== 'UNAVAILABLE') this.faults.push(`error ${frame.code}`);
    });
    // A failed attempt and a lost connection both end in `close`.
    socket.on('error', ({ message }) => {
      this.lastError = message;
    });
    socket.on('close', (code) => {
      this.#joined = false;
      if (opened) this.closes.push(code);
      else this.failedAttempts++;
      if (!this.#stopped) this.#timer = setTimeout(() => this.#connect(), returnWaitMs);
    });
  }

  #onSubscribed({ recovered, epoch = this.#epoch, oldest_seq: oldestSeq = 1 }: SubscribedFrame): void {
    if (this.#epoch !== undefined && epoch !== this.#epoch) {
      if (recovered) this.faults.push('recovered what is of another life');
      this.lives++;
      this.messages.length = 0;
      this.acknowledged.clear();
      this.#lastSeq = oldestSeq - 1;
    } else if (!recovered) this.faults.push(`not recovered from ${this.#lastSeq}`);
    this.#epoch = epoch;
    this.#joined = true;
    for (const [id, content] of this.#unacknowledged) {
      this.#repeats.set(id, (this.#repeats.get(id) ?? 0) + 1);
      this.#write(id, content);
    }
  }

  #onMessage(frame: MessageFrame): void {
    const { message_id: id, seq } = frame;
    if (this.#unacknowledged.delete(id)) this.acknowledged.set(id, seq);
    if (seq === this.#lastSeq + 1) {
      this.#lastSeq = seq;
      this.messages.push(frame);
      return;
    }
    // A repeated message is answered with its first place, to its sender alone: that is no delivery.
    const repeats = this.#repeats.get(id) ?? 0;
    if (repeats > 0 && this.acknowledged.get(id) === seq) this.#repeats.set(id, repeats - 1);
    else this.faults.push(`seq ${seq} after ${this.#lastSeq}`);
  }

  #write(id: string, content: string): void {
    this.#socket?.send(JSON.stringify({ type: 'message', message_id: id, content }));
  }
}

/** Settles when everything that was sent is acknowledged. */
export async function allAnswered(clients: readonly ResumingClient[]): Promise<void> {
  await until(() => clients.every(({ pending }) => pending === 0), { timeoutMs: 60_000, message: 'acknowledgements' });
}

/**
 * Asserts that everyone has `message 0` to `message <sent - 1>`, each once and all in one order, and that whoever was sent
 * away was told to come back.
 */
export function assertSameForAll(clients: readonly ResumingClient[], sent: number): void {
  assert.deepEqual(
    clients.flatMap(({ faults }) => faults),
    [],
  );
  const expected = new Set(Array.from({ length: sent }, (_, index) => `message ${index}`));
  const order = clients[0]?.messages.map(({ message_id }) => message_id);
  for (const client of clients) {
    assert.deepEqual(new Set(client.messages.map(({ content }) => content)), expected);
    assert.deepEqual(
      client.messages.map(({ message_id }) => message_id),
      order,
    );
    assert.deepEqual(
      client.closes.filter((code) => code !== 1001),
      [],
    );
  }
}
