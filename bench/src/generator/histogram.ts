/** Steps of each power of two: a value is known to 1/64, about 1.6 %. */
const STEPS = 64;
const STEP_BITS = 6;
/** Largest exponent: 2^36 µs are 19 hours. */
const POWERS = 36;

/** A histogram as it travels between processes: bucket and count, in turn. */
export type PackedHistogram = readonly number[];

/**
 * Times in microseconds in logarithmic buckets, as an HDR histogram has them: it takes any number of values in the same
 * small memory, and quantiles are off by 1.6 % at most.
 */
export class Histogram {
  readonly #counts = new Float64Array(STEPS * (POWERS + 1));
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  /** @param us microseconds; below zero counts as zero */
  record(us: number): void {
    const value = Math.max(us, 0);
    const index = bucketOf(value);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
    if (value > this.#max) this.#max = value;
  }

  /**
   * @param part from 0 to 1; 1 gives the exact maximum
   * @returns microseconds; 0 when nothing was recorded
   */
  quantile(part: number): number {
    if (part >= 1) return this.#max;
    const rank = Math.ceil(this.#total * part);
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank && count > 0) return Math.min(upperEnd(index), this.#max);
    }
    return this.#max;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#max = 0;
  }

  pack(): PackedHistogram {
    const packed: number[] = [this.#max];
    for (const [index, count] of this.#counts.entries()) if (count > 0) packed.push(index, count);
    return packed;
  }

  /** Adds what another histogram has counted. */
  add(packed: PackedHistogram): void {
    this.#max = Math.max(this.#max, packed[0] ?? 0);
    for (let at = 1; at < packed.length; at += 2) {
      const index = packed[at] ?? 0;
      const count = packed[at + 1] ?? 0;
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
      this.#total += count;
    }
  }
}

/** Values below 64 have a bucket each; above, each power of two is divided into 64. */
function bucketOf(value: number): number {
  if (value < STEPS) return Math.floor(value);
  const power = Math.min(POWERS + STEP_BITS - 1, Math.floor(Math.log2(value)));
  const step = Math.min(STEPS - 1, Math.floor(value / 2 ** (power - STEP_BITS)) - STEPS);
  return (power - STEP_BITS + 1) * STEPS + step;
}

function upperEnd(index: number): number {
  if (index < STEPS) return index;
  const power = Math.floor(index / STEPS) + STEP_BITS - 1;
  return ((index % STEPS) + STEPS + 1) * 2 ** (power - STEP_BITS);
}
