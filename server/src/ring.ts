import { BATCH_KIND, type Batch, batchAfter, lastSeqOf } from './batch.js';

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
  #places = 0;
  #bytes = 0;

  constructor(maxPlaces: number, maxBytes: number) {
    this.#maxPlaces = maxPlaces;
    this.#maxBytes = maxBytes;
  }

  /** Adds the batch that follows the newest one. */
  push(batch: Batch): void {
    this.#batches.push(batch);
    this.#places += batch.count;
    this.#bytes += batch.frames.length;
    let drop = 0;
    while (drop < this.#batches.length - 1 && (this.#places > this.#maxPlaces || this.#bytes > this.#maxBytes)) {
      const oldest = this.#batches[drop++];
      this.#places -= oldest?.count ?? 0;
      this.#bytes -= oldest?.frames.length ?? 0;
    }
    if (drop > 0) this.#batches.splice(0, drop);
  }

  /** Drops everything up to `seq`: one of its messages has been deleted, and the database has the truth. */
  forget(seq: number): void {
    const keepFrom = this.#batches.findIndex((batch) => lastSeqOf(batch) > seq);
    const dropped = this.#batches.splice(0, keepFrom < 0 ? this.#batches.length : keepFrom);
    const [cut] = this.#batches;
    if (cut !== undefined && cut.firstSeq <= seq) {
      this.#batches[0] = batchAfter(cut, seq);
      dropped.push({
        ...cut,
        count: seq + 1 - cut.firstSeq,
        frames: cut.frames.subarray(0, cut.frames.length - batchAfter(cut, seq).frames.length),
      });
    }
    for (const { count, frames } of dropped) {
      this.#places -= count;
      this.#bytes -= frames.length;
    }
  }

  /** Everything after `seq`, oldest first; null when the ring does not reach back that far. */
  since(seq: number): Buffer[] | null {
    const [oldest] = this.#batches;
    if (oldest === undefined || oldest.firstSeq > seq + 1) return null;
    const frames: Buffer[] = [];
    for (let index = this.#batches.length - 1; index >= 0; index--) {
      const batch = this.#batches[index];
      if (batch === undefined || lastSeqOf(batch) <= seq) break;
      frames.push(batchAfter(batch, seq).frames);
    }
    return frames.reverse();
  }

  /**
   * The newest `count` messages, fewer if the channel has no more; null when the ring does not hold that many. An empty
   * ring stands for an empty channel: a hub primes the ring of any other.
   */
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
    if (missing > 0 && (this.#batches[0]?.firstSeq ?? 0) > 1) return null;
    return { frames: frames.reverse(), oldestSeq };
  }
}
