import { encodeMessage } from '@hubbub/protocol/codec.js';
import type { Span } from '@opentelemetry/api';
import { BATCH_KIND, type Batch } from './batch.js';
import { Committer } from './committer.js';
import { asHubbubError, HubbubError, StorageUnavailable } from './errors.js';
import { encodeTextFrames } from './frame.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import type { Rights } from './rights.js';
import { endSpan, failSpan } from './span.js';
import { type Db, sqlState } from './store/db.js';
import { hasPlace } from './store/messages.js';
import {
  type BatchHead,
  type ChannelBatch,
  type Committed,
  type Found,
  HeldAlready,
  type Pending,
  type Receipt,
  type Submission,
} from './submission.js';
import type { Tracing } from './tracing.js';

/** One channel's queue; it exists while there is something in it or under way. */
interface Queue {
  readonly channelId: string;
  waiting: Pending[];
}

/** The next batch of a queue. */
interface Turn {
  readonly queue: Queue;
  readonly batch: ChannelBatch;
}

/** Where a published batch belongs. */
type Traced = Pick<ChannelBatch, 'channelId' | 'span'>;

interface JournalOptions {
  readonly db: Db;
  readonly rights: Rights;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** Number of this instance in the batches it makes. */
  readonly origin: number;
  /** Statements under way at most; what comes meanwhile shares the next one. */
  readonly maxStatements: number;
  /** Hands a committed batch on; in the order of seq for each channel. `atMs`: receipt of its oldest message. */
  readonly publish: (channelId: string, batch: Batch, atMs: number) => void;
}

/** Messages in one statement at most: past it a batch costs others more waiting than it saves. */
const MAX_BATCH = 500;
/** Channels in one statement at most: it waits for the locks of all of them. */
const MAX_CHANNELS = 100;
/** Messages waiting in all queues at most; further ones are refused at once, so that memory stays bounded. */
const MAX_WAITING = 20_000;
/** The same for the length of their texts: long messages fill memory before they are many. */
const MAX_WAITING_CHARS = 32 * 1024 * 1024;

/**
 * Persist, then publish, by group commit. A lone message waits for nothing; while as many statements are in flight as
 * there may be, messages gather, and the next statement takes what has gathered in all channels. One channel is in one
 * statement at a time, so its batches are published in the order of their seq.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #committer: Committer;
  readonly #queues = new Map<string, Queue>();
  /** Queues that have something and are in no statement, in the order in which they came to have it. */
  #ready: Queue[] = [];
  #statements = 0;
  #pumping = false;
  #waiting = 0;
  #waitingChars = 0;
  #closed = false;
  #closing: Promise<void> | null = null;
  #idle: (() => void) | null = null;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#committer = new Committer(options);
  }

  /**
   * Stores a message and has it published.
   *
   * @returns once it is committed and handed to the bus
   * @throws HubbubError `UNAVAILABLE`: storage is away, retry with the same id. `CONFLICT`: the id belongs to another
   *     message. `CHANNEL_NOT_FOUND`: the channel is gone or inactive. `FORBIDDEN`, `MUTED`, `READ_ONLY`: the author may not
   *     write, as of the message's place in the channel. StalePolicy, HeldAlready
   */
  append(submission: Submission): Promise<Receipt> {
    if (this.#closed || this.#waiting >= MAX_WAITING || this.#waitingChars >= MAX_WAITING_CHARS) {
      this.#options.metrics.journalFailures.inc();
      return Promise.reject(new HubbubError('UNAVAILABLE', undefined, { retryAfterMs: 1000 }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting++;
      this.#waitingChars += submission.content.length;
      const pending = { submission, resolve, reject };
      const queue = this.#queues.get(submission.channelId);
      if (queue !== undefined) {
        queue.waiting.push(pending);
        return;
      }
      const started: Queue = { channelId: submission.channelId, waiting: [pending] };
      this.#queues.set(submission.channelId, started);
      this.#ready.push(started);
      this.#pumpSoon();
    });
  }

  /** Takes no more, and settles when everything taken is stored or refused. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queues.size === 0) return;
    this.#closing ??= new Promise<void>((resolve) => (this.#idle = resolve));
    await this.#closing;
  }

  /** What the same round of input brings goes into the same statement. */
  #pumpSoon(): void {
    if (this.#pumping || this.#statements >= this.#options.maxStatements) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      while (this.#ready.length > 0 && this.#statements < this.#options.maxStatements)
        void this.#run(this.#takeTurns());
    });
  }

  /** The batches of the next statement: those of the queues that have waited longest. */
  #takeTurns(): Turn[] {
    const turns: Turn[] = [];
    let messages = 0;
    for (const queue of this.#ready) {
      const room = Math.min(MAX_BATCH - messages, queue.waiting.length);
      if (turns.length >= MAX_CHANNELS || room === 0) break;
      const batch = this.#takeBatch(queue, room);
      turns.push({ queue, batch });
      messages += batch.pendings.length;
    }
    this.#ready = this.#ready.slice(turns.length);
    return turns;
  }

  #takeBatch(queue: Queue, room: number): ChannelBatch {
    const { channelId } = queue;
    const pendings = takePendings(queue, room);
    return { channelId, pendings, span: this.#options.tracing?.startBatch(channelId, pendings) ?? null };
  }

  async #run(turns: readonly Turn[]): Promise<void> {
    this.#statements++;
    const [first] = turns;
    if (turns.length === 1 && first !== undefined) await this.#runAlone(first, false);
    else await this.#runGroup(turns);
    this.#statements--;
    this.#pumpSoon();
  }

  async #runAlone({ queue, batch }: Turn, wasLost: boolean): Promise<void> {
    try {
      await this.#storeAll(batch, wasLost);
    } catch (error) {
      this.#reject(batch, error);
    }
    this.#finish(queue, batch);
  }

  async #runGroup(turns: readonly Turn[]): Promise<void> {
    const left = new Map(turns.map((turn) => [turn.queue.channelId, turn]));
    const started = performance.now();
    try {
      const outcome = await this.#committer.commitGroup(turns.map(({ batch }) => batch));
      let messages = 0;
      for (const { channelId, outcome: committed } of outcome.committed) {
        const turn = left.get(channelId);
        if (turn === undefined) continue;
        messages += committed.stored.length;
        this.#settle(turn.batch, committed);
        left.delete(channelId);
        this.#finish(turn.queue, turn.batch);
      }
      if (messages > 0) this.#observe(started, messages);
      // Not waited for: what keeps one channel busy does not keep the next statement of the others.
      for (const turn of left.values()) void this.#runAlone(turn, outcome.wasLost);
    } catch (error) {
      for (const { queue, batch } of left.values()) {
        this.#reject(batch, error);
        this.#finish(queue, batch);
      }
    }
  }

  #reject({ pendings, span }: ChannelBatch, error: unknown): void {
    failSpan(span, asHubbubError(error));
    if (error instanceof StorageUnavailable) this.#options.metrics.journalFailures.inc(pendings.length);
    for (const pending of pendings) pending.reject(error);
  }

  /** A batch is settled: its queue has its next turn, or ends. */
  #finish(queue: Queue, batch: ChannelBatch): void {
    endSpan(batch.span);
    this.#waiting -= batch.pendings.length;
    for (const { submission } of batch.pendings) this.#waitingChars -= submission.content.length;
    this.#options.metrics.journalQueue.set(this.#waiting);
    if (queue.waiting.length > 0) {
      this.#ready.push(queue);
      this.#pumpSoon();
      return;
    }
    this.#queues.delete(queue.channelId);
    if (this.#queues.size === 0) this.#idle?.();
  }

  /** Stores a channel's batch; should the database refuse it for one of its messages, each of them by itself. */
  async #storeAll(batch: ChannelBatch, wasLost: boolean): Promise<void> {
    const { pendings } = batch;
    try {
      await this.#store(batch, wasLost);
    } catch (error) {
      if (pendings.length === 1 || sqlState(error) === null) throw error;
      for (const pending of pendings) {
        await this.#store({ ...batch, pendings: [pending] }, wasLost).catch((reason) => pending.reject(reason));
      }
    }
  }

  /** Stores one batch and settles all of it, or throws and has settled none of it. */
  async #store(batch: ChannelBatch, wasLost: boolean): Promise<void> {
    const started = performance.now();
    const committed = await this.#committer.commit(batch, wasLost);
    this.#observe(started, batch.pendings.length);
    this.#settle(batch, committed);
  }

  #observe(startedMs: number, messages: number): void {
    const { metrics } = this.#options;
    metrics.journalSeconds.observe((performance.now() - startedMs) / 1000);
    metrics.journalBatchSize.observe(messages);
  }

  #settle(batch: ChannelBatch, { stored, found, refused, head }: Committed): void {
    if (head !== null) {
      this.#publish(batch, stored, head);
      for (const [index, pending] of stored.entries()) {
        pending.resolve({ seq: head.firstSeq + index, createdAt: head.at, earlier: null });
      }
    }
    for (const each of found) this.#settleFound(each, batch.span);
    for (const { pending, error } of refused) pending.reject(error);
  }

  #settleFound({ pending, row, own }: Found, span: Span | null): void {
    const { submission } = pending;
    if (row.user_id !== submission.userId || row.channel_id !== submission.channelId) {
      pending.reject(new HubbubError('CONFLICT', 'This message_id belongs to another message: choose a new one'));
      return;
    }
    if (!hasPlace(row)) {
      pending.reject(new HeldAlready(row));
      return;
    }
    if (own) {
      const at = row.created_at.toISOString();
      const { authorJson, channelId } = submission;
      // Should it have been published by a twin of this submission, the hubs drop what they have.
      const text = encodeMessage(channelId, authorJson, row.content, row.id, at, row.seq, row.is_deleted);
      this.#emit({ channelId, span }, [text], row.seq, submission.atMs);
    }
    pending.resolve({ seq: row.seq, createdAt: row.created_at, earlier: own ? null : row });
  }

  #publish({ channelId, span }: ChannelBatch, stored: readonly Pending[], { firstSeq, at }: BatchHead): void {
    const timestamp = at.toISOString();
    let oldest = Number.POSITIVE_INFINITY;
    const texts: string[] = [];
    for (const [index, { submission }] of stored.entries()) {
      oldest = Math.min(oldest, submission.atMs);
      const { authorJson, content, messageId } = submission;
      texts.push(encodeMessage(channelId, authorJson, content, messageId, timestamp, firstSeq + index));
    }
    this.#emit({ channelId, span }, texts, firstSeq, oldest);
  }

  #emit({ channelId, span: batch }: Traced, texts: readonly string[], firstSeq: number, atMs: number): void {
    const { origin, publish, tracing } = this.#options;
    const span = batch === null ? null : (tracing?.startPublish(batch) ?? null);
    const note = span === null ? '' : (tracing?.noteOf(span) ?? '');
    const frames = encodeTextFrames(texts);
    publish(channelId, { kind: BATCH_KIND.messages, origin, firstSeq, count: texts.length, note, frames }, atMs);
    endSpan(span);
  }
}

/**
 * The next of a queue. An id that is in it already waits for the one after: the database then knows the first.
 *
 * @param room messages at most; at least one
 */
function takePendings(queue: Queue, room: number): Pending[] {
  const pendings: Pending[] = [];
  const later: Pending[] = [];
  const ids = new Set<string>();
  let taken = 0;
  for (const pending of queue.waiting) {
    if (pendings.length >= room) break;
    taken++;
    const { messageId } = pending.submission;
    if (ids.has(messageId)) later.push(pending);
    else {
      ids.add(messageId);
      pendings.push(pending);
    }
  }
  queue.waiting = later.concat(queue.waiting.slice(taken));
  return pendings;
}
