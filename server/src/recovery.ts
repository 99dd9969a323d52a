import { encodeAuthor, encodeMessage } from '@hubbub/protocol/codec.js';
import { BATCH_KIND, type Batch } from './batch.js';
import { encodeTextFrames } from './frame.js';
import type { Page } from './ring.js';
import type { Db } from './store/db.js';
import { type MessageRow, readPage, readSequence, type SequencedRow } from './store/messages.js';

/** Reads of the database at a time; thousands of clients may come back at once. */
const PARALLEL_READS = 4;
/** Places of the sequence in one read. */
const READ_PLACES = 1000;
const BATCH_MAX_PLACES = 500;

/**
 * Reads back what a channel or a client has missed, from the database, in the form in which it would have come live.
 * Those who miss the same share one read.
 */
export class Recovery {
  readonly #db: Db;
  readonly #reads = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * @returns the batches after `afterSeq`, without gaps, up to `upToSeq` or to 1,000 places; empty when there are none
   * @throws StorageUnavailable
   */
  since(channelId: string, afterSeq: number, upToSeq: number): Promise<Batch[]> {
    return this.#shared(`${channelId}:${afterSeq}:${upToSeq}`, async () =>
      toBatches(channelId, afterSeq, await readSequence(this.#db, channelId, afterSeq, upToSeq, READ_PLACES)),
    );
  }

  /**
   * @returns the newest `count` messages up to `upToSeq`
   * @throws StorageUnavailable
   */
  newest(channelId: string, upToSeq: number, count: number): Promise<Page> {
    return this.#shared(`${channelId}:newest:${upToSeq}:${count}`, async () => {
      const rows = await readPage(this.#db, channelId, { beforeSeq: upToSeq + 1 }, count);
      return { frames: [encodeTextFrames(rows.map(messageText))], oldestSeq: rows[0]?.seq ?? null };
    });
  }

  /** Reads under way may show what is not to be shown any more: whoever comes from now on does not share them. */
  forgetPast(): void {
    this.#reads.clear();
  }

  #shared<T>(key: string, read: () => Promise<T>): Promise<T> {
    // A key names its read's whole result, so the type of what is found under it is that of `read`.
    const running = this.#reads.get(key) as Promise<T> | undefined;
    if (running !== undefined) return running;
    const started = this.#bounded(read).finally(() => {
      if (this.#reads.get(key) === started) this.#reads.delete(key);
    });
    this.#reads.set(key, started);
    return started;
  }

  async #bounded<T>(read: () => Promise<T>): Promise<T> {
    if (this.#running >= PARALLEL_READS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await read();
    } finally {
      // A place is handed on, not given back and taken again, so that it cannot be snatched in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function toBatches(channelId: string, afterSeq: number, rows: readonly SequencedRow[]): Batch[] {
  const batches: Batch[] = [];
  let run: MessageRow[] = [];
  const endRun = () => {
    const [first] = run;
    if (first === undefined) return;
    batches.push(messageBatch(0, first.seq, run));
    run = [];
  };
  let expected = afterSeq + 1;
  for (const row of rows) {
    // A committed place implies all before it (the channel's row lock), so a hole is damage that must not go unnoticed.
    if (row.seq !== expected++)
      throw new Error(`channel ${channelId}: the stored sequence has no place ${expected - 1}`);
    if (isMessage(row)) {
      run.push(row);
      if (run.length >= BATCH_MAX_PLACES) endRun();
      continue;
    }
    endRun();
    batches.push(eventBatch(0, row.seq, row.payload));
  }
  endRun();
  return batches;
}

/** Stored messages that follow each other, as a batch. */
export function messageBatch(origin: number, firstSeq: number, rows: readonly MessageRow[]): Batch {
  const frames = encodeTextFrames(rows.map(messageText));
  return { kind: BATCH_KIND.messages, origin, firstSeq, count: rows.length, note: '', frames };
}

/** A sequenced event that is no message, as a batch: its frame, and the same as a note for the hubs. */
export function eventBatch(origin: number, seq: number, frame: object): Batch {
  const text = JSON.stringify(frame);
  return { kind: BATCH_KIND.event, origin, firstSeq: seq, count: 1, note: text, frames: encodeTextFrames([text]) };
}

/** The JSON text of a stored message's frame. */
export function messageText(row: MessageRow): string {
  const author = encodeAuthor({
    userId: row.user_id,
    username: row.username,
    displayName: row.display_name,
    avatarUrl: row.avatar_url,
  });
  const at = row.created_at.toISOString();
  return encodeMessage(row.channel_id, author, row.is_deleted ? '' : row.content, row.id, at, row.seq, row.is_deleted);
}

function isMessage(row: SequencedRow): row is { readonly kind: 'message' } & MessageRow {
  return row.kind === 'message';
}
