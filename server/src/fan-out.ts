import type { Metrics } from './metrics.js';

/** The part of a socket that an outbox uses; `net.Socket` has it. */
export interface OutboxSocket {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
}

/** What a tick has for many sockets: it pushes to outboxes, and is told when their bytes are written. */
export interface Broadcast {
  /** Hands what has gathered since the last tick to the outboxes of all who should get it. */
  flush(): void;
  /** @param tickMs how long the whole tick took; @param nowMs `performance.now()` after its last write */
  written(tickMs: number, nowMs: number): void;
}

/** Unsent bytes past which a socket is spared typing and presence. */
const EPHEMERAL_LIMIT_BYTES = 64 * 1024;
/** Unsent bytes past which a socket is closed as too slow. */
const OUTBOX_LIMIT_BYTES = 1024 * 1024;
/** Bytes of history on their way that do not count; who asks for more without reading counts as slow. */
const MAX_ALLOWANCE_BYTES = 16 * 1024 * 1024;
const SMALL_HISTORY_BYTES = 64 * 1024;

/**
 * One write a socket a tick. What channels and replies produce while one round of input is handled is gathered, and
 * written at its end: a channel's frames as one shared buffer for all its sockets.
 */
export class FanOut {
  readonly #metrics: Metrics;
  #broadcasts: Broadcast[] = [];
  #outboxes: Outbox[] = [];
  #scheduled = false;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** @param onSlow called once, when the socket has to be given up */
  outbox(socket: OutboxSocket, onSlow: () => void): Outbox {
    return new Outbox(this, this.#metrics, socket, onSlow);
  }

  /** Flushes `broadcast` at the end of this tick. To be called once a tick for each. */
  schedule(broadcast: Broadcast): void {
    this.#broadcasts.push(broadcast);
    this.#arm();
  }

  /** Writes `outbox` at the end of this tick. Called by the outbox with its first bytes. */
  scheduleOutbox(outbox: Outbox): void {
    this.#outboxes.push(outbox);
    this.#arm();
  }

  #arm(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // The check phase comes right after the poll phase: all that one round of input brought is in, and nothing waits.
    setImmediate(this.#tick);
  }

  readonly #tick = (): void => {
    const started = performance.now();
    const broadcasts = this.#broadcasts;
    this.#broadcasts = [];
    for (const broadcast of broadcasts) broadcast.flush();
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    this.#scheduled = false;
    for (const outbox of outboxes) outbox.write();
    if (broadcasts.length === 0) return;
    const now = performance.now();
    for (const broadcast of broadcasts) broadcast.written(now - started, now);
  };
}

/** The bytes that wait for one socket until the end of the tick, and the rules for one that does not take them. */
export class Outbox {
  readonly #fanOut: FanOut;
  readonly #metrics: Metrics;
  readonly #socket: OutboxSocket;
  readonly #onSlow: () => void;
  // Nearly always one shared buffer waits; the array is made for the rare second one.
  #first: Buffer | null = null;
  #rest: Buffer[] | null = null;
  /** Bytes of a history page still on their way: what the client asked for does not count as slowness. */
  #allowance = 0;
  #closed = false;

  constructor(fanOut: FanOut, metrics: Metrics, socket: OutboxSocket, onSlow: () => void) {
    this.#fanOut = fanOut;
    this.#metrics = metrics;
    this.#socket = socket;
    this.#onSlow = onSlow;
  }

  /** Whole frames that must arrive, in the order pushed. */
  push(frames: Buffer): void {
    if (this.#closed) return;
    if (this.#first === null) {
      this.#first = frames;
      this.#fanOut.scheduleOutbox(this);
      return;
    }
    if (this.#rest === null) this.#rest = [frames];
    else this.#rest.push(frames);
  }

  /**
   * Like {@link push}, for frames that the client asked for at one go: they do not count towards the limit.
   *
   * @param parts whole frames each, in their order; large ones are not copied, so many sockets can share them
   */
  pushHistory(parts: readonly Buffer[]): void {
    let bytes = 0;
    for (const { length } of parts) bytes += length;
    this.#allowance = Math.min(this.#allowance + bytes, MAX_ALLOWANCE_BYTES);
    // Past this a copy for each socket costs more, in memory above all, than one system call with many pieces.
    if (bytes <= SMALL_HISTORY_BYTES) this.push(Buffer.concat(parts, bytes));
    else for (const part of parts) this.push(part);
  }

  /** Frames that a slow socket is spared. */
  pushEphemeral(frames: Buffer): void {
    if (this.#socket.writableLength > EPHEMERAL_LIMIT_BYTES) this.#metrics.ephemeralDropped.inc();
    else this.push(frames);
  }

  /** Writes what waits, now. */
  write(): void {
    const first = this.#first;
    if (first === null) return;
    const rest = this.#rest;
    this.#first = null;
    this.#rest = null;
    const socket = this.#socket;
    if (this.#closed || socket.destroyed) return;
    const unsent = socket.writableLength;
    if (unsent <= EPHEMERAL_LIMIT_BYTES) this.#allowance = Math.min(this.#allowance, unsentOf(first, rest));
    else if (unsent - this.#allowance > OUTBOX_LIMIT_BYTES) {
      this.#closed = true;
      this.#onSlow();
      return;
    }
    if (rest === null) {
      socket.write(first);
      return;
    }
    // Corked writes leave as one writev, without being copied together first.
    socket.cork();
    socket.write(first);
    for (const frames of rest) socket.write(frames);
    socket.uncork();
  }

  /** Drops what waits and takes nothing any more. */
  close(): void {
    this.#closed = true;
    this.#first = null;
    this.#rest = null;
  }
}

function unsentOf(first: Buffer, rest: Buffer[] | null): number {
  let bytes = first.length;
  for (const frames of rest ?? []) bytes += frames.length;
  return bytes;
}
