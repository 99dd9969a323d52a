import { encodeMessage } from '@hubbub/protocol/codec.js';
import { BATCH_KIND, type Batch } from './batch.js';
import { HubbubError, StorageUnavailable } from './errors.js';
import { encodeTextFrames } from './frame.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import type { Rights } from './rights.js';
import { type Db, SQLSTATE, sqlState } from './store/db.js';
import { appendMessages, findMessages, type MessageRow, type NewMessage } from './store/messages.js';

/** A message on its way into the journal. */
export interface Submission {
  readonly channelId: string;
  readonly messageId: string;
  readonly userId: string;
  /** The author's part of the frame, from `encodeAuthor`. */
  readonly authorJson: string;
  readonly content: string;
  /** When it was received (`performance.now()`). */
  readonly atMs: number;
  /** The last place of the channel that was delivered on this instance when it was received; 0: none is known. */
  readonly deliveredSeq: number;
}

/** What became of a submission: committed in the database. */
export interface Receipt {
  readonly seq: number;
  readonly createdAt: Date;
  /** Set when the same sender had stored a message of this id before: that one, unchanged. */
  readonly earlier: MessageRow | null;
}

interface Pending {
  readonly submission: Submission;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/** One channel's queue; it exists while there is something in it or under way. */
interface Queue {
  readonly channelId: string;
  waiting: Pending[];
}

interface JournalOptions {
  readonly db: Db;
  readonly rights: Rights;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Number of this instance in the batches it makes. */
  readonly origin: number;
  /** Hands a committed batch on; in the order of seq for each channel. `atMs`: receipt of its oldest message. */
  readonly publish: (channelId: string, batch: Batch, atMs: number) => void;
}

/** Messages in one statement at most: past it a batch costs others more waiting than it saves. */
const MAX_BATCH = 500;
/** Messages waiting in all queues at most; further ones are refused at once, so that memory stays bounded. */
const MAX_WAITING = 20_000;
/** How long the outcome of a statement whose connection was lost is looked for before its senders are told to retry. */
const RESOLVE_FOR_MS = 10_000;
const RESOLVE_PAUSE_MS = 250;
const MAX_DOUBTFUL = 20_000;

/**
 * Persist, then publish. Messages of one channel that arrive while a batch is in flight form the next one (group
 * commit): a lone message waits for nothing, and batches grow with the load. One statement of a channel is in flight at
 * a time, so batches are published in the order of their seq.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #queues = new Map<string, Queue>();
  #waiting = 0;
  #closed = false;
  #closing: Promise<void> | null = null;
  #idle: (() => void) | null = null;
  /** Ids whose outcome stayed unknown, newest last: should they turn up as stored, they have not been published. */
  readonly #doubtful = new Set<string>();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /**
   * Stores a message and has it published.
   *
   * @returns once it is committed and handed to the bus
   * @throws HubbubError `UNAVAILABLE`: storage is away, retry with the same id. `CONFLICT`: the id belongs to another
   *     message. `CHANNEL_NOT_FOUND`: the channel is gone or inactive. `FORBIDDEN`, `MUTED`, `READ_ONLY`: the author may not
   *     write, as of the message's place in the channel
   */
  append(submission: Submission): Promise<Receipt> {
    if (this.#closed || this.#waiting >= MAX_WAITING) {
      this.#options.metrics.journalFailures.inc();
      return Promise.reject(new HubbubError('UNAVAILABLE', undefined, { retryAfterMs: 1000 }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting++;
      const pending = { submission, resolve, reject };
      const queue = this.#queues.get(submission.channelId);
      if (queue !== undefined) {
        queue.waiting.push(pending);
        return;
      }
      const started: Queue = { channelId: submission.channelId, waiting: [pending] };
      this.#queues.set(submission.channelId, started);
      // What the same round of input brings for this channel goes into the same batch.
      queueMicrotask(() => void this.#run(started));
    });
  }

  /** Takes no more, and settles when everything taken is stored or refused. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queues.size === 0) return;
    this.#closing ??= new Promise<void>((resolve) => (this.#idle = resolve));
    await this.#closing;
  }

  async #run(queue: Queue): Promise<void> {
    while (queue.waiting.length > 0) {
      const batch = takeBatch(queue);
      try {
        await this.#storeAll(queue.channelId, batch);
      } catch (error) {
        if (error instanceof StorageUnavailable) this.#options.metrics.journalFailures.inc(batch.length);
        for (const pending of batch) pending.reject(error);
      }
      this.#waiting -= batch.length;
      this.#options.metrics.journalQueue.set(this.#waiting);
    }
    this.#queues.delete(queue.channelId);
    if (this.#queues.size === 0) this.#idle?.();
  }

  /** Stores a batch; should the database refuse it for one of its messages, each of them by itself. */
  async #storeAll(channelId: string, batch: readonly Pending[]): Promise<void> {
    try {
      await this.#store(channelId, batch);
    } catch (error) {
      if (batch.length === 1 || sqlState(error) === null) throw error;
      for (const pending of batch) await this.#store(channelId, [pending]).catch((reason) => pending.reject(reason));
    }
  }

  /** Stores one batch and settles all of it, or throws and has settled none of it. */
  async #store(channelId: string, batch: readonly Pending[]): Promise<void> {
    const { metrics } = this.#options;
    const started = performance.now();
    const { stored, found, refused, head } = await this.#commit(channelId, batch);
    metrics.journalSeconds.observe((performance.now() - started) / 1000);
    metrics.journalBatchSize.observe(batch.length);
    if (head !== null) {
      this.#publish(channelId, stored, head.firstSeq, head.at);
      for (const [index, pending] of stored.entries()) {
        pending.resolve({ seq: head.firstSeq + index, createdAt: head.at, earlier: null });
      }
    }
    for (const { pending, row, own } of found) this.#settleFound(pending, row, own);
    for (const { pending, error } of refused) pending.reject(error);
  }

  /**
   * Commits what is new in a batch. First without looking: ids are nearly always new. When one is not, the statement
   * fails as a whole, no seq is used up, and what is known is sorted out; so the sequence stays without gaps.
   *
   * When the connection is lost, the outcome is unknown. The same statement is tried again until the database gives an
   * answer: the ids are unique, so if the first attempt was committed the second one fails on them and they are found.
   *
   * The authors are checked under a version of the channel, and the statement stores nothing under another one: whoever
   * is banned gets no place after the commit of his ban, whichever instance that was on.
   */
  async #commit(channelId: string, batch: readonly Pending[]): Promise<Committed> {
    const { db, rights, log } = this.#options;
    const found: Found[] = [];
    const refused: Refused[] = [];
    let rest = batch;
    let collided = false;
    let deadline: number | null = null;
    while (rest.length > 0) {
      try {
        if (collided) {
          rest = await this.#sortOut(rest, found, deadline !== null);
          collided = false;
          continue;
        }
        const verdict = await rights.check(channelId, new Set(rest.map(({ submission }) => submission.userId)));
        if (verdict.refusals.size > 0) rest = takeRefused(rest, verdict.refusals, refused);
        if (rest.length === 0) break;
        const head = await appendMessages(db, channelId, rest.map(toRow), verdict.version);
        if (head !== null) return { stored: rest, found, refused, head };
        rights.forget(channelId);
      } catch (error) {
        if (sqlState(error) === SQLSTATE.uniqueViolation) collided = true;
        else if (isTransient(error)) log.debug({ channel_id: channelId }, 'A batch ran into another: trying again');
        else if (!(error instanceof StorageUnavailable)) throw error;
        else if (deadline === null && error.outcome === 'not-applied') throw error;
        else {
          // What was stored is looked up first: its author may have lost his right since.
          collided = true;
          deadline ??= performance.now() + RESOLVE_FOR_MS;
          if (performance.now() > deadline) {
            this.#doubt(rest);
            throw error;
          }
          log.warn({ channel_id: channelId, messages: rest.length }, 'The outcome of a batch is unknown: trying again');
          await new Promise((resolve) => setTimeout(resolve, RESOLVE_PAUSE_MS));
        }
      }
    }
    return { stored: [], found, refused, head: null };
  }

  #doubt(batch: readonly Pending[]): void {
    for (const { submission } of batch) this.#doubtful.add(submission.messageId);
    for (const id of this.#doubtful) {
      if (this.#doubtful.size <= MAX_DOUBTFUL) break;
      this.#doubtful.delete(id);
    }
  }

  /** Moves what is stored already from `batch` to `found`; returns what is not. */
  async #sortOut(batch: readonly Pending[], found: Found[], wasLost: boolean): Promise<Pending[]> {
    const ids = batch.map(({ submission }) => submission.messageId);
    const known = await findMessages(this.#options.db, ids);
    const unknown: Pending[] = [];
    for (const pending of batch) {
      const row = known.get(pending.submission.messageId);
      if (row === undefined) unknown.push(pending);
      // A row from after the submission's receipt was stored by the attempt whose answer was lost: it is not published yet.
      else
        found.push({
          pending,
          row,
          own: (wasLost || this.#doubtful.delete(row.id)) && row.seq > pending.submission.deliveredSeq,
        });
    }
    return unknown;
  }

  #settleFound(pending: Pending, row: MessageRow, own: boolean): void {
    const { submission } = pending;
    if (row.user_id !== submission.userId || row.channel_id !== submission.channelId) {
      pending.reject(new HubbubError('CONFLICT', 'This message_id belongs to another message: choose a new one'));
      return;
    }
    if (own) {
      const at = row.created_at.toISOString();
      const { authorJson, channelId } = submission;
      // Should it have been published by a twin of this submission, the hubs drop what they have.
      const text = encodeMessage(channelId, authorJson, row.content, row.id, at, row.seq, row.is_deleted);
      this.#emit(channelId, [text], row.seq, submission.atMs);
    }
    pending.resolve({ seq: row.seq, createdAt: row.created_at, earlier: own ? null : row });
  }

  #publish(channelId: string, stored: readonly Pending[], firstSeq: number, at: Date): void {
    const timestamp = at.toISOString();
    let oldest = Number.POSITIVE_INFINITY;
    const texts: string[] = [];
    for (const [index, { submission }] of stored.entries()) {
      oldest = Math.min(oldest, submission.atMs);
      const { authorJson, content, messageId } = submission;
      texts.push(encodeMessage(channelId, authorJson, content, messageId, timestamp, firstSeq + index));
    }
    this.#emit(channelId, texts, firstSeq, oldest);
  }

  #emit(channelId: string, texts: readonly string[], firstSeq: number, atMs: number): void {
    const { origin, publish } = this.#options;
    const frames = encodeTextFrames(texts);
    publish(channelId, { kind: BATCH_KIND.messages, origin, firstSeq, count: texts.length, note: '', frames }, atMs);
  }
}

/** A submission whose id is stored already. */
interface Found {
  readonly pending: Pending;
  readonly row: MessageRow;
  /** It was stored by an attempt of its own batch. */
  readonly own: boolean;
}

/** A submission whose author may not write. */
interface Refused {
  readonly pending: Pending;
  readonly error: HubbubError;
}

interface Committed {
  readonly stored: readonly Pending[];
  readonly found: readonly Found[];
  readonly refused: readonly Refused[];
  /** Place and time of what was stored; null when nothing was new. */
  readonly head: { readonly firstSeq: number; readonly at: Date } | null;
}

/** The next batch of a queue. An id that is in it already waits for the one after: the database then knows the first. */
function takeBatch(queue: Queue): Pending[] {
  const batch: Pending[] = [];
  const later: Pending[] = [];
  const ids = new Set<string>();
  for (const pending of queue.waiting) {
    const { messageId } = pending.submission;
    if (batch.length >= MAX_BATCH || ids.has(messageId)) later.push(pending);
    else {
      ids.add(messageId);
      batch.push(pending);
    }
  }
  queue.waiting = later;
  return batch;
}

/** Moves what is refused from `batch` to `refused`; returns what is not. */
function takeRefused(
  batch: readonly Pending[],
  refusals: ReadonlyMap<string, HubbubError>,
  refused: Refused[],
): Pending[] {
  return batch.filter((pending) => {
    const error = refusals.get(pending.submission.userId);
    if (error !== undefined) refused.push({ pending, error });
    return error === undefined;
  });
}

function toRow({ submission }: Pending): NewMessage {
  return { id: submission.messageId, userId: submission.userId, content: submission.content };
}

/** The statement was rolled back only because of others running beside it. */
function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return state === SQLSTATE.serializationFailure || state === SQLSTATE.deadlockDetected;
}
