import { SkeletonIndex } from './skeleton-index.js';
import { type Reading, Spelling } from './spelling.js';
import { TextScan, TOKEN } from './text-scan.js';
import { textOf, WordIndex } from './word-index.js';

/** Words of a phrase; in scripts without spaces, its characters. */
const MAX_PHRASE_WORDS = 20;
/** As entries of a list are read: as they stand, and with all that looks like a Latin letter read as one. */
const PLAIN: Reading = { unmask: 'none', leet: null, join: false, keep: 2 };
const UNMASKED: Reading = { ...PLAIN, unmask: 'all' };
/** As texts are read first. */
const BASE: Reading = { ...PLAIN, unmask: 'disguised' };
/** And the ways to read them where a word may be in disguise: with the flags (see {@link TOKEN}) of texts that they change. */
const READINGS: readonly (readonly [of: number, reading: Reading])[] = [
  // Of any text: letters that look like others may make a run where the scan saw none.
  [-1, { ...BASE, keep: 1 }],
  [TOKEN.joined, { ...BASE, join: true }],
  [TOKEN.leet, { ...BASE, leet: 'i' }],
  [TOKEN.leet, { ...BASE, leet: 'i', keep: 1 }],
  [TOKEN.leetOne, { ...BASE, leet: 'l' }],
];

// One message at a time is looked at, from the beginning to the end: its buffers are shared.
const scratch = new TextScan();
const spelling = new Spelling();

/** A list of words and phrases that no message may have, however they are disguised. */
export class WordList {
  /** As they stand. */
  readonly #plain: Entries;
  /** With look-alikes read as Latin, too, for texts with words in disguise. */
  readonly #unmasked: Entries;
  #size = 0;

  /** @param list words and phrases; those that cannot be found are left out, see {@link isFindable} */
  constructor(list: readonly string[]) {
    this.#plain = new Entries(list.length);
    this.#unmasked = new Entries(list.length * 2);
    for (const text of list) {
      const open = text.trimEnd().endsWith('*');
      const words = wordsOf(text, PLAIN);
      if (words.length === 0 || words.length > MAX_PHRASE_WORDS) continue;
      this.#size++;
      this.#plain.add(text, words, open);
      this.#unmasked.add(text, words, open);
      const unmasked = wordsOf(text, UNMASKED);
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
    return this.findAsItStands(scan) ?? (this.mayBeDisguised(scan) ? this.findDisguised(scan) : null);
  }

  findAsItStands(scan: TextScan): string | null {
    return this.#entriesFor(scan).find(scan, BASE);
  }

  /** @returns false: {@link findDisguised} finds nothing, and need not be called */
  mayBeDisguised(scan: TextScan): boolean {
    if (!scan.isMasked && (scan.allFlags & (TOKEN.longRun | TOKEN.joined | TOKEN.leet)) === 0) return false;
    return this.#entriesFor(scan).mayFind(scan);
  }

  /** Reads the text in all ways in which a word may be in disguise. */
  findDisguised(scan: TextScan): string | null {
    const entries = this.#entriesFor(scan);
    for (const [of, reading] of READINGS) {
      if ((scan.allFlags & of) === 0) continue;
      const found = entries.find(scan, reading);
      if (found !== null) return found;
    }
    return null;
  }

  #entriesFor({ isMasked }: TextScan): Entries {
    return isMasked ? this.#unmasked : this.#plain;
  }
}

/** Entries in one way of writing. */
class Entries {
  readonly #words: WordIndex;
  readonly #skeletons: SkeletonIndex;

  constructor(size: number) {
    this.#words = new WordIndex(size);
    this.#skeletons = new SkeletonIndex(size);
  }

  add(entry: string, words: readonly string[], open: boolean): void {
    this.#words.add(entry, words, open);
    this.#skeletons.add(words, open);
  }

  find(scan: TextScan, reading: Reading): string | null {
    spelling.read(scan, reading);
    return this.#words.find(spelling.units, spelling.words);
  }

  mayFind(scan: TextScan): boolean {
    return this.#skeletons.mayFind(scan);
  }
}

/** Whether a word or phrase can be found in texts: it has a letter or digit, and at most 20 words. */
export function isFindable(text: string): boolean {
  const { length } = wordsOf(text, PLAIN);
  return length > 0 && length <= MAX_PHRASE_WORDS;
}

function wordsOf(text: string, reading: Reading): string[] {
  scratch.scan(text);
  spelling.read(scratch, reading);
  const { starts, ends, count } = spelling.words;
  return Array.from({ length: count }, (_, word) => textOf(spelling.units, starts[word] ?? 0, ends[word] ?? 0));
}
