import { BATCH_KIND, type Batch, batchAfter, batchUntil, lastSeqOf } from './batch.js';

/** Newest messages of a channel, for someone who joins without a position. */
export interface Page {
  readonly frames: Buffer[];
  /** Place of the first of them; null when there are none. */
  readonly oldestSeq: number | null;
}

/**
 * The recent part of a channel's sequence, as the batches in which it came: without gaps, up to the newest delivered
 * place. Bounded in places and in bytes; the newest batch stays whatever its size.
 */
export class Ring {
  readonly #maxPlaces: number;
  readonly #maxBytes: number;
  readonly #batches: Batch[] = [];
  /** Everything after this place is held. */
  #from: number;
  /** Up to this place there is nothing in the channel any more; 0: it has its beginning. */
  #goneTo: number;
  #places = 0;
  #bytes = 0;
  #forgets = 0;

  /**
   * @param from the newest delivered place; what comes after it will be held. 0: the channel is new
   * @param goneTo last place that the channel has lost at its beginning; 0: none
   */
  constructor(maxPlaces: number, maxBytes: number, from = 0, goneTo = 0) {
    this.#maxPlaces = maxPlaces;
    this.#maxBytes = maxBytes;
    this.#from = from;
    this.#goneTo = goneTo;
  }

  /** Adds the batch that follows the newest one; in an empty ring, the first one. */
  push(batch: Batch): void {
    if (this.#batches.length === 0) this.#from = batch.firstSeq - 1;
    this.#batches.push(batch);
    this.#places += batch.count;
    this.#bytes += batch.frames.length;
    while (this.#batches.length > 1 && (this.#places > this.#maxPlaces || this.#bytes > this.#maxBytes))
      this.#dropOldest();
  }

  /**
   * Adds what comes before the oldest place held, as far as there is room.
   *
   * @param batches without gaps, oldest first; what of them is held already is left out, and all of them when they do not
   *     reach up to it
   */
  extendBack(batches: readonly Batch[]): void {
    const newest = batches.at(-1);
    if (newest === undefined || lastSeqOf(newest) < this.#from) return;
    for (const whole of batches.toReversed()) {
      if (whole.firstSeq > this.#from) continue;
      const batch = batchUntil(whole, this.#from);
      if (this.#places + batch.count > this.#maxPlaces || this.#bytes + batch.frames.length > this.#maxBytes) return;
      this.#batches.unshift(batch);
      this.#from = batch.firstSeq - 1;
      this.#places += batch.count;
      this.#bytes += batch.frames.length;
    }
  }

  /** How often something was to be forgotten: what was read before that may show it and is not to be added any more. */
  get forgets(): number {
    return this.#forgets;
  }

  /** Drops everything up to `seq`, and what came in one batch with it: it shows what has been deleted since. */
  forget(seq: number): void {
    this.#forgets++;
    while (this.#batches.length > 0 && this.#from < seq) this.#dropOldest();
  }

  /** The channel has lost everything up to `seq`, and so does the ring. */
  lose(seq: number): void {
    if (seq <= this.#goneTo) return;
    this.#goneTo = seq;
    this.forget(seq);
  }

  /** The place after the newest one held, and all up to `seq`, are gone for good: the ring begins anew after them. */
  restart(seq: number): void {
    this.forget(Number.POSITIVE_INFINITY);
    this.#from = seq;
  }

  /** Everything after `seq`, oldest first; null when the ring does not reach back that far. */
  since(seq: number): Buffer[] | null {
    if (seq < this.#from) return null;
    const frames: Buffer[] = [];
    for (let index = this.#batches.length - 1; index >= 0; index--) {
      const batch = this.#batches[index];
      if (batch === undefined || lastSeqOf(batch) <= seq) break;
      frames.push(batchAfter(batch, seq).frames);
    }
    return frames.reverse();
  }

  /** The newest `count` messages, fewer if the channel has no more; null when the ring does not hold that many. */
  newest(count: number): Page | null {
    const frames: Buffer[] = [];
    let missing = count;
    let oldestSeq: number | null = null;
    for (let index = this.#batches.length - 1; index >= 0 && missing > 0; index--) {
      const batch = this.#batches[index];
      if (batch === undefined || batch.kind !== BATCH_KIND.messages) continue;
      const part = batchAfter(batch, lastSeqOf(batch) - missing);
      missing -= part.count;
      oldestSeq = part.firstSeq;
      frames.push(part.frames);
    }
    if (missing > 0 && this.#from > this.#goneTo) return null;
    return { frames: frames.reverse(), oldestSeq };
  }

  #dropOldest(): void {
    const oldest = this.#batches.shift();
    if (oldest === undefined) return;
    this.#from = lastSeqOf(oldest);
    this.#places -= oldest.count;
    this.#bytes -= oldest.frames.length;
  }
}
