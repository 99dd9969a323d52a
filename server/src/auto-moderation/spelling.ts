import { KIND } from './characters.js';
import type { TextScan } from './text-scan.js';

/** How a text is read: as it stands, or with one of the disguises undone. */
export interface Reading {
  /** Letters of other scripts are read as the Latin ones that they look like: in words in disguise, or wherever they do. */
  readonly unmask: 'disguised' | 'all' | null;
  /** Digits and signs in a word are read as letters: `1`, `!` and `|` as this one. Null: as they stand. */
  readonly leet: 'i' | 'l' | null;
  /** Signs between the letters of a word are left out. */
  readonly join: boolean;
  /** Letters that a run of three and more of the same letter is read as. */
  readonly keep: 1 | 2;
}

const [CODE_I, CODE_L, EXCLAMATION] = [105, 108, 33];
const LETTERS = KIND.latin | KIND.foreign;
const WORD_OR_LEET = KIND.word | KIND.leet;

/** The words of a scanned text in one reading: units of words, with a 0 between them. The buffer is used again. */
export class Spelling {
  units = new Uint16Array(1024);
  length = 0;
  /** Whether there was a run of three and more of the same letter. */
  hadLongRun = false;

  read(scan: TextScan, { unmask, leet, join, keep }: Reading): void {
    if (scan.length > this.units.length) this.units = new Uint16Array(scan.length * 2);
    const { units, kinds, likes, length: end } = scan;
    const out = this.units;
    let [length, run, last, hadLongRun] = [0, 0, 0, false];
    const looksAhead = leet !== null || unmask === 'disguised';
    // Of the word that is read.
    let [undoLeet, undoMask, isInWord] = [false, unmask === 'all', false];
    for (let index = 0; index < end; index++) {
      let unit = units[index] ?? 0;
      const kind = kinds[index] ?? 0;
      if ((kind & WORD_OR_LEET) === 0) {
        if (join && (kind & KIND.joint) !== 0) continue;
        isInWord = false;
        unit = 0;
      } else {
        if (looksAhead && !isInWord) {
          isInWord = true;
          let seen = 0;
          for (let ahead = index; ahead < end && ((kinds[ahead] ?? 0) & WORD_OR_LEET) !== 0; ahead++) {
            seen |= kinds[ahead] ?? 0;
          }
          undoLeet = leet !== null && (seen & LETTERS) !== 0;
          undoMask =
            unmask !== null && ((seen & LETTERS) === LETTERS || ((seen & KIND.foreign) !== 0 && scan.hasOnlyTwins));
        }
        // An exclamation mark ends a sentence, unless a letter follows.
        const isLetterNext = index + 1 < end && ((kinds[index + 1] ?? 0) & KIND.word) !== 0;
        if (undoLeet && (kind & KIND.leet) !== 0 && (unit !== EXCLAMATION || isLetterNext)) {
          const like = likes[index] ?? 0;
          unit = like === CODE_I && leet === 'l' ? CODE_L : like;
        } else if ((kind & KIND.word) === 0) unit = 0;
        else if (undoMask && (kind & KIND.foreign) !== 0) unit = likes[index] || unit;
      }
      if (unit === last && unit !== 0 && (unit < 48 || unit > 57)) {
        if (++run > 2) {
          hadLongRun = true;
          if (run === 3) length -= 2 - keep;
          continue;
        }
      } else run = 1;
      last = unit;
      out[length++] = unit;
    }
    this.length = length;
    this.hadLongRun = hadLongRun;
  }
}
