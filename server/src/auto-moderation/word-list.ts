import { FIRST_ALONE, standsAlone } from './characters.js';
import { type Reading, Spelling } from './spelling.js';
import { TextScan } from './text-scan.js';

/*
 * A list of words and phrases, and the search for all of them at once.
 *
 * Words are hashed while they are read, unit by unit, so a text of any length costs the same whether the list has ten
 * words or a thousand: a bit of a filter says for nearly all words that they are not in the list, and only for the rest a
 * map is asked and the letters are compared. No pattern of a user becomes a regular expression.
 */

/** A word of the list, and what follows it in phrases. */
class Node {
  /** The entry that is whole with this word; null: none. */
  entry: string | null = null;
  /** Null: no phrase goes on here, as with nearly all words. */
  next: Map<string, Node> | null = null;
  /** Entries whose last word may go on, by what it begins with; and how long these beginnings are. */
  open: { readonly beginnings: Map<string, string>; readonly lengths: Set<number> } | null = null;
}

const FILTER_BITS = 1 << 15;
const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
/** Letters that stand alone in a row before they are read as one word. */
const LEAST_SPACED = 3;
const MAX_SPACED = 100;
/** Words of a phrase; in scripts without spaces, its characters. */
const MAX_PHRASE_WORDS = 20;
/** The ways in which a text is read, one after the other. */
function readings(unmask: Reading['unmask']) {
  const plain: Reading = { unmask, leet: null, join: false, keep: 2 };
  return {
    plain,
    short: { ...plain, keep: 1 },
    joined: { ...plain, join: true },
    leetI: { ...plain, leet: 'i' },
    leetIShort: { ...plain, leet: 'i', keep: 1 },
    leetL: { ...plain, leet: 'l' },
  } as const satisfies Record<string, Reading>;
}
const PLAIN = readings(null);
const UNMASKED = readings('disguised');

// One message at a time is looked at, from the beginning to the end: its buffers are shared.
const scratch = new TextScan();
const spelling = new Spelling();

/** The list in one way of writing, as a tree of words. */
class Index {
  readonly #root = new Node();
  /** Bits of the hashes of first words, and of the beginnings that stand alone. */
  readonly #filter = new Uint8Array(FILTER_BITS / 8);
  readonly #beginnings = new Uint8Array(FILTER_BITS / 8);
  /** Phrases begun, at the word that is read. */
  #begun: Node[] = [];

  add(entry: string, words: readonly string[], open: boolean): void {
    const whole = open ? words.slice(0, -1) : words;
    let node = this.#root;
    for (const word of whole) {
      node.next ??= new Map();
      const next: Node = node.next.get(word) ?? new Node();
      node.next.set(word, next);
      node = next;
    }
    const [first = ''] = words;
    setBit(open && words.length === 1 ? this.#beginnings : this.#filter, hashOf(first));
    const last = words.at(-1) ?? '';
    if (open) {
      node.open ??= { beginnings: new Map(), lengths: new Set() };
      node.open.beginnings.set(last, entry);
      node.open.lengths.add(last.length);
    } else node.entry = entry;
  }

  /** @returns the first entry that the text has; null: none */
  find(units: Uint16Array, length: number): string | null {
    this.#begun = [];
    let spacedFrom = 0;
    let spaced = 0;
    const beginnings = this.#beginnings;
    for (let from = 0; from < length; ) {
      let unit = units[from] ?? 0;
      if (unit === 0) {
        from++;
        continue;
      }
      const alone = unit >= FIRST_ALONE && standsAlone(unit);
      let hash = SEED;
      let to = from;
      do {
        hash = Math.imul(hash ^ unit, PRIME);
        to++;
        if (getBit(beginnings, hash)) {
          const found = this.#root.open?.beginnings.get(textOf(units, from, to));
          if (found !== undefined) return found;
        }
        unit = to < length ? (units[to] ?? 0) : 0;
      } while (unit !== 0 && !alone && (unit < FIRST_ALONE || !standsAlone(unit)));
      if (this.#begun.length > 0 || getBit(this.#filter, hash)) {
        const found = this.#advance(textOf(units, from, to));
        if (found !== null) return found;
      }
      if (to - from === 1 && !alone) {
        if (spaced++ === 0) spacedFrom = from;
      } else if (spaced > 0) {
        const found = this.#findSpaced(units, spacedFrom, spaced);
        if (found !== null) return found;
        spaced = 0;
      }
      from = to;
    }
    return this.#findSpaced(units, spacedFrom, spaced);
  }

  /** Takes the phrases that were begun, and those that begin here, a word further. */
  #advance(word: string): string | null {
    const begun: Node[] = [];
    for (const node of [...this.#begun, this.#root]) {
      const next = node.next?.get(word);
      const entry = next?.entry ?? beginningOf(node, word);
      if (entry !== null) return entry;
      if (next !== undefined && (next.next !== null || next.open !== null)) begun.push(next);
    }
    this.#begun = begun;
    return null;
  }

  /** Looks at letters that stand alone as at one word; `a` and `I` before it may be words of their own. */
  #findSpaced(units: Uint16Array, from: number, count: number): string | null {
    if (count < LEAST_SPACED || count > MAX_SPACED) return null;
    let word = '';
    for (let index = from; word.length < count; index++) {
      const unit = units[index] ?? 0;
      if (unit !== 0) word += String.fromCharCode(unit);
    }
    const found = this.#findWhole(word);
    if (found !== null || word.length === LEAST_SPACED || !/^[ai]/.test(word)) return found;
    return this.#findWhole(word.slice(1));
  }

  #findWhole(word: string): string | null {
    return this.#root.next?.get(word)?.entry ?? beginningOf(this.#root, word);
  }
}

function beginningOf(node: Node, word: string): string | null {
  if (node.open === null) return null;
  for (const length of node.open.lengths) {
    const entry = length <= word.length ? node.open.beginnings.get(word.slice(0, length)) : undefined;
    if (entry !== undefined) return entry;
  }
  return null;
}

function textOf(units: Uint16Array, from: number, to: number): string {
  return String.fromCharCode(...units.subarray(from, to));
}

export class WordList {
  /** As they stand. */
  readonly #plain = new Index();
  /** With look-alikes read as Latin, for words in disguise. */
  readonly #unmasked = new Index();
  #size = 0;

  /** @param list words and phrases; those that cannot be found are left out, see {@link isFindable} */
  constructor(list: readonly string[]) {
    for (const text of list) {
      const open = text.trimEnd().endsWith('*');
      const words = wordsOf(text, PLAIN.plain);
      if (words.length === 0 || words.length > MAX_PHRASE_WORDS) continue;
      this.#size++;
      this.#plain.add(text, words, open);
      this.#unmasked.add(text, words, open);
      const unmasked = wordsOf(text, { ...PLAIN.plain, unmask: 'all' });
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
    const as = scan.isMasked ? UNMASKED : PLAIN;
    const found = this.#read(index, scan, as.plain, as.short);
    if (found !== null) return found;
    if (scan.hasJoints) {
      const joined = this.#read(index, scan, as.joined, null);
      if (joined !== null) return joined;
    }
    if (!scan.hasLeet) return null;
    return (
      this.#read(index, scan, as.leetI, as.leetIShort) ??
      (scan.hasLeetOne ? this.#read(index, scan, as.leetL, null) : null)
    );
  }

  /** @param short read next, where letters are drawn out */
  #read(index: Index, scan: TextScan, reading: Reading, short: Reading | null): string | null {
    spelling.read(scan, reading);
    const found = index.find(spelling.units, spelling.length);
    if (found !== null || short === null || !spelling.hadLongRun) return found;
    spelling.read(scan, short);
    return index.find(spelling.units, spelling.length);
  }
}

/** Whether a word or phrase can be found in texts: it has a letter or digit, and at most 20 words. */
export function isFindable(text: string): boolean {
  const { length } = wordsOf(text, PLAIN.plain);
  return length > 0 && length <= MAX_PHRASE_WORDS;
}

function wordsOf(text: string, reading: Reading): string[] {
  scratch.scan(text);
  spelling.read(scratch, reading);
  const words: string[] = [];
  let word = '';
  for (let index = 0; index <= spelling.length; index++) {
    const unit = index < spelling.length ? (spelling.units[index] ?? 0) : 0;
    if (word !== '' && (unit === 0 || standsAlone(unit) || standsAlone(word.charCodeAt(0)))) {
      words.push(word);
      word = '';
    }
    if (unit !== 0) word += String.fromCharCode(unit);
  }
  return words;
}

/** FNV-1a over units. */
function hashOf(word: string): number {
  let hash = SEED;
  for (let index = 0; index < word.length; index++) hash = Math.imul(hash ^ word.charCodeAt(index), PRIME);
  return hash;
}

function setBit(filter: Uint8Array, hash: number): void {
  const bit = (hash ^ (hash >>> 16)) & (FILTER_BITS - 1);
  filter[bit >>> 3] = (filter[bit >>> 3] ?? 0) | (1 << (bit & 7));
}

function getBit(filter: Uint8Array, hash: number): boolean {
  const bit = (hash ^ (hash >>> 16)) & (FILTER_BITS - 1);
  return ((filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}
