import { entryOf, FIRST_ALONE, KIND, likeOf, lookUp, markOf, skeletonOf, standsAlone } from './characters.js';
import { EMPTY_HASH, hashOn } from './word-hash.js';

// Names of this module: what is imported or exported is looked up again at each use, once or more a character.
const {
  capital: IS_CAPITAL,
  dropped: IS_DROPPED,
  foreign: IS_FOREIGN,
  joint: IS_JOINT,
  latin: IS_LATIN,
  leet: IS_LEET,
  small: IS_SMALL,
  tag: IS_TAG,
  twin: IS_TWIN,
  word: IS_WORD,
} = KIND;
const LETTERS = IS_LATIN | IS_FOREIGN;
const WORD_OR_LEET = IS_WORD | IS_LEET;
const [AT, EXCLAMATION, CODE_I] = [64, 33, 105];
/** The first of the full stops of other scripts. */
const IDEOGRAPHIC_STOP = 0x3002;
/** Tells letters that change nothing but the word they are in from all that needs a closer look. */
const SHAPE = IS_WORD | IS_CAPITAL | IS_LATIN | IS_FOREIGN | IS_DROPPED | IS_LEET | IS_JOINT;
const PLAIN_LETTER = IS_WORD | IS_LATIN;
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
  /** Any of the bits above of a token that may not be one word, to be taken from the text as it stands. */
  uneven: (1 << 16) | (1 << 17) | (1 << 21),
} as const;
const {
  alone: HAS_ALONE,
  joined: HAS_JOINED,
  leet: HAS_LEET,
  leetOne: HAS_LEET_ONE,
  longRun: HAS_LONG_RUN,
  sign: HAS_SIGN,
} = TOKEN;

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
  /**
   * Of each token the hash of its skeleton (see {@link skeletonOfWord}), with letters of other scripts as they stand; of no use
   * for uneven ones.
   */
  hashes = new Int32Array(1024);
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
  /** Has characters that a link can hide behind, see {@link hasForbiddenLink}: without width, or other full stops. */
  mayHideLinks = false;
  /** Every letter that is not Latin could be a Latin one: nobody writes another script with those alone. */
  #hasOnlyTwins = false;
  #text: string | null = null;
  /** The text's own units: read from here, since each `charCodeAt` finds out anew how the string is stored. */
  #source = new Uint16Array(1024);
  #bytes = Buffer.from(this.#source.buffer);

  /** Does nothing for the text that was scanned last. */
  scan(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    if (text.length * MAX_FOLDED > this.units.length) this.#grow(text.length * MAX_FOLDED);
    const { units, marks, starts, ends, flags, hashes } = this;
    const source = this.#source;
    this.#bytes.write(text, 'utf16le');
    const end = text.length;
    let mayHideLinks = false;
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
    // What was read last is a letter that needs no thought, in the midst of a token.
    let isBehindLetter = false;
    // Of the token that is read.
    let isInToken = false;
    let seen = 0;
    let hash = EMPTY_HASH;
    let lastSkeleton = 0;
    let onlyJointsBefore = false;
    for (let index = 0; index < end; index++) {
      let unit = source[index] ?? 0;
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
        else if (isBehindLetter && (kind & SHAPE) === PLAIN_LETTER) {
          droppedRun = 0;
          if (one !== last) {
            run = 1;
            last = one;
          } else {
            if (++run > longest) longest = run;
            if (run > 2) seen |= HAS_LONG_RUN;
          }
          small += (kind & IS_SMALL) === 0 ? 0 : 1;
          seen |= kind & 0xffff;
          const skeleton = skeletonOf(one);
          if (skeleton !== lastSkeleton) {
            hash = hashOn(hash, skeleton);
            lastSkeleton = skeleton;
          }
          units[length] = one;
          marks[length++] = kind;
          continue;
        }
      }
      if ((kind & IS_DROPPED) !== 0) {
        mayHideLinks = true;
        if ((kind & IS_TAG) === 0 && ++droppedRun > longest) longest = droppedRun;
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
          seen = onlyJointsBefore ? HAS_JOINED : 0;
          starts[tokens] = length;
          hash = EMPTY_HASH;
          lastSkeleton = 0;
        }
        if (run > 2) seen |= HAS_LONG_RUN;
        if ((kind & IS_WORD) === 0) seen |= HAS_SIGN;
        else if (previous === AT) {
          // Behind a letter the sign belongs to a mail address.
          if (!isBehindWord) mentions++;
        } else if (previous === EXCLAMATION && (seen & IS_LEET) !== 0) {
          // It ends a sentence, unless a letter follows.
          seen |= HAS_LEET | HAS_LEET_ONE;
        }
        if ((kind & (IS_CAPITAL | IS_FOREIGN | IS_LEET)) !== 0) {
          if ((kind & IS_CAPITAL) !== 0) capitals++;
          if ((kind & IS_FOREIGN) !== 0) foreignKinds |= (kind & IS_TWIN) !== 0 ? IS_TWIN : IS_FOREIGN;
          if ((kind & IS_LEET) !== 0 && unit !== EXCLAMATION) {
            seen |= likeOf(kind) === CODE_I ? HAS_LEET | HAS_LEET_ONE : HAS_LEET;
          }
        }
        if ((kind & IS_SMALL) !== 0) small++;
        seen |= kind & 0xffff;
      } else {
        if (isInToken) {
          isInToken = false;
          if ((seen & LETTERS) === 0) seen &= ~(HAS_LEET | HAS_LEET_ONE);
          else if ((seen & LETTERS) === LETTERS) isMixed = true;
          allFlags |= seen;
          flags[tokens] = seen;
          hashes[tokens] = hash;
          ends[tokens++] = length;
          onlyJointsBefore = true;
        }
        if ((kind & IS_JOINT) === 0) onlyJointsBefore = false;
        if (unit >= IDEOGRAPHIC_STOP) mayHideLinks = true;
      }
      // Of a sign behind a word: it belongs to a mail address.
      isBehindWord = unit === AT && isWord;
      isWord = (kind & IS_WORD) !== 0 || isBehindWord;
      previous = unit;
      isBehindLetter = one !== 0 && (kind & SHAPE) === PLAIN_LETTER;
      if (one !== 0) {
        if (one >= FIRST_ALONE && standsAlone(one)) seen |= HAS_ALONE;
        const skeleton = skeletonOf(one);
        if (skeleton !== lastSkeleton) {
          hash = hashOn(hash, skeleton);
          lastSkeleton = skeleton;
        }
        units[length] = one;
        marks[length++] = kind;
        continue;
      }
      // Of several units, or beyond the basic plane: rare enough to take the way with less thought.
      seen |= isInToken ? HAS_ALONE | HAS_LONG_RUN : 0;
      for (let part = 0; part < folded.length; part++) {
        units[length] = folded.charCodeAt(part);
        marks[length++] = kind;
      }
    }
    if (isInToken) {
      if ((seen & LETTERS) === 0) seen &= ~(HAS_LEET | HAS_LEET_ONE);
      else if ((seen & LETTERS) === LETTERS) isMixed = true;
      allFlags |= seen;
      flags[tokens] = seen;
      hashes[tokens] = hash;
      ends[tokens++] = length;
    }
    this.length = length;
    this.mayHideLinks = mayHideLinks;
    this.tokens = tokens;
    this.allFlags = allFlags;
    this.cased = small + capitals;
    this.capitals = capitals;
    // A run of one was not counted.
    this.longestRun = length === 0 ? longest : Math.max(longest, 1);
    this.mentions = mentions;
    this.#hasOnlyTwins = foreignKinds === IS_TWIN;
    this.isMasked = isMixed || this.#hasOnlyTwins;
  }

  /** Whether the letters of other scripts are to be read as Latin ones, in a token with these {@link flags}. */
  isDisguised(seen: number): boolean {
    return (seen & IS_FOREIGN) !== 0 && (this.#hasOnlyTwins || (seen & IS_LATIN) !== 0);
  }

  #grow(length: number): void {
    this.#source = new Uint16Array(length);
    this.#bytes = Buffer.from(this.#source.buffer);
    this.units = new Uint16Array(length);
    this.marks = new Uint16Array(length);
    this.starts = new Int32Array(length);
    this.ends = new Int32Array(length);
    this.flags = new Int32Array(length);
    this.hashes = new Int32Array(length);
  }
}
