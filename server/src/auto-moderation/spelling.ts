import { FIRST_ALONE, KIND, likeOf, standsAlone } from './characters.js';
import { type TextScan, TOKEN } from './text-scan.js';

/** Which letters of other scripts are read as the Latin ones that they look like: in words in disguise, or wherever they do. */
export type Unmask = 'disguised' | 'all' | null;

/** One of the disguises, to be undone in the words that are in it. */
export interface Reading {
  /** Digits and signs in a word are read as letters: `1`, `!` and `|` as this one. Null: as they stand. */
  readonly leet: 'i' | 'l' | null;
  /** Signs between the letters of a word are left out. */
  readonly join: boolean;
  /** Letters that a run of three and more of the same letter is read as. */
  readonly keep: 1 | 2;
}

/** The reading that all others start from. */
const AS_IT_STANDS: Reading = { leet: null, join: false, keep: 2 };
const [CODE_I, CODE_L, EXCLAMATION] = [105, 108, 33];
const LETTERS = KIND.latin | KIND.foreign;
const WORD_OR_LEET = KIND.word | KIND.leet;
/** Such a token is not one word that can be taken from the text as it stands. */
const UNEVEN = TOKEN.sign | TOKEN.longRun | TOKEN.alone;

/** Whether a token has a long run in the base, and in the first reading as `leet`: bits beside those of {@link TOKEN}. */
const LONG_IN_BASE = 1 << 24;
const LONG_IN_LEET = 1 << 25;

/** Words, in their order. */
export class Words {
  /** Where each begins and ends in {@link Spelling.units}. */
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  /** What whoever looks the words up wants to remember of each: 0 at first, kept from the base to all readings after it. */
  notes = new Uint8Array(256);
  count = 0;

  clear(room: number): void {
    this.count = 0;
    if (room <= this.starts.length) return;
    this.starts = new Int32Array(room);
    this.ends = new Int32Array(room);
    this.notes = new Uint8Array(room);
  }

  add(start: number, end: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.notes[this.count++] = 0;
  }
}

/** How a reading differs from the base: which words stand in the place of which. */
export class Changes {
  /** The words that the changes are made of. */
  readonly words = new Words();
  /** Of each change: its words (from, and up to without it), and the words of the base that they replace. */
  froms = new Int32Array(256);
  tos = new Int32Array(256);
  baseFroms = new Int32Array(256);
  baseTos = new Int32Array(256);
  count = 0;

  reserve(room: number): void {
    if (room <= this.froms.length) return;
    this.froms = new Int32Array(room);
    this.tos = new Int32Array(room);
    this.baseFroms = new Int32Array(room);
    this.baseTos = new Int32Array(room);
  }
}

/**
 * The words of a scanned text: first as they stand, then what is other in further readings. Only words that have something
 * to undo are spelled anew. The buffers are used again.
 */
export class Spelling {
  /** The text's own units, and behind them those of words that are spelled in another way. */
  units = new Uint16Array(3072);
  readonly base = new Words();
  readonly changes = new Changes();
  /** Whether the last reading had three or more of the same letter in a row. */
  hadLongRun = false;
  /** Of each token, its first word in the base. */
  #firstWords = new Int32Array(256);
  /** Tokens that another reading may change, and their bits of {@link TOKEN} with {@link LONG_IN_BASE} and its like. */
  #odd = new Int32Array(256);
  #oddFlags = new Int32Array(256);
  #oddCount = 0;
  #hadLongRunInBase = false;
  /** Of each odd token its words in the first reading as `leet`, which are kept for the readings after it. */
  #leetFroms = new Int32Array(256);
  #leetTos = new Int32Array(256);
  #unmask: Unmask = null;
  #length = 0;
  /** What is kept of units and of changed words when the next reading begins. */
  #keptLength = 0;
  #keptWords = 0;

  /** Reads the words as they stand, but for what `unmask` says. To be called first. */
  readBase(scan: TextScan, unmask: Unmask): void {
    const { starts, ends, flags, tokens, length } = scan;
    this.#reserve(length, tokens);
    this.units.set(scan.units.subarray(0, length));
    this.#length = length;
    this.#unmask = unmask;
    this.hadLongRun = false;
    const { base: words } = this;
    words.clear(length + 1);
    let odd = 0;
    for (let token = 0; token < tokens; token++) {
      const start = starts[token] ?? 0;
      const end = ends[token] ?? 0;
      const seen = flags[token] ?? 0;
      this.#firstWords[token] = words.count;
      const undoMask = (seen & KIND.foreign) !== 0 && this.#isMasked(scan, seen);
      let isLong = false;
      if (!undoMask && (seen & UNEVEN) === 0) words.add(start, end);
      else isLong = this.#spell(scan, start, end, undoMask, AS_IT_STANDS, words);
      if (isLong || (seen & (TOKEN.leet | TOKEN.joined)) !== 0) {
        this.#odd[odd] = token;
        this.#oddFlags[odd++] = isLong ? seen | LONG_IN_BASE : seen;
        if (isLong) this.hadLongRun = true;
      }
    }
    this.#firstWords[tokens] = words.count;
    this.#oddCount = odd;
    this.#hadLongRunInBase = this.hadLongRun;
    this.#keptLength = this.#length;
    this.#keptWords = 0;
    this.changes.words.clear(length * 2 + 1);
    this.changes.reserve(tokens + 1);
  }

  /**
   * Reads what is other than in the base, which must be that of the same scan. Of the readings of digits and signs as
   * letters, the one that keeps two and takes `i` comes first.
   */
  readChanges(scan: TextScan, reading: Reading): void {
    const { starts, ends, flags, tokens } = scan;
    const { leet, join, keep } = reading;
    const { changes } = this;
    const isFirstLeet = leet === 'i' && keep === 2;
    changes.count = 0;
    changes.words.count = this.#keptWords;
    this.#length = this.#keptLength;
    this.hadLongRun = !join && this.#hadLongRunInBase;
    const wanted = join ? TOKEN.joined : (leet === null ? 0 : TOKEN.leet) | (keep === 1 ? LONG_IN_BASE : 0);
    for (let odd = 0; odd < this.#oddCount; odd++) {
      let seen = this.#oddFlags[odd] ?? 0;
      if ((seen & wanted) === 0) continue;
      const at = odd;
      const token = this.#odd[odd] ?? 0;
      let first = token;
      let last = token;
      if (join) {
        seen |= flags[--first] ?? 0;
        // All that are joined are odd.
        for (; last + 1 < tokens && ((flags[last + 1] ?? 0) & TOKEN.joined) !== 0; odd++) seen |= flags[++last] ?? 0;
      } else if (leet !== null && !isFirstLeet && (seen & TOKEN.leet) !== 0) {
        const isOther = keep === 1 ? LONG_IN_LEET : TOKEN.leetOne;
        if ((seen & isOther) === 0) {
          this.#change(token, token, this.#leetFroms[at] ?? 0, this.#leetTos[at] ?? 0);
          continue;
        }
      }
      const from = changes.words.count;
      const undoMask = (seen & KIND.foreign) !== 0 && this.#isMasked(scan, seen);
      const isLong = this.#spell(scan, starts[first] ?? 0, ends[last] ?? 0, undoMask, reading, changes.words);
      if (isLong) this.hadLongRun = true;
      this.#change(first, last, from, changes.words.count);
      if (!isFirstLeet) continue;
      this.#leetFroms[at] = from;
      this.#leetTos[at] = changes.words.count;
      if (isLong) this.#oddFlags[at] = seen | LONG_IN_LEET;
    }
    if (!isFirstLeet) return;
    this.#keptLength = this.#length;
    this.#keptWords = changes.words.count;
  }

  #change(first: number, last: number, from: number, to: number): void {
    const { changes } = this;
    changes.froms[changes.count] = from;
    changes.tos[changes.count] = to;
    changes.baseFroms[changes.count] = this.#firstWords[first] ?? 0;
    changes.baseTos[changes.count++] = this.#firstWords[last + 1] ?? 0;
  }

  #isMasked({ hasOnlyTwins }: TextScan, seen: number): boolean {
    if (this.#unmask !== 'disguised') return this.#unmask === 'all';
    return hasOnlyTwins || (seen & LETTERS) === LETTERS;
  }

  /** Spells a part of the text behind what is spelled already. @returns whether it has a long run */
  #spell(scan: TextScan, from: number, to: number, undoMask: boolean, reading: Reading, words: Words): boolean {
    const { units, marks } = scan;
    const { leet, keep } = reading;
    const out = this.units;
    let length = this.#length;
    let start = length;
    let run = 0;
    let last = 0;
    let hadLongRun = false;
    for (let index = from; index < to; index++) {
      const mark = marks[index] ?? 0;
      // A joint.
      if ((mark & WORD_OR_LEET) === 0) continue;
      let unit = units[index] ?? 0;
      if (leet !== null && (mark & KIND.leet) !== 0 && (unit !== EXCLAMATION || isLetterAt(marks, index + 1, to))) {
        const like = likeOf(mark);
        unit = like === CODE_I && leet === 'l' ? CODE_L : like;
      } else if ((mark & KIND.word) === 0) unit = 0;
      else if (undoMask && (mark & KIND.foreign) !== 0) unit = likeOf(mark) || unit;
      if (unit === last && unit !== 0 && (unit < 48 || unit > 57)) {
        if (++run > 2) {
          hadLongRun = true;
          if (run === 3 && keep === 1 && --length < start) {
            // It stands alone, and has been taken for a word.
            start = length;
            words.count--;
          }
          continue;
        }
      } else run = 1;
      last = unit;
      const isAlone = unit >= FIRST_ALONE && standsAlone(unit);
      if (unit === 0 || isAlone) {
        if (length > start) words.add(start, length);
        start = length;
      }
      if (unit !== 0) out[length++] = unit;
      if (isAlone) {
        words.add(start, length);
        start = length;
      }
    }
    if (length > start) words.add(start, length);
    this.#length = length;
    return hadLongRun;
  }

  #reserve(length: number, tokens: number): void {
    // The text, and what is spelled anew by its base, by the reading that is kept and by another one.
    if (length * 4 > this.units.length) this.units = new Uint16Array(length * 4);
    if (tokens < this.#firstWords.length) return;
    this.#firstWords = new Int32Array(tokens + 1);
    this.#odd = new Int32Array(tokens + 1);
    this.#oddFlags = new Int32Array(tokens + 1);
    this.#leetFroms = new Int32Array(tokens + 1);
    this.#leetTos = new Int32Array(tokens + 1);
  }
}

function isLetterAt(marks: Uint16Array, index: number, end: number): boolean {
  return index < end && ((marks[index] ?? 0) & KIND.word) !== 0;
}
