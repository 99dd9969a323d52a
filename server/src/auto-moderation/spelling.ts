import { FIRST_ALONE, KIND, likeOf, skeletonOf, standsAlone } from './characters.js';
import { type TextScan, TOKEN } from './text-scan.js';
import { EMPTY_HASH, hashOn } from './word-hash.js';

// Names of this module: what is imported or exported is looked up again at each use, once or more a character.
const { foreign: IS_FOREIGN, leet: IS_LEET, word: IS_WORD } = KIND;
const { joined: HAS_JOINED, leet: HAS_LEET, uneven: IS_UNEVEN } = TOKEN;
const WORD_OR_LEET = IS_WORD | IS_LEET;
const [CODE_I, CODE_L, EXCLAMATION] = [105, 108, 33];

/** A way to read a text: which disguises are undone in it. */
export interface Reading {
  /** Which letters of other scripts are read as the Latin ones that they look like: none, in words in disguise, or all. */
  readonly unmask: 'none' | 'disguised' | 'all';
  /** Digits and signs in a word with letters are read as letters: `1`, `!` and `|` as this one. Null: as they stand. */
  readonly leet: 'i' | 'l' | null;
  /** Signs between the letters of a word are left out. */
  readonly join: boolean;
  /** Letters that a run of three and more of the same letter is read as. */
  readonly keep: 1 | 2;
}

/** Words, in their order. */
export class Words {
  /** Where each begins and ends in {@link Spelling.units}. */
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  /** The hash of each one's skeleton, see {@link skeletonOfWord}. */
  hashes = new Int32Array(256);
  count = 0;

  clear(room: number): void {
    this.count = 0;
    if (room <= this.starts.length) return;
    this.starts = new Int32Array(room);
    this.ends = new Int32Array(room);
    this.hashes = new Int32Array(room);
  }

  add(start: number, end: number, hash: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.hashes[this.count++] = hash;
  }
}

/** The words of a scanned text in one reading. The buffers are used again for the next one. */
export class Spelling {
  /** The text's own units, and behind them those of words that are not spelled as they stand. */
  units = new Uint16Array(2048);
  readonly words = new Words();
  #length = 0;

  read(scan: TextScan, reading: Reading): void {
    const { starts, ends, flags, hashes, tokens, length } = scan;
    const { words } = this;
    if (length * 2 > this.units.length) this.units = new Uint16Array(length * 2);
    this.units.set(scan.units.subarray(0, length));
    this.#length = length;
    words.clear(length);
    const toSpell = reading.leet === null ? IS_UNEVEN : IS_UNEVEN | HAS_LEET;
    for (let token = 0; token < tokens; token++) {
      const start = starts[token] ?? 0;
      let end = ends[token] ?? 0;
      let seen = flags[token] ?? 0;
      let isJoined = false;
      if (reading.join) {
        for (; token + 1 < tokens && ((flags[token + 1] ?? 0) & HAS_JOINED) !== 0; isJoined = true) {
          seen |= flags[++token] ?? 0;
          end = ends[token] ?? 0;
        }
      }
      const undoMask = (seen & IS_FOREIGN) !== 0 && isUnmasked(scan, seen, reading);
      if (!undoMask && !isJoined && (seen & toSpell) === 0) words.add(start, end, hashes[token] ?? 0);
      else this.#spell(scan, start, end, undoMask, (seen & HAS_LEET) === 0 ? null : reading.leet, reading.keep);
    }
  }

  /** Spells a part of the text behind what is spelled already. */
  #spell(
    { units, marks }: TextScan,
    from: number,
    to: number,
    undoMask: boolean,
    leet: Reading['leet'],
    keep: Reading['keep'],
  ): void {
    const { words, units: out } = this;
    let length = this.#length;
    let start = length;
    let run = 0;
    let last = 0;
    let hash = EMPTY_HASH;
    let lastSkeleton = 0;
    for (let index = from; index < to; index++) {
      const mark = marks[index] ?? 0;
      // A joint.
      if ((mark & WORD_OR_LEET) === 0) continue;
      let unit = units[index] ?? 0;
      if (leet !== null && (mark & IS_LEET) !== 0 && (unit !== EXCLAMATION || isLetterAt(marks, index + 1, to))) {
        const like = likeOf(mark);
        unit = like === CODE_I && leet === 'l' ? CODE_L : like;
      } else if ((mark & IS_WORD) === 0) unit = 0;
      else if (undoMask && (mark & IS_FOREIGN) !== 0) unit = likeOf(mark) || unit;
      if (unit === last && unit !== 0 && !isDigit(unit)) {
        if (++run > 2) {
          if (run === 3 && keep === 1) {
            // It stands alone, and has been taken for a word.
            if (--length < start) {
              start = length;
              words.count--;
            }
          }
          continue;
        }
      } else run = 1;
      last = unit;
      const isAlone = unit >= FIRST_ALONE && standsAlone(unit);
      if (unit === 0 || isAlone) {
        if (length > start) words.add(start, length, hash);
        start = length;
        hash = EMPTY_HASH;
        lastSkeleton = 0;
      }
      if (unit === 0) continue;
      out[length++] = unit;
      const skeleton = skeletonOf(unit);
      if (skeleton !== lastSkeleton) {
        hash = hashOn(hash, skeleton);
        lastSkeleton = skeleton;
      }
      if (isAlone) {
        words.add(start, length, hash);
        start = length;
        hash = EMPTY_HASH;
        lastSkeleton = 0;
      }
    }
    if (length > start) words.add(start, length, hash);
    this.#length = length;
  }
}

function isUnmasked(scan: TextScan, seen: number, { unmask }: Reading): boolean {
  return unmask === 'disguised' ? scan.isDisguised(seen) : unmask === 'all';
}

/** Whether a sign in a word is followed by a letter or digit of it. */
export function isLetterAt(marks: Uint16Array, index: number, end: number): boolean {
  return index < end && ((marks[index] ?? 0) & IS_WORD) !== 0;
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}
