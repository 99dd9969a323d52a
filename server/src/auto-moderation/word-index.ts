import { FIRST_ALONE, skeletonOf, standsAlone } from './characters.js';
import type { Words } from './spelling.js';
import { EMPTY_HASH, HashFilter, hashOf, hashOn, skeletonOfWord } from './word-hash.js';

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

const [CODE_A, CODE_I] = [97, 105];
/** Letters that stand alone in a row before they are read as one word. */
export const LEAST_SPACED = 3;
const MAX_SPACED = 100;
/** Lengths of open beginnings are told apart up to it. */
const MAX_LENGTH = 31;
const NONE_BEGUN: readonly Node[] = [];

/** The list in one way of writing, as a tree of words. */
export class WordIndex {
  readonly #root = new Node();
  /** First words, and the beginnings that stand alone. */
  readonly #filter: HashFilter;
  readonly #beginnings: HashFilter;
  /** Phrases begun, at the word that is read. */
  #begun: readonly Node[] = NONE_BEGUN;
  /** Letters that stand alone, up to the word that is read; and how many there are, also beyond the room for them. */
  readonly #letters = new Uint16Array(MAX_SPACED);
  #spaced = 0;
  /** Lengths of the beginnings that stand alone, as bits: of one unit the lowest, of {@link MAX_LENGTH} and more the highest. */
  #openLengths = 0;
  /** The least of them. */
  #shortestOpen = Number.POSITIVE_INFINITY;

  /** @param size how many entries there will be, at most */
  constructor(size: number) {
    this.#filter = new HashFilter(size);
    this.#beginnings = new HashFilter(size);
  }

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
    if (open && words.length === 1) {
      this.#beginnings.add(hashOf(skeletonOfWord(first)));
      this.#openLengths |= 1 << Math.min(first.length - 1, MAX_LENGTH);
      this.#shortestOpen = Math.min(this.#shortestOpen, first.length);
    } else this.#filter.add(hashOf(skeletonOfWord(first)));
    const last = words.at(-1) ?? '';
    if (open) {
      node.open ??= { beginnings: new Map(), lengths: new Set() };
      node.open.beginnings.set(last, entry);
      node.open.lengths.add(last.length);
    } else node.entry = entry;
  }

  /** @returns an entry that the words have; null: none */
  find(units: Uint16Array, { starts, ends, hashes, count }: Words): string | null {
    const filter = this.#filter;
    const shortestOpen = this.#shortestOpen;
    this.#begun = NONE_BEGUN;
    this.#spaced = 0;
    for (let word = 0; word < count; word++) {
      const from = starts[word] ?? 0;
      const to = ends[word] ?? 0;
      if (to - from >= shortestOpen) {
        const found = this.#findBeginning(units, from, to);
        if (found !== null) return found;
      }
      if (this.#begun !== NONE_BEGUN || filter.mayHave(hashes[word] ?? 0)) {
        const found = this.#advance(textOf(units, from, to));
        if (found !== null) return found;
      }
      if (to - from === 1 && isLetterAlone(units[from] ?? 0)) {
        if (this.#spaced < MAX_SPACED) this.#letters[this.#spaced] = units[from] ?? 0;
        this.#spaced++;
      } else if (this.#spaced !== 0) {
        const found = this.#findSpaced();
        if (found !== null) return found;
      }
    }
    return this.#findSpaced();
  }

  /** The entry that may go on and that a word begins with; null: none. */
  #findBeginning(units: Uint16Array, from: number, to: number): string | null {
    const beginnings = this.#beginnings;
    // The lowest bit is that of the length so far; the highest one, which is the sign, stays for all beyond.
    let lengths = this.#openLengths;
    let hash = EMPTY_HASH;
    let last = 0;
    for (let index = from; index < to && lengths !== 0; index++, lengths >>= 1) {
      const skeleton = skeletonOf(units[index] ?? 0);
      if (skeleton !== last) hash = hashOn(hash, skeleton);
      last = skeleton;
      if ((lengths & 1) === 0 || !beginnings.mayHave(hash)) continue;
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
    let last = 0;
    let isOpen = false;
    for (let index = from; index < to; index++) {
      const skeleton = skeletonOf(this.#letters[index] ?? 0);
      if (skeleton === last) continue;
      last = skeleton;
      hash = hashOn(hash, skeleton);
      isOpen ||= this.#beginnings.mayHave(hash);
    }
    if (!isOpen && !this.#filter.mayHave(hash)) return null;
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
