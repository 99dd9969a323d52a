import { LONG_IN_BASE, type Reading, Spelling, type Unmask } from './spelling.js';
import { TextScan, TOKEN } from './text-scan.js';
import { textOf, WordIndex } from './word-index.js';

/** Words of a phrase; in scripts without spaces, its characters. */
const MAX_PHRASE_WORDS = 20;
/** The ways in which a text is read after it was read as it stands. */
const SHORT: Reading = { of: LONG_IN_BASE, leet: null, join: false, keep: 1 };
const JOINED: Reading = { of: TOKEN.joined, leet: null, join: true, keep: 2 };
const LEET_I: Reading = { of: TOKEN.leet, leet: 'i', join: false, keep: 2 };
// Those start from the one before.
const LEET_I_SHORT: Reading = { of: LONG_IN_BASE, leet: 'i', join: false, keep: 1 };
const LEET_L: Reading = { of: TOKEN.leetOne, leet: 'l', join: false, keep: 2 };

// One message at a time is looked at, from the beginning to the end: its buffers are shared.
const scratch = new TextScan();
const spelling = new Spelling();

/** A list of words and phrases that no message may have, however they are disguised. */
export class WordList {
  /** As they stand. */
  readonly #plain: WordIndex;
  /** With look-alikes read as Latin, for words in disguise. */
  readonly #unmasked: WordIndex;
  #size = 0;

  /** @param list words and phrases; those that cannot be found are left out, see {@link isFindable} */
  constructor(list: readonly string[]) {
    this.#plain = new WordIndex(list.length);
    this.#unmasked = new WordIndex(list.length * 2);
    for (const text of list) {
      const open = text.trimEnd().endsWith('*');
      const words = wordsOf(text, null);
      if (words.length === 0 || words.length > MAX_PHRASE_WORDS) continue;
      this.#size++;
      this.#plain.add(text, words, open);
      this.#unmasked.add(text, words, open);
      const unmasked = wordsOf(text, 'all');
      if (unmasked.join(' ') !== words.join(' ')) this.#unmasked.add(text, unmasked, open);
    }
  }

  /** Words and phrases that can be found. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param scan the text
   * @returns the entry of the list that the text has, in any reading; null: none
   */
  find(scan: TextScan): string | null {
    const index = scan.isMasked ? this.#unmasked : this.#plain;
    spelling.readBase(scan, 'disguised');
    const base = index.find(spelling.units, spelling.base);
    if (base !== null) return base;
    if (spelling.hadLongRun) {
      const short = this.#read(index, scan, SHORT);
      if (short !== null) return short;
    }
    if ((scan.allFlags & TOKEN.joined) !== 0) {
      const joined = this.#read(index, scan, JOINED);
      if (joined !== null) return joined;
    }
    if ((scan.allFlags & TOKEN.leet) === 0) return null;
    const leet = this.#read(index, scan, LEET_I);
    if (leet !== null) return leet;
    const hasOne = (scan.allFlags & TOKEN.leetOne) !== 0;
    if (!spelling.hadLongRun && !hasOne) return null;
    spelling.rebase();
    if (spelling.hadLongRun) {
      const short = this.#read(index, scan, LEET_I_SHORT);
      if (short !== null) return short;
    }
    return hasOne ? this.#read(index, scan, LEET_L) : null;
  }

  #read(index: WordIndex, scan: TextScan, reading: Reading): string | null {
    spelling.readChanges(scan, reading);
    return index.findInChanges(spelling.units, spelling.base, spelling.changes);
  }
}

/** Whether a word or phrase can be found in texts: it has a letter or digit, and at most 20 words. */
export function isFindable(text: string): boolean {
  const { length } = wordsOf(text, null);
  return length > 0 && length <= MAX_PHRASE_WORDS;
}

function wordsOf(text: string, unmask: Unmask): string[] {
  scratch.scan(text);
  spelling.readBase(scratch, unmask);
  const { starts, ends, count } = spelling.base;
  return Array.from({ length: count }, (_, word) => textOf(spelling.units, starts[word] ?? 0, ends[word] ?? 0));
}
