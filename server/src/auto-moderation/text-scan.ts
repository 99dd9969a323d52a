import { entryOf, FIRST_ALONE, KIND, likeOf, lookUp, markOf, standsAlone } from './characters.js';

const LETTERS = KIND.latin | KIND.foreign;
const WORD_OR_LEET = KIND.word | KIND.leet;
const [AT, EXCLAMATION, CODE_I] = [64, 33, 105];
/** Units that one is folded to at most: U+FDFA, to eighteen. */
const MAX_FOLDED = 18;

/** What is to be known of a token, beside the kinds of its units. */
export const TOKEN = {
  /** Has a sign that stands for a letter, and that ends a word as it stands. */
  sign: 1 << 16,
  /** Three of the same letter, or more, in a row. */
  longRun: 1 << 17,
  /** Has letters, and digits or signs among them that stand for one. */
  leet: 1 << 18,
  /** One of them stands for `i` and for `l`. */
  leetOne: 1 << 19,
  /** Nothing but joints lies between it and the token before it. */
  joined: 1 << 20,
  /** Has characters that are words by themselves. */
  alone: 1 << 21,
} as const;

/**
 * One pass over a message: the folded text, where its words are and what is odd about each, and what the rules on its form
 * want to know. The buffers are used again for the next message, so a scan has to be done with before the next one begins.
 */
export class TextScan {
  /** Folded units; what is not part of a word stands for itself, with the kind that says so. */
  units = new Uint16Array(1024);
  /** For each unit the mark of its character: bits of {@link KIND}, and what it looks like ({@link likeOf}). */
  marks = new Uint16Array(1024);
  length = 0;
  /** Tokens: rows of units that are part of a word, or could be. Where each begins and ends in the units. */
  starts = new Int32Array(1024);
  ends = new Int32Array(1024);
  /** Bits of {@link TOKEN} for each token, and of {@link KIND} of all its units. */
  flags = new Int32Array(1024);
  tokens = 0;
  /** The bits that any token has. */
  allFlags = 0;
  /** Letters that have case, and how many of them are capitals. */
  cased = 0;
  capitals = 0;
  /** Longest run of one character, or of diacritics and characters without width. */
  longestRun = 0;
  mentions = 0;
  /** There are words with letters of other scripts that stand for Latin ones. */
  isMasked = false;
  /** Every letter that is not Latin could be a Latin one: nobody writes another script with those alone. */
  hasOnlyTwins = false;
  #text: string | null = null;

  /** Does nothing for the text that was scanned last. */
  scan(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    if (text.length * MAX_FOLDED > this.units.length) this.#grow(text.length * MAX_FOLDED);
    const { units, marks, starts, ends, flags } = this;
    let length = 0;
    let small = 0;
    let capitals = 0;
    let mentions = 0;
    let longest = 0;
    let run = 0;
    let last = -1;
    let droppedRun = 0;
    let isBehindWord = false;
    let previous = 0;
    let isWord = false;
    let foreignKinds = 0;
    let tokens = 0;
    let allFlags = 0;
    let isMixed = false;
    // Of the token that is read.
    let isInToken = false;
    let seen = 0;
    let onlyJointsBefore = false;
    for (let index = 0; index < text.length; index++) {
      let unit = text.charCodeAt(index);
      let kind = 0;
      let one = 0;
      let folded = '';
      if ((unit & 0xfc00) === 0xd800) {
        unit = text.codePointAt(index) ?? unit;
        if (unit > 0xffff) index++;
        const entry = entryOf(unit);
        kind = markOf(entry);
        folded = entry.folded;
      } else {
        kind = lookUp(unit);
        one = kind >>> 16;
        if (one === 0) folded = entryOf(unit).folded;
      }
      if ((kind & KIND.dropped) !== 0) {
        if ((kind & KIND.tag) === 0 && ++droppedRun > longest) longest = droppedRun;
        continue;
      }
      droppedRun = 0;
      const character = one === 0 ? unit : one;
      if (character !== last) {
        run = 1;
        last = character;
      } else if (++run > longest) longest = run;
      if ((kind & WORD_OR_LEET) !== 0) {
        if (!isInToken) {
          isInToken = true;
          seen = onlyJointsBefore ? TOKEN.joined : 0;
          starts[tokens] = length;
        }
        if (run > 2) seen |= TOKEN.longRun;
        if ((kind & KIND.word) === 0) seen |= TOKEN.sign;
        else if (previous === AT) {
          // Behind a letter the sign belongs to a mail address.
          if (!isBehindWord) mentions++;
        } else if (previous === EXCLAMATION && (seen & KIND.leet) !== 0) {
          // It ends a sentence, unless a letter follows.
          seen |= TOKEN.leet | TOKEN.leetOne;
        }
        if ((kind & (KIND.capital | KIND.foreign | KIND.leet)) !== 0) {
          if ((kind & KIND.capital) !== 0) capitals++;
          if ((kind & KIND.foreign) !== 0) foreignKinds |= (kind & KIND.twin) !== 0 ? KIND.twin : KIND.foreign;
          if ((kind & KIND.leet) !== 0 && unit !== EXCLAMATION) {
            seen |= likeOf(kind) === CODE_I ? TOKEN.leet | TOKEN.leetOne : TOKEN.leet;
          }
        }
        if ((kind & KIND.small) !== 0) small++;
        seen |= kind & 0xffff;
      } else {
        if (isInToken) {
          isInToken = false;
          if ((seen & LETTERS) === 0) seen &= ~(TOKEN.leet | TOKEN.leetOne);
          else if ((seen & LETTERS) === LETTERS) isMixed = true;
          allFlags |= seen;
          flags[tokens] = seen;
          ends[tokens++] = length;
          onlyJointsBefore = true;
        }
        if ((kind & KIND.joint) === 0) onlyJointsBefore = false;
      }
      // Of a sign behind a word: it belongs to a mail address.
      isBehindWord = unit === AT && isWord;
      isWord = (kind & KIND.word) !== 0 || isBehindWord;
      previous = unit;
      if (one !== 0) {
        if (one >= FIRST_ALONE && standsAlone(one)) seen |= TOKEN.alone;
        units[length] = one;
        marks[length++] = kind;
        continue;
      }
      // Of several units, or beyond the basic plane: rare enough to take the way with less thought.
      seen |= isInToken ? TOKEN.alone | TOKEN.longRun : 0;
      for (let part = 0; part < folded.length; part++) {
        units[length] = folded.charCodeAt(part);
        marks[length++] = kind;
      }
    }
    if (isInToken) {
      if ((seen & LETTERS) === 0) seen &= ~(TOKEN.leet | TOKEN.leetOne);
      else if ((seen & LETTERS) === LETTERS) isMixed = true;
      allFlags |= seen;
      flags[tokens] = seen;
      ends[tokens++] = length;
    }
    this.length = length;
    this.tokens = tokens;
    this.allFlags = allFlags;
    this.cased = small + capitals;
    this.capitals = capitals;
    // A run of one was not counted.
    this.longestRun = length === 0 ? longest : Math.max(longest, 1);
    this.mentions = mentions;
    this.hasOnlyTwins = foreignKinds === KIND.twin;
    this.isMasked = isMixed || this.hasOnlyTwins;
  }

  #grow(length: number): void {
    this.units = new Uint16Array(length);
    this.marks = new Uint16Array(length);
    this.starts = new Int32Array(length);
    this.ends = new Int32Array(length);
    this.flags = new Int32Array(length);
  }
}
