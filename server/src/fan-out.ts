import type { Span } from '@opentelemetry/api';
import type { Metrics } from './metrics.js';

/** The part of a socket that an outbox uses; `net.Socket` has it. */
export interface OutboxSocket {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
}

/** When a part of what is broadcast came in (`performance.now()`), and how many messages it had. */
export interface Receipt {
  readonly atMs: number;
  readonly count: number;
  /** Null: not traced. Ends when the last socket is written to. */
  readonly span: Span | null;
}

/** What a tick has for many sockets: it pushes to outboxes, and is told when their bytes are written. */
export interface Broadcast {
  /** Hands what has gathered since the last tick to the outboxes of all who should get it; returns what that was. */
  flush(): readonly Receipt[];
  /**
   * The last socket has been written to.
   *
   * @param receipts what {@link flush} returned; @param tookMs since then; @param nowMs `performance.now()` after the
   *     last write
   */
  written(receipts: readonly Receipt[], tookMs: number, nowMs: number): void;
}

/** A broadcast of which not all sockets are written yet. */
interface Flushed {
  readonly broadcast: Broadcast;
  readonly receipts: readonly Receipt[];
  readonly atMs: number;
  /** Number of the last outbox that has something of it. */
  readonly lastTurn: number;
}

/**
 * How long sockets are written to before the other work of the process has its turn, in milliseconds. Thousands of
 * writes are many milliseconds; meanwhile the next messages are read, stored and published, and whoever has not been
 * written to yet gets them with the same write.
 */
const SLICE_MS = 1;
/** Writes between two looks at the clock. */
const WRITES_A_LOOK = 16;
/** Unsent bytes past which a socket is spared typing and presence. */
const EPHEMERAL_LIMIT_BYTES = 64 * 1024;
/** Unsent bytes past which a socket is closed as too slow. */
const OUTBOX_LIMIT_BYTES = 1024 * 1024;
/** Bytes of history on their way that do not count; who asks for more without reading counts as slow. */
const MAX_ALLOWANCE_BYTES = 16 * 1024 * 1024;
/** A history is copied into one buffer up to this. Past it the copy costs more, in memory above all, than it saves. */
const SMALL_BYTES = 64 * 1024;
/** The same for what has gathered for a socket, which nearly always shares the copy with those around it. */
const JOINED_BYTES = 256 * 1024;

/**
 * One write a socket a tick. What channels and replies produce while one round of input is handled is gathered, and
 * written at its end: a channel's frames as one shared buffer for all its sockets.
 *
 * Sockets have their turn in the order in which they came to have something. Where they are many, writing is cut into
 * slices with a round of input between them: so under load the round trips to the database and Redis do not wait for a
 * whole broadcast, and a socket whose turn has not come gathers more for its one write.
 */
export class FanOut {
  readonly #metrics: Metrics;
  #broadcasts: Broadcast[] = [];
  /** Outboxes that have something, in the order of their turns; those before {@link #next} have had theirs. */
  #outboxes: Outbox[] = [];
  #next = 0;
  /** Turns that were given before those in {@link #outboxes}. */
  #turnsBefore = 0;
  /** Oldest first. */
  #flushed: Flushed[] = [];
  #scheduled = false;
  #joined: { readonly parts: readonly Buffer[]; readonly bytes: Buffer } | null = null;

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

  /** Gives `outbox` its turn at the end of this tick. Called by the outbox with its first bytes. */
  scheduleOutbox(outbox: Outbox): void {
    this.#outboxes.push(outbox);
    this.#arm();
  }

  /** The parts as one buffer. Sockets that had the same to wait for share it. */
  join(parts: readonly Buffer[], length: number): Buffer {
    if (this.#joined !== null && isSame(this.#joined.parts, parts)) return this.#joined.bytes;
    const bytes = Buffer.concat(parts, length);
    this.#joined = { parts, bytes };
    return bytes;
  }

  #arm(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // The check phase comes right after the poll phase: all that one round of input brought is in, and nothing waits.
    setImmediate(this.#tick);
  }

  readonly #tick = (): void => {
    this.#scheduled = false;
    const started = performance.now();
    const broadcasts = this.#broadcasts;
    this.#broadcasts = [];
    for (const broadcast of broadcasts) {
      const receipts = broadcast.flush();
      const lastTurn = this.#turnsBefore + this.#outboxes.length;
      this.#flushed.push({ broadcast, receipts, atMs: started, lastTurn });
    }
    const now = this.#write(started + SLICE_MS);
    this.#settle(now);
    if (this.#outboxes.length > 0) this.#arm();
  };

  /** Gives the outboxes their turns, as far as the time goes. @returns `performance.now()` after the last write */
  #write(untilMs: number): number {
    const outboxes = this.#outboxes;
    let now = 0;
    do {
      const end = Math.min(this.#next + WRITES_A_LOOK, outboxes.length);
      while (this.#next < end) outboxes[this.#next++]?.write();
      now = performance.now();
    } while (this.#next < outboxes.length && now < untilMs);
    const left = outboxes.length - this.#next;
    if (left === 0) this.#joined = null;
    // Under steady load there is always one left: those who have had their turn go all the same.
    if (left <= this.#next) {
      this.#outboxes = outboxes.slice(this.#next);
      this.#turnsBefore += this.#next;
      this.#next = 0;
    }
    return now;
  }

  #settle(nowMs: number): void {
    const turns = this.#turnsBefore + this.#next;
    let settled = 0;
    for (const { broadcast, receipts, atMs, lastTurn } of this.#flushed) {
      if (lastTurn > turns) break;
      settled++;
      broadcast.written(receipts, nowMs - atMs, nowMs);
    }
    if (settled > 0) this.#flushed = this.#flushed.slice(settled);
  }
}

function isSame(parts: readonly Buffer[], others: readonly Buffer[]): boolean {
  return parts.length === others.length && parts.every((part, index) => part === others[index]);
}

/** The bytes that wait for one socket until its turn, and the rules for one that does not take them. */
export class Outbox {
  readonly #fanOut: FanOut;
  readonly #metrics: Metrics;
  readonly #socket: OutboxSocket;
  readonly #onSlow: () => void;
  // Mostly one shared buffer waits: the array, of all that waits, is made for the second one.
  #first: Buffer | null = null;
  #parts: Buffer[] | null = null;
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
    if (this.#parts === null) this.#parts = [this.#first, frames];
    else this.#parts.push(frames);
  }

  /**
   * Like {@link push}, for frames that the client asked for at one go: they do not count towards the limit.
   *
   * @param parts whole frames each, in their order; large ones are not copied, so many sockets can share them
   */
  pushHistory(parts: readonly Buffer[]): void {
    const bytes = lengthOf(parts);
    this.#allowance = Math.min(this.#allowance + bytes, MAX_ALLOWANCE_BYTES);
    if (bytes <= SMALL_BYTES) this.push(Buffer.concat(parts, bytes));
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
    const parts = this.#parts;
    this.#first = null;
    this.#parts = null;
    const socket = this.#socket;
    if (this.#closed || socket.destroyed) return;
    const length = parts === null ? first.length : lengthOf(parts);
    const unsent = socket.writableLength;
    if (unsent <= EPHEMERAL_LIMIT_BYTES) this.#allowance = Math.min(this.#allowance, length);
    else if (unsent - this.#allowance > OUTBOX_LIMIT_BYTES) {
      this.#closed = true;
      this.#onSlow();
      return;
    }
    if (parts === null) socket.write(first);
    else if (length <= JOINED_BYTES) socket.write(this.#fanOut.join(parts, length));
    else {
      // Corked writes leave as one writev, without being copied together first.
      socket.cork();
      for (const frames of parts) socket.write(frames);
      socket.uncork();
    }
  }

  /** Drops what waits and takes nothing any more. */
  close(): void {
    this.#closed = true;
    this.#first = null;
    this.#parts = null;
  }
}

function lengthOf(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (const { length } of parts) bytes += length;
  return bytes;
}
