import { FIRST_ALONE, KIND, likeOf, standsAlone } from './characters.js';
import { type TextScan, TOKEN } from './text-scan.js';
import { EMPTY_HASH, hashOn } from './word-hash.js';

// Names of this module: what is imported or exported is looked up again at each use, once or more a character.
const { foreign: IS_FOREIGN, latin: IS_LATIN, leet: IS_LEET, word: IS_WORD } = KIND;
const { alone: HAS_ALONE, joined: HAS_JOINED, leet: HAS_LEET, longRun: HAS_LONG_RUN, sign: HAS_SIGN } = TOKEN;
/** Which letters of other scripts are read as the Latin ones that they look like: in words in disguise, or wherever they do. */
export type Unmask = 'disguised' | 'all' | null;

/** One of the disguises, to be undone in the words that are in it. */
export interface Reading {
  /** The tokens that it changes: any of these bits, see {@link TOKEN} and {@link LONG_IN_BASE}. */
  readonly of: number;
  /** Digits and signs in a word are read as letters: `1`, `!` and `|` as this one. Null: as they stand. */
  readonly leet: 'i' | 'l' | null;
  /** Signs between the letters of a word are left out. */
  readonly join: boolean;
  /** Letters that a run of three and more of the same letter is read as. */
  readonly keep: 1 | 2;
}

/** The reading that all others start from. */
const AS_IT_STANDS: Reading = { of: 0, leet: null, join: false, keep: 2 };
const [CODE_I, CODE_L, EXCLAMATION] = [105, 108, 33];
const LETTERS = IS_LATIN | IS_FOREIGN;
const WORD_OR_LEET = IS_WORD | IS_LEET;
/** Such a token is not one word that can be taken from the text as it stands. */
const UNEVEN = HAS_SIGN | HAS_LONG_RUN | HAS_ALONE;

/** A token has a long run in what the reading starts from: a bit beside those of {@link TOKEN}. */
export const LONG_IN_BASE = 1 << 24;

/** Words, in their order. */
export class Words {
  /** Where each begins and ends in {@link Spelling.units}. */
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  /** The hash of each, see {@link hashOn}. */
  hashes = new Int32Array(256);
  /** What whoever looks the words up wants to remember of each: 0 at first, kept from the base to all readings after it. */
  notes = new Uint8Array(256);
  count = 0;

  clear(room: number): void {
    this.count = 0;
    if (room <= this.starts.length) return;
    this.starts = new Int32Array(room);
    this.ends = new Int32Array(room);
    this.hashes = new Int32Array(room);
    this.notes = new Uint8Array(room);
  }

  /** Copies a row of others, with their notes. */
  addAll({ starts, ends, hashes, notes }: Words, from: number, to: number): void {
    const { starts: ownStarts, ends: ownEnds, hashes: ownHashes, notes: ownNotes } = this;
    let { count } = this;
    for (let word = from; word < to; word++, count++) {
      ownStarts[count] = starts[word] ?? 0;
      ownEnds[count] = ends[word] ?? 0;
      ownHashes[count] = hashes[word] ?? 0;
      ownNotes[count] = notes[word] ?? 0;
    }
    this.count = count;
  }

  add(start: number, end: number, hash: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.hashes[this.count] = hash;
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
  base = new Words();
  readonly changes = new Changes();
  /** Whether the last reading had three or more of the same letter in a row. */
  hadLongRun = false;
  /** Of each token, its first word in the text as it stands. */
  #firstWords = new Int32Array(256);
  /** Tokens that another reading may change, their bits, and their words in the base. */
  #odd = new Int32Array(256);
  #oddFlags = new Int32Array(256);
  #oddFroms = new Int32Array(256);
  #oddTos = new Int32Array(256);
  #oddCount = 0;
  /** Of each change, which of the odd tokens it is of, and whether that has a long run now. */
  #changed = new Int32Array(256);
  #changedFlags = new Int32Array(256);
  #hadLongRunInBase = false;
  /** Becomes the base when it is taken from the last reading. */
  #spare = new Words();
  #unmask: Unmask = null;
  #length = 0;
  /** Units of the text and of the base; where the next reading begins to spell. */
  #baseLength = 0;

  /** Reads the words as they stand, but for what `unmask` says. To be called first. */
  readBase(scan: TextScan, unmask: Unmask): void {
    const { starts, ends, flags, hashes, tokens, length } = scan;
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
      const from = words.count;
      this.#firstWords[token] = from;
      const undoMask = (seen & IS_FOREIGN) !== 0 && this.#isMasked(scan, seen);
      let isLong = false;
      if (!undoMask && (seen & UNEVEN) === 0) words.add(start, end, hashes[token] ?? 0);
      else isLong = this.#spell(scan, start, end, seen, undoMask, AS_IT_STANDS, words);
      if (isLong || (seen & (HAS_LEET | HAS_JOINED)) !== 0) {
        this.#odd[odd] = token;
        this.#oddFroms[odd] = from;
        this.#oddTos[odd] = words.count;
        this.#oddFlags[odd++] = isLong ? seen | LONG_IN_BASE : seen;
        if (isLong) this.hadLongRun = true;
      }
    }
    this.#oddCount = odd;
    this.#hadLongRunInBase = this.hadLongRun;
    this.#baseLength = this.#length;
    this.changes.words.clear(length + 1);
    this.changes.reserve(odd + 1);
  }

  /** Reads what is other than in the base, which must be that of the same scan. */
  readChanges(scan: TextScan, reading: Reading): void {
    const { starts, ends, flags, tokens } = scan;
    const { of, join } = reading;
    const { changes } = this;
    changes.count = 0;
    changes.words.count = 0;
    this.#length = this.#baseLength;
    this.hadLongRun = !join && this.#hadLongRunInBase;
    for (let odd = 0; odd < this.#oddCount; odd++) {
      let seen = this.#oddFlags[odd] ?? 0;
      if ((seen & of) === 0) continue;
      const token = this.#odd[odd] ?? 0;
      let first = token;
      let last = token;
      let baseFrom = this.#oddFroms[odd] ?? 0;
      if (join) {
        seen |= flags[--first] ?? 0;
        baseFrom = this.#firstWords[first] ?? 0;
        // All that are joined are odd.
        for (; last + 1 < tokens && ((flags[last + 1] ?? 0) & HAS_JOINED) !== 0; odd++) seen |= flags[++last] ?? 0;
      }
      const from = changes.words.count;
      const undoMask = (seen & IS_FOREIGN) !== 0 && this.#isMasked(scan, seen);
      const isLong = this.#spell(scan, starts[first] ?? 0, ends[last] ?? 0, seen, undoMask, reading, changes.words);
      if (isLong) {
        this.hadLongRun = true;
        this.#changedFlags[changes.count] = LONG_IN_BASE;
      } else this.#changedFlags[changes.count] = 0;
      this.#changed[changes.count] = odd;
      changes.froms[changes.count] = from;
      changes.tos[changes.count] = changes.words.count;
      changes.baseFroms[changes.count] = baseFrom;
      changes.baseTos[changes.count++] = this.#oddTos[odd] ?? 0;
    }
  }

  /** Takes what was read last, which joined nothing, for the base of the readings that follow. */
  rebase(): void {
    const { base, changes } = this;
    const words = this.#spare;
    words.clear(base.count + changes.words.count);
    let change = 0;
    let word = 0;
    for (let odd = 0; odd < this.#oddCount; odd++) {
      const from = this.#oddFroms[odd] ?? 0;
      const to = this.#oddTos[odd] ?? 0;
      const isChanged = change < changes.count && this.#changed[change] === odd;
      if (isChanged) {
        words.addAll(base, word, from);
        word = to;
      }
      // Behind what is copied lies what is copied with the next change.
      this.#oddFroms[odd] = words.count + (isChanged ? 0 : from - word);
      if (isChanged) {
        words.addAll(changes.words, changes.froms[change] ?? 0, changes.tos[change] ?? 0);
        this.#oddFlags[odd] = ((this.#oddFlags[odd] ?? 0) & ~LONG_IN_BASE) | (this.#changedFlags[change++] ?? 0);
      }
      this.#oddTos[odd] = words.count + (isChanged ? 0 : to - word);
    }
    words.addAll(base, word, base.count);
    this.#spare = base;
    this.base = words;
    this.#baseLength = this.#length;
    this.#hadLongRunInBase = this.hadLongRun;
  }

  #isMasked({ hasOnlyTwins }: TextScan, seen: number): boolean {
    if (this.#unmask !== 'disguised') return this.#unmask === 'all';
    return hasOnlyTwins || (seen & LETTERS) === LETTERS;
  }

  /** Spells a part of the text behind what is spelled already. @returns whether it has a long run */
  #spell(
    scan: TextScan,
    from: number,
    to: number,
    seen: number,
    undoMask: boolean,
    reading: Reading,
    words: Words,
  ): boolean {
    if ((seen & UNEVEN) === 0 && !reading.join && this.#spellEven(scan, from, to, undoMask, reading, words))
      return false;
    const { units, marks } = scan;
    const { leet, keep } = reading;
    const out = this.units;
    let length = this.#length;
    let start = length;
    let run = 0;
    let last = 0;
    let hash = EMPTY_HASH;
    let hashBefore = EMPTY_HASH;
    let hadLongRun = false;
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
          hadLongRun = true;
          if (run === 3 && keep === 1) {
            hash = hashBefore;
            // It stands alone, and has been taken for a word.
            if (--length < start) {
              start = length;
              hash = EMPTY_HASH;
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
      }
      if (unit === 0) continue;
      out[length++] = unit;
      hashBefore = hash;
      hash = hashOn(hash, unit);
      if (isAlone) {
        words.add(start, length, hash);
        start = length;
        hash = EMPTY_HASH;
      }
    }
    if (length > start) words.add(start, length, hash);
    this.#length = length;
    return hadLongRun;
  }

  /**
   * Spells a token that is one word, all of letters and digits, as nearly all are. @returns false: it has come to have a long
   * run, and has to be spelled with more care
   */
  #spellEven({ units, marks }: TextScan, from: number, to: number, undoMask: boolean, { leet }: Reading, words: Words) {
    const out = this.units;
    const start = this.#length;
    let length = start;
    let run = 0;
    let last = 0;
    let hash = EMPTY_HASH;
    for (let index = from; index < to; index++) {
      const mark = marks[index] ?? 0;
      let unit = units[index] ?? 0;
      if (leet !== null && (mark & IS_LEET) !== 0) {
        unit = likeOf(mark);
        if (unit === CODE_I && leet === 'l') unit = CODE_L;
      } else if (undoMask && (mark & IS_FOREIGN) !== 0) unit = likeOf(mark) || unit;
      if (unit !== last) {
        last = unit;
        run = 1;
      } else if (++run > 2 && !isDigit(unit)) return false;
      out[length++] = unit;
      hash = hashOn(hash, unit);
    }
    words.add(start, length, hash);
    this.#length = length;
    return true;
  }

  #reserve(length: number, tokens: number): void {
    // The text, and what is spelled anew by its base, by the reading that becomes the base after it, and by another one.
    if (length * 4 > this.units.length) this.units = new Uint16Array(length * 4);
    if (tokens <= this.#odd.length) return;
    this.#firstWords = new Int32Array(tokens);
    this.#odd = new Int32Array(tokens);
    this.#oddFlags = new Int32Array(tokens);
    this.#oddFroms = new Int32Array(tokens);
    this.#oddTos = new Int32Array(tokens);
    this.#changed = new Int32Array(tokens);
    this.#changedFlags = new Int32Array(tokens);
  }
}

function isLetterAt(marks: Uint16Array, index: number, end: number): boolean {
  return index < end && ((marks[index] ?? 0) & IS_WORD) !== 0;
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}
