import { FIRST_ALONE, standsAlone } from './characters.js';
import type { Changes, Words } from './spelling.js';
import { EMPTY_HASH, hashOn } from './word-hash.js';

/*
 * The search for all words and phrases of a list at once.
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

/** Bits of a filter for each entry: so few words that are not in the list get past it. */
const FILTER_BITS_EACH = 64;
const LEAST_FILTER_BITS = 1 << 12;
const [CODE_A, CODE_I] = [97, 105];
/** Letters that stand alone in a row before they are read as one word. */
const LEAST_SPACED = 3;
const MAX_SPACED = 100;
/**
 * What is noted of a word once it has been looked up: whether one of the list begins with it, and whether it is one letter;
 * or that it begins with a word that may go on, which ends the search.
 */
const [UNSEEN, NOTHING, BEGINS, LETTER, OPEN] = [0, 1, 2, 4, 8];
/** Lengths of open beginnings are told apart up to it. */
const MAX_LENGTH = 31;
const NONE_BEGUN: readonly Node[] = [];

/** The list in one way of writing, as a tree of words. */
export class WordIndex {
  readonly #root = new Node();
  /** Bits of the hashes of first words, and of the beginnings that stand alone. */
  readonly #filter: Uint8Array;
  readonly #beginnings: Uint8Array;
  /** Phrases begun, at the word that is read. */
  #begun: readonly Node[] = NONE_BEGUN;
  /** Letters that stand alone, up to the word that is read; and how many there are, also beyond the room for them. */
  readonly #letters = new Uint16Array(MAX_SPACED);
  #spaced = 0;
  /** Lengths of the beginnings that stand alone, as bits: of one unit the lowest, of {@link MAX_LENGTH} and more the highest. */
  #openLengths = 0;
  /** The least of them. */
  #shortestOpen = Number.POSITIVE_INFINITY;
  /** Words of the longest phrase. */
  #longest = 1;

  /** @param size how many entries there will be, at most */
  constructor(size: number) {
    const bits = Math.max(LEAST_FILTER_BITS, 2 ** Math.ceil(Math.log2(size * FILTER_BITS_EACH + 1)));
    this.#filter = new Uint8Array(bits / 8);
    this.#beginnings = new Uint8Array(bits / 8);
  }

  add(entry: string, words: readonly string[], open: boolean): void {
    this.#longest = Math.max(this.#longest, words.length);
    const whole = open ? words.slice(0, -1) : words;
    let node = this.#root;
    for (const word of whole) {
      node.next ??= new Map();
      const next: Node = node.next.get(word) ?? new Node();
      node.next.set(word, next);
      node = next;
    }
    const [first = ''] = words;
    if (open && words.length === 1) {
      setBit(this.#beginnings, hashOf(first));
      this.#openLengths |= 1 << Math.min(first.length - 1, MAX_LENGTH);
      this.#shortestOpen = Math.min(this.#shortestOpen, first.length);
    } else setBit(this.#filter, hashOf(first));
    const last = words.at(-1) ?? '';
    if (open) {
      node.open ??= { beginnings: new Map(), lengths: new Set() };
      node.open.beginnings.set(last, entry);
      node.open.lengths.add(last.length);
    } else node.entry = entry;
  }

  /** @returns an entry that the words have; null: none */
  find(units: Uint16Array, base: Words): string | null {
    this.#begun = NONE_BEGUN;
    this.#spaced = 0;
    const { count } = base;
    for (let word = 0; word < count; word++) {
      if (this.#note(units, base, word) === NOTHING && this.#isIdle) continue;
      const found = this.#take(units, base, word);
      if (found !== null) return found;
    }
    return this.#findSpaced();
  }

  /**
   * Looks again where words have changed. Only what could make an entry together with a changed word is looked at: all else
   * is as it was, and {@link find} has found nothing in it.
   */
  findInChanges(units: Uint16Array, base: Words, changes: Changes): string | null {
    this.#begun = NONE_BEGUN;
    this.#spaced = 0;
    const { baseFroms, baseTos, froms, tos, words, count } = changes;
    const { notes } = base;
    const before = this.#longest - 1;
    let word = 0;
    for (let change = 0; change < count; change++) {
      const from = baseFroms[change] ?? 0;
      // What the change before could go on with.
      for (; word < from && !this.#isIdle; word++) {
        const found = this.#take(units, base, word);
        if (found !== null) return found;
      }
      let start = Math.max(word, from - before);
      while (start > word && ((notes[start - 1] ?? 0) & LETTER) !== 0) start--;
      for (; start < from; start++) {
        if (notes[start] === NOTHING && this.#isIdle) continue;
        const found = this.#take(units, base, start);
        if (found !== null) return found;
      }
      const to = tos[change] ?? 0;
      for (let changed = froms[change] ?? 0; changed < to; changed++) {
        if (this.#note(units, words, changed) === NOTHING && this.#isIdle) continue;
        const found = this.#take(units, words, changed);
        if (found !== null) return found;
      }
      word = baseTos[change] ?? 0;
    }
    for (; word < base.count && !this.#isIdle; word++) {
      const found = this.#take(units, base, word);
      if (found !== null) return found;
    }
    return this.#findSpaced();
  }

  /** Nothing is begun that the next word could go on with. */
  get #isIdle(): boolean {
    return this.#begun === NONE_BEGUN && this.#spaced === 0;
  }

  /** What is to be known of a word, looked up once. */
  #note(units: Uint16Array, { starts, ends, hashes, notes }: Words, word: number): number {
    const known = notes[word] ?? 0;
    if (known !== UNSEEN) return known;
    const from = starts[word] ?? 0;
    const length = (ends[word] ?? 0) - from;
    let note = getBit(this.#filter, hashes[word] ?? 0) ? BEGINS : NOTHING;
    if (length === 1 && isLetterAlone(units[from] ?? 0)) note |= LETTER;
    if (length >= this.#shortestOpen && this.#findBeginning(units, from, from + length) !== null) note = OPEN;
    notes[word] = note;
    return note;
  }

  /** Looks at the next word. */
  #take(units: Uint16Array, words: Words, word: number): string | null {
    const from = words.starts[word] ?? 0;
    const to = words.ends[word] ?? 0;
    const note = this.#note(units, words, word);
    if (note === OPEN) return this.#findBeginning(units, from, to);
    if (this.#begun !== NONE_BEGUN || (note & BEGINS) !== 0) {
      const text = textOf(units, from, to);
      const found = this.#advance(text);
      if (found !== null) return found;
      // Let through by mistake.
      if ((note & BEGINS) !== 0 && this.#root.next?.has(text) !== true) words.notes[word] = NOTHING | (note & LETTER);
    }
    if ((note & LETTER) !== 0) {
      if (this.#spaced < MAX_SPACED) this.#letters[this.#spaced] = units[from] ?? 0;
      this.#spaced++;
      return null;
    }
    return this.#spaced === 0 ? null : this.#findSpaced();
  }

  /** The entry that may go on and that a word begins with; null: none. */
  #findBeginning(units: Uint16Array, from: number, to: number): string | null {
    const beginnings = this.#beginnings;
    // The lowest bit is that of the length so far; the highest one, which is the sign, stays for all beyond.
    let lengths = this.#openLengths;
    let hash = EMPTY_HASH;
    for (let index = from; index < to && lengths !== 0; index++, lengths >>= 1) {
      hash = hashOn(hash, units[index] ?? 0);
      if ((lengths & 1) === 0 || !getBit(beginnings, hash)) continue;
      const found = this.#root.open?.beginnings.get(textOf(units, from, index + 1));
      if (found !== undefined) return found;
    }
    return null;
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
    this.#begun = begun.length === 0 ? NONE_BEGUN : begun;
    return null;
  }

  /** Looks at letters that stand alone as at one word; `a` and `I` before it may be words of their own. */
  #findSpaced(): string | null {
    const count = this.#spaced;
    this.#spaced = 0;
    if (count < LEAST_SPACED || count > MAX_SPACED) return null;
    const found = this.#findLetters(0, count);
    const unit = this.#letters[0];
    if (found !== null || count === LEAST_SPACED || (unit !== CODE_A && unit !== CODE_I)) return found;
    return this.#findLetters(1, count);
  }

  #findLetters(from: number, to: number): string | null {
    let hash = EMPTY_HASH;
    let isOpen = false;
    for (let index = from; index < to; index++) {
      hash = hashOn(hash, this.#letters[index] ?? 0);
      isOpen ||= getBit(this.#beginnings, hash);
    }
    if (!isOpen && !getBit(this.#filter, hash)) return null;
    const word = textOf(this.#letters, from, to);
    return this.#root.next?.get(word)?.entry ?? beginningOf(this.#root, word);
  }
}

/** Not of a script in which that is the rule. */
function isLetterAlone(unit: number): boolean {
  return unit < FIRST_ALONE || !standsAlone(unit);
}

function beginningOf(node: Node, word: string): string | null {
  if (node.open === null) return null;
  for (const length of node.open.lengths) {
    const entry = length <= word.length ? node.open.beginnings.get(word.slice(0, length)) : undefined;
    if (entry !== undefined) return entry;
  }
  return null;
}

export function textOf(units: Uint16Array, from: number, to: number): string {
  return String.fromCharCode(...units.subarray(from, to));
}

function hashOf(word: string): number {
  let hash = EMPTY_HASH;
  for (let index = 0; index < word.length; index++) hash = hashOn(hash, word.charCodeAt(index));
  return hash;
}

function setBit(filter: Uint8Array, hash: number): void {
  const bit = (hash ^ (hash >>> 16)) & (filter.length * 8 - 1);
  filter[bit >>> 3] = (filter[bit >>> 3] ?? 0) | (1 << (bit & 7));
}

function getBit(filter: Uint8Array, hash: number): boolean {
  const bit = (hash ^ (hash >>> 16)) & (filter.length * 8 - 1);
  return ((filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}
