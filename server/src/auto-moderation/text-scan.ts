import { entryOf, foldedUnit, KIND, kindOf, looksLike } from './characters.js';

const LETTERS = KIND.latin | KIND.foreign;
const [AT, EXCLAMATION, CODE_I] = [64, 33, 105];

/**
 * One pass over a message: the folded text, and what the rules on its form want to know. The buffers are used again for
 * the next message, so a scan has to be done with before the next one begins.
 */
export class TextScan {
  /** Folded units; what is not part of a word stands for itself, with the kind that says so. */
  units = new Uint16Array(1024);
  /** Bits of {@link KIND} for each unit. */
  kinds = new Uint16Array(1024);
  /** Latin letter that the unit looks like or stands for; 0: none. */
  likes = new Uint8Array(1024);
  length = 0;
  /** Letters that have case, and how many of them are capitals. */
  cased = 0;
  capitals = 0;
  /** Longest run of one character, or of diacritics and characters without width. */
  longestRun = 0;
  mentions = 0;
  /** Which disguises there may be, so that no text is read in a way that cannot differ. */
  isMasked = false;
  /** Every letter that is not Latin could be a Latin one: nobody writes another script with those alone. */
  hasOnlyTwins = false;
  hasLeet = false;
  /** A sign of those that stand for `i` and for `l`. */
  hasLeetOne = false;
  hasJoints = false;
  #text: string | null = null;

  /** Does nothing for the text that was scanned last. */
  scan(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    // A character is folded to at most some units (the longest, U+FDFA, to eighteen).
    if (text.length * 18 > this.units.length) this.#grow(text.length * 18);
    const { units, kinds, likes } = this;
    let [length, cased, capitals, mentions] = [0, 0, 0, 0];
    let [longest, run, last, droppedRun] = [0, 0, -1, 0];
    let [previousKind, previous] = [0, 0];
    // Of the word that is read: its kinds, whether a sign in it stands for a letter, and for one of two.
    let [seen, leet, leetOne] = [0, false, false];
    let [mixed, foreignKinds, joints] = [false, 0, false];
    let beforeJoint = false;
    this.hasLeet = false;
    this.hasLeetOne = false;
    for (let index = 0; index <= text.length; index++) {
      let [unit, kind, one, like] = [0, 0, 0, 0];
      let folded = '';
      if (index < text.length) {
        unit = text.charCodeAt(index);
        if (unit >= 0xd800 && unit <= 0xdbff) {
          unit = text.codePointAt(index) ?? unit;
          if (unit > 0xffff) index++;
          ({ kind, folded, looksLike: like } = entryOf(unit));
        } else {
          kind = kindOf(unit);
          one = foldedUnit(unit);
          like = looksLike(unit);
          if (one === 0 && (kind & KIND.dropped) === 0) folded = entryOf(unit).folded;
        }
        if ((kind & KIND.dropped) !== 0) {
          if ((kind & KIND.tag) === 0 && ++droppedRun > longest) longest = droppedRun;
          continue;
        }
        droppedRun = 0;
        const character = one === 0 ? unit : one;
        run = character === last ? run + 1 : 1;
        last = character;
        if (run > longest) longest = run;
      }
      if ((kind & KIND.word) !== 0) {
        if ((kind & KIND.capital) !== 0) {
          cased++;
          capitals++;
        } else if ((kind & KIND.small) !== 0) cased++;
        // `@` behind a letter belongs to a mail address.
        if (previous === AT && (previousKind & KIND.word) === 0) mentions++;
        if (previous === EXCLAMATION && (seen & KIND.leet) !== 0) [leet, leetOne] = [true, true];
        if (beforeJoint) joints = true;
        beforeJoint = false;
      } else if ((kind & KIND.joint) !== 0 && (previousKind & KIND.word) !== 0) beforeJoint = true;
      else beforeJoint = false;
      if ((kind & (KIND.word | KIND.leet)) !== 0) {
        seen |= kind;
        if ((kind & KIND.leet) !== 0 && unit !== EXCLAMATION) {
          leet = true;
          if (like === CODE_I) leetOne = true;
        }
      } else if (seen !== 0) {
        if (leet && (seen & LETTERS) !== 0) {
          this.hasLeet = true;
          if (leetOne) this.hasLeetOne = true;
        }
        if ((seen & LETTERS) === LETTERS) mixed = true;
        [seen, leet, leetOne] = [0, false, false];
      }
      // The sign behind a mail address's name is marked as part of a word, for the look back of the one behind it.
      previousKind = unit === AT && (previousKind & KIND.word) !== 0 ? kind | KIND.word : kind;
      previous = unit;
      if ((kind & KIND.foreign) !== 0) foreignKinds |= (kind & KIND.twin) !== 0 ? KIND.twin : KIND.foreign;
      if (one !== 0) {
        units[length] = one;
        kinds[length] = kind;
        likes[length++] = like;
      } else {
        for (let part = 0; part < folded.length; part++) {
          units[length] = folded.charCodeAt(part);
          kinds[length] = kind;
          likes[length++] = like;
        }
      }
    }
    Object.assign(this, { length, cased, capitals, mentions, longestRun: longest, hasJoints: joints });
    this.hasOnlyTwins = foreignKinds === KIND.twin;
    this.isMasked = mixed || this.hasOnlyTwins;
  }

  #grow(length: number): void {
    this.units = new Uint16Array(length);
    this.kinds = new Uint16Array(length);
    this.likes = new Uint8Array(length);
  }
}
