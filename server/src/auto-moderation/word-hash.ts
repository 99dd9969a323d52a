import { skeletonOf } from './characters.js';

/** What the hash of no units is. */
export const EMPTY_HASH = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/** FNV-1a over UTF-16 units: the hash of some and one more. */
export function hashOn(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, PRIME);
}

/**
 * The skeleton of a word: each unit as {@link skeletonOf} has it, and of equal ones in a row the first. It is the same for
 * all that a reading may make of a word.
 */
export function skeletonOfWord(word: string): number[] {
  const units = Array.from({ length: word.length }, (_, index) => skeletonOf(word.charCodeAt(index)));
  return units.filter((unit, index) => unit !== units[index - 1]);
}

export function hashOf(units: readonly number[]): number {
  return units.reduce(hashOn, EMPTY_HASH);
}

/** Bits for each hash that is expected: so few that are not in a filter get past it. */
const BITS_EACH = 64;
const LEAST_BITS = 1 << 12;

/** Tells of nearly all hashes that they were not added, and of none that was. */
export class HashFilter {
  readonly #bits: Uint8Array;

  /** @param size how many hashes are expected; more get in, and make it let more past */
  constructor(size: number) {
    const bits = Math.max(LEAST_BITS, 2 ** Math.ceil(Math.log2(size * BITS_EACH + 1)));
    this.#bits = new Uint8Array(bits / 8);
  }

  add(hash: number): void {
    const bit = this.#bitOf(hash);
    this.#bits[bit >>> 3] = (this.#bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }

  mayHave(hash: number): boolean {
    const bit = this.#bitOf(hash);
    return ((this.#bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }

  #bitOf(hash: number): number {
    return (hash ^ (hash >>> 16)) & (this.#bits.length * 8 - 1);
  }
}

/** Hashes, of which most that are asked for are not among them. */
export class HashSet {
  readonly #filter: HashFilter;
  readonly #hashes = new Set<number>();

  /** @param size how many are expected */
  constructor(size: number) {
    this.#filter = new HashFilter(size);
  }

  add(hash: number): void {
    this.#filter.add(hash);
    this.#hashes.add(hash);
  }

  has(hash: number): boolean {
    return this.#filter.mayHave(hash) && this.#hashes.has(hash);
  }
}
