import { encodeAuthor, encodeMessage } from '@hubbub/protocol/codec.js';
import { BATCH_KIND, type Batch, lastSeqOf } from './batch.js';
import { encodeTextFrames } from './frame.js';
import type { Page } from './ring.js';
import type { Db } from './store/db.js';
import { type MessageRow, readPage, readSequence, type SequencedRow, type StoredSequence } from './store/messages.js';

/** Reads of the database at a time; thousands of clients may come back at once. */
const PARALLEL_READS = 4;
/** Places of the sequence in one read. */
const READ_PLACES = 1000;
const BATCH_MAX_PLACES = 500;

/** Holes that are remembered as told of; a database with more has been told of enough. */
const MAX_TOLD = 1000;

/** What follows a place of the sequence, as far as it could be read. */
export interface Stretch {
  /** From the next place on, without gaps; empty when that is gone, or not there yet. */
  readonly batches: readonly Batch[];
  /** Last of the places which would be next and are gone for good; null: the next one is not. */
  readonly goneTo: number | null;
}

/** Places that are missing although nothing has removed them for their age: somebody has, by hand. */
export interface Hole {
  readonly channelId: string;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/**
 * Reads back what a channel or a client has missed, from the database, in the form in which it would have come live.
 * Those who miss the same share one read.
 */
export class Recovery {
  readonly #db: Db;
  readonly #reads = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  readonly #onHole: (hole: Hole) => void;
  readonly #told = new Set<string>();
  #running = 0;

  /** @param onHole told once of each hole that is come upon */
  constructor(db: Db, onHole: (hole: Hole) => void = () => {}) {
    this.#db = db;
    this.#onHole = onHole;
  }

  /**
   * @returns what follows `afterSeq`, up to `upToSeq`, to a place that is gone, or to 1,000 places
   * @throws StorageUnavailable
   */
  since(channelId: string, afterSeq: number, upToSeq: number): Promise<Stretch> {
    return this.#shared(`${channelId}:${afterSeq}:${upToSeq}`, async () => {
      const stored = await readSequence(this.#db, channelId, afterSeq, upToSeq, READ_PLACES);
      const goneTo = lastGone(stored, afterSeq, upToSeq);
      if (goneTo !== null && goneTo >= stored.firstSeq) {
        this.#tellHole({ channelId, fromSeq: Math.max(afterSeq + 1, stored.firstSeq), toSeq: goneTo });
      }
      return { batches: toBatches(afterSeq, stored.rows), goneTo };
    });
  }

  /**
   * @returns what there is up to `upToSeq`, without gaps: it goes back to `afterSeq`, or to the last place that is gone
   * @throws StorageUnavailable
   */
  async upTo(channelId: string, afterSeq: number, upToSeq: number): Promise<Batch[]> {
    let batches: Batch[] = [];
    for (let reached = afterSeq; reached < upToSeq; ) {
      const stretch = await this.since(channelId, reached, upToSeq);
      const newest = stretch.batches.at(-1);
      if (newest === undefined && stretch.goneTo === null) break;
      batches = stretch.goneTo === null ? [...batches, ...stretch.batches] : [];
      reached = newest === undefined ? (stretch.goneTo ?? upToSeq) : lastSeqOf(newest);
    }
    return batches;
  }

  /**
   * @param afterSeq only messages after this place
   * @returns the newest `count` messages up to `upToSeq`
   * @throws StorageUnavailable
   */
  newest(channelId: string, afterSeq: number, upToSeq: number, count: number): Promise<Page> {
    return this.#shared(`${channelId}:newest:${afterSeq}:${upToSeq}:${count}`, async () => {
      const page = await readPage(this.#db, channelId, { beforeSeq: upToSeq + 1 }, count);
      const rows = page.filter(({ seq }) => seq > afterSeq);
      return { frames: [encodeTextFrames(rows.map(messageText))], oldestSeq: rows[0]?.seq ?? null };
    });
  }

  /** Reads under way may show what is not to be shown any more: whoever comes from now on does not share them. */
  forgetPast(): void {
    this.#reads.clear();
  }

  #tellHole(hole: Hole): void {
    const key = `${hole.channelId}:${hole.toSeq}`;
    if (this.#told.has(key) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(key);
    this.#onHole(hole);
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

/** @returns see {@link Stretch.goneTo} */
function lastGone({ rows, lastSeq }: StoredSequence, afterSeq: number, upToSeq: number): number | null {
  // A committed place implies all before it (the channel's row lock): what is not there any more does not come either.
  const [next] = rows;
  const goneTo = next === undefined ? Math.min(lastSeq, upToSeq) : next.seq - 1;
  return goneTo > afterSeq ? goneTo : null;
}

/** The rows from the place after `afterSeq` to the first one that is gone. */
function toBatches(afterSeq: number, rows: readonly SequencedRow[]): Batch[] {
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
    if (row.seq !== expected++) break;
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
