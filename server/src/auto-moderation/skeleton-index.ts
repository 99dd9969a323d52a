import { FIRST_ALONE, KIND, likeOf, skeletonOf, standsAlone } from './characters.js';
import { isLetterAt } from './spelling.js';
import { type TextScan, TOKEN } from './text-scan.js';
import { EMPTY_HASH, HashSet, hashOf, hashOn, skeletonOfWord } from './word-hash.js';
import { LEAST_SPACED } from './word-index.js';

/*
 * Whether any reading of a text can have a word of the list that it does not have as it stands: nearly no text has, and so
 * nearly none has to be read again in all the ways in which words are disguised.
 *
 * The skeleton of a word (the term of Unicode Technical Standard 39) is what it has in common with all that a reading may
 * make of it: digits and signs are the letters that they stand for, `l` is `i`, and of the same letter in a row there is
 * one. If a reading finds an entry that the text does not have as it stands, then one of two things holds:
 *
 * - A word of the entry is made of a token, or of tokens joined, that the reading changes: their skeleton is that of the
 *   word, or begins with it where the word may go on.
 * - The entry is spelled in letters that stand alone, and some of them, or the end of their row, come of a change. Where
 *   such a row begins and ends depends on the reading. But in each of them it is a part of one row of all that may be a
 *   letter alone: so this row has the letters with which the entry begins, in any of its places.
 */

// Names of this module: what is imported or exported is looked up again at each use, once or more a character.
const { foreign: IS_FOREIGN, leet: IS_LEET, word: IS_WORD } = KIND;
const { alone: HAS_ALONE, joined: HAS_JOINED, leet: HAS_LEET, sign: HAS_SIGN, uneven: IS_UNEVEN } = TOKEN;
const WORD_OR_LEET = IS_WORD | IS_LEET;
const EXCLAMATION = 33;
/** Lengths of beginnings are told apart up to it. */
const MAX_LENGTH = 31;
/** Letters that stand alone are compared up to it. */
const MAX_COMPARED = 6;
/** A longer row of them is not looked at: it may have anything. */
const MAX_ROW = 100;
/**
 * What one letter by itself means for the row of them: it is the next of the row; it is there in this reading and maybe not in
 * others, so that the row may have anything; or there is none, as it is two of the same letter.
 */
const [NEXT, DOUBTFUL, NONE] = [0, 1, 2];

/** The list's skeletons. */
export class SkeletonIndex {
  readonly #words: HashSet;
  /** What words that may go on begin with; and how long these are, as bits: of one unit the lowest, see {@link MAX_LENGTH}. */
  readonly #beginnings: HashSet;
  #beginningLengths = 0;
  #shortestBeginning = Number.POSITIVE_INFINITY;
  /** The first letters of entries of one word, with all that are the same; and how many these are, as bits. */
  readonly #spaced: HashSet;
  #spacedLengths = 0;
  /** Letters that stand alone up to the token that is looked at. */
  readonly #row = new Uint16Array(MAX_ROW);
  #rowLength = 0;

  /** @param size how many entries there will be, at most */
  constructor(size: number) {
    this.#words = new HashSet(size);
    this.#beginnings = new HashSet(size);
    this.#spaced = new HashSet(size);
  }

  /** @param open the last word may go on */
  add(words: readonly string[], open: boolean): void {
    for (const [index, word] of words.entries()) {
      const skeleton = skeletonOfWord(word);
      if (open && index === words.length - 1) {
        this.#beginnings.add(hashOf(skeleton));
        this.#beginningLengths |= 1 << Math.min(skeleton.length - 1, MAX_LENGTH);
        this.#shortestBeginning = Math.min(this.#shortestBeginning, skeleton.length);
      } else this.#words.add(hashOf(skeleton));
    }
    const [word = ''] = words;
    if (words.length > 1 || (word.length < LEAST_SPACED && !open)) return;
    const letters = Array.from(word.slice(0, MAX_COMPARED), (letter) => skeletonOf(letter.charCodeAt(0)));
    this.#spaced.add(hashOf(letters));
    this.#spacedLengths |= 1 << (letters.length - 1);
  }

  /** @returns false: no reading finds more than what the text has as it stands */
  mayFind(scan: TextScan): boolean {
    const { starts, ends, flags, hashes, tokens, units } = scan;
    const words = this.#words;
    const shortestBeginning = this.#shortestBeginning;
    this.#rowLength = 0;
    let joinedUntil = 0;
    for (let token = 0; token < tokens; token++) {
      const start = starts[token] ?? 0;
      const end = ends[token] ?? 0;
      const seen = flags[token] ?? 0;
      if (token >= joinedUntil && ((flags[token + 1] ?? 0) & HAS_JOINED) !== 0 && token + 1 < tokens) {
        let all = seen;
        for (joinedUntil = token + 1; joinedUntil < tokens; joinedUntil++) {
          const next = flags[joinedUntil] ?? 0;
          if ((next & HAS_JOINED) === 0) break;
          all |= next;
        }
        const letter = (all & (HAS_SIGN | HAS_ALONE)) === 0 ? NONE : DOUBTFUL;
        const joinedEnd = ends[joinedUntil - 1] ?? 0;
        if (this.#mayFindIn(scan, start, joinedEnd, scan.isDisguised(all), false, letter)) return true;
      }
      const isDisguised = scan.isDisguised(seen);
      if (!isDisguised && (seen & IS_UNEVEN) === 0) {
        const hash = hashes[token] ?? 0;
        const first = skeletonOf(units[start] ?? 0);
        if (hash === hashOn(EMPTY_HASH, first) ? this.#addToRow(first) : this.#endRow()) return true;
        if ((seen & HAS_LEET) === 0) continue;
        if (words.has(hash)) return true;
        if (end - start >= shortestBeginning && this.#mayFindIn(scan, start, end, false, false, NONE)) return true;
        continue;
      }
      if (this.#mayFindIn(scan, start, end, isDisguised, false, NEXT)) return true;
      const isSplit = (seen & (HAS_LEET | HAS_SIGN)) === (HAS_LEET | HAS_SIGN);
      if (isSplit && this.#mayFindIn(scan, start, end, isDisguised, true, DOUBTFUL)) return true;
    }
    return this.#endRow();
  }

  /**
   * Looks at the skeletons of a part of the text.
   *
   * @param signs signs that stand for letters are those; false: they end a word
   */
  #mayFindIn(
    { units, marks }: TextScan,
    from: number,
    to: number,
    undoMask: boolean,
    signs: boolean,
    letter: number,
  ): boolean {
    const words = this.#words;
    const beginnings = this.#beginnings;
    let hash = EMPTY_HASH;
    let length = 0;
    let last = 0;
    let lengths = this.#beginningLengths;
    for (let index = from; index < to; index++) {
      const mark = marks[index] ?? 0;
      // A joint.
      if ((mark & WORD_OR_LEET) === 0) continue;
      let unit = units[index] ?? 0;
      if ((mark & IS_WORD) === 0) {
        if (!signs || (unit === EXCLAMATION && !isLetterAt(marks, index + 1, to))) unit = 0;
      } else if (undoMask && (mark & IS_FOREIGN) !== 0) unit = likeOf(mark) || unit;
      const isAlone = unit >= FIRST_ALONE && standsAlone(unit);
      if ((unit === 0 || isAlone) && length > 0) {
        if (this.#endsWord(hash, length, last, letter)) return true;
        hash = EMPTY_HASH;
        length = 0;
        last = 0;
        lengths = this.#beginningLengths;
      }
      if (unit === 0) continue;
      unit = skeletonOf(unit);
      if (unit === last) continue;
      hash = hashOn(hash, unit);
      if ((lengths & 1) !== 0 && beginnings.has(hash)) return true;
      if (isAlone) {
        if (words.has(hash) || (letter === NEXT && this.#endRow())) return true;
        hash = EMPTY_HASH;
        continue;
      }
      last = unit;
      length++;
      // The highest bit, which is the sign, stays for all beyond.
      lengths >>= 1;
    }
    return length > 0 && this.#endsWord(hash, length, last, letter);
  }

  #endsWord(hash: number, length: number, last: number, letter: number): boolean {
    if (this.#words.has(hash)) return true;
    if (letter !== NEXT) return letter === DOUBTFUL && length === 1;
    return length > 1 ? this.#endRow() : this.#addToRow(last);
  }

  /** @returns whether the row has come to be so long that it may have anything */
  #addToRow(letter: number): boolean {
    if (this.#rowLength === MAX_ROW) return true;
    this.#row[this.#rowLength++] = letter;
    return false;
  }

  /** @returns whether an entry may begin in the row that ends */
  #endRow(): boolean {
    const row = this.#row;
    const end = this.#rowLength;
    this.#rowLength = 0;
    for (let start = 0; start + LEAST_SPACED <= end; start++) {
      let lengths = this.#spacedLengths;
      let hash = EMPTY_HASH;
      for (let index = start; index < end && lengths !== 0; index++, lengths >>= 1) {
        hash = hashOn(hash, row[index] ?? 0);
        if ((lengths & 1) !== 0 && this.#spaced.has(hash)) return true;
      }
    }
    return false;
  }
}
