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

/** The words of a scanned text in one reading: units of words, with a 0 between them. The buffer is used again. */
export class Spelling {
  units = new Uint16Array(1024);
  length = 0;
  /** Whether there was a run of three and more of the same letter. */
  hadLongRun = false;
  #run = 0;

  read(scan: TextScan, reading: Reading): void {
    if (scan.length > this.units.length) this.units = new Uint16Array(scan.length * 2);
    this.length = 0;
    this.#run = 0;
    this.hadLongRun = false;
    const { marks } = scan;
    const onlyTwins = reading.unmask === 'disguised' && hasOnlyTwins(scan);
    for (let from = 0; from < scan.length; ) {
      const mark = marks[from] ?? 0;
      if ((mark & (KIND.word | KIND.leet)) === 0) {
        if (!reading.join || (mark & KIND.joint) === 0) this.#emit(0, 1);
        from++;
        continue;
      }
      let to = from;
      let seen = 0;
      for (; to < scan.length && ((marks[to] ?? 0) & (KIND.word | KIND.leet)) !== 0; to++) seen |= marks[to] ?? 0;
      const disguised =
        reading.unmask === 'all' ||
        (reading.unmask !== null && (seen & KIND.foreign) !== 0 && ((seen & KIND.latin) !== 0 || onlyTwins));
      this.#word(scan, from, to, reading, (seen & LETTERS) === 0, disguised);
      from = to;
    }
  }

  #word(scan: TextScan, from: number, to: number, reading: Reading, isNumber: boolean, disguised: boolean): void {
    const { units, marks, likes } = scan;
    for (let index = from; index < to; index++) {
      const unit = units[index] ?? 0;
      const mark = marks[index] ?? 0;
      const like = likes[index] ?? 0;
      // A sentence ends with an exclamation mark more often than a word does.
      const ends = unit === EXCLAMATION && index === to - 1;
      if (reading.leet !== null && !isNumber && (mark & KIND.leet) !== 0 && !ends) {
        this.#emit(like === CODE_I && reading.leet === 'l' ? CODE_L : like, reading.keep);
      } else if ((mark & KIND.word) === 0) this.#emit(0, 1);
      else this.#emit(disguised && like !== 0 && (mark & KIND.foreign) !== 0 ? like : unit, reading.keep);
    }
  }

  #emit(unit: number, keep: 1 | 2): void {
    const isDigit = unit >= 48 && unit <= 57;
    this.#run = unit === this.units[this.length - 1] && this.length > 0 && !isDigit ? this.#run + 1 : 1;
    if (this.#run > 2 && unit !== 0) {
      this.hadLongRun = true;
      if (this.#run === 3) this.length -= 2 - keep;
      return;
    }
    this.units[this.length++] = unit;
  }
}

/** Whether every letter that is not Latin could be a Latin one in disguise: nobody writes another script with those alone. */
function hasOnlyTwins(scan: TextScan): boolean {
  if ((scan.seen & KIND.twin) === 0) return false;
  for (let index = 0; index < scan.length; index++) {
    if (((scan.marks[index] ?? 0) & (KIND.foreign | KIND.twin)) === KIND.foreign) return false;
  }
  return true;
}
