import { entryOf, foldedUnit, KIND, kindOf, looksLike } from './characters.js';

/**
 * One pass over a message: the folded text, and what the rules on its form want to know. The buffers are used again for
 * the next message, so a scan has to be done with before the next one begins.
 */
export class TextScan {
  /** Folded units; what is not part of a word stands for itself, with the marks that say so. */
  units = new Uint16Array(1024);
  /** Bits of {@link KIND} for each unit. */
  marks = new Uint16Array(1024);
  /** Latin letter that the unit looks like or stands for; 0: none. */
  likes = new Uint8Array(1024);
  length = 0;
  /** Letters that have case, and how many of them are capitals. */
  cased = 0;
  capitals = 0;
  /** Longest run of one character, or of diacritics, or of characters without width. */
  longestRun = 0;
  mentions = 0;
  /** All marks that occur. */
  seen = 0;
  #run = 0;
  #last = -1;
  #droppedRun = 0;
  #afterWord = false;
  #afterAt = false;

  scan(text: string): void {
    this.#reset(text.length);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0xd800 && unit <= 0xdbff) {
        const codePoint = text.codePointAt(index) ?? unit;
        if (codePoint > 0xffff) index++;
        const { kind, folded, looksLike: like } = entryOf(codePoint);
        this.#take(kind, codePoint, folded, 0, like);
        continue;
      }
      const kind = kindOf(unit);
      const one = foldedUnit(unit);
      if (one !== 0 || (kind & KIND.dropped) !== 0) this.#take(kind, unit, '', one, looksLike(unit));
      else this.#take(kind, unit, entryOf(unit).folded, 0, looksLike(unit));
    }
  }

  /** @param one the folded form where it is one unit; 0: it is `folded` */
  #take(kind: number, codePoint: number, folded: string, one: number, like: number): void {
    if ((kind & KIND.dropped) !== 0) {
      if ((kind & KIND.tag) === 0) this.longestRun = Math.max(this.longestRun, ++this.#droppedRun);
      return;
    }
    this.#droppedRun = 0;
    const character = one !== 0 ? one : codePoint;
    this.#run = character === this.#last ? this.#run + 1 : 1;
    this.#last = character;
    if (this.#run > this.longestRun) this.longestRun = this.#run;
    const isWord = (kind & KIND.word) !== 0;
    if (isWord) {
      if ((kind & KIND.capital) !== 0) {
        this.cased++;
        this.capitals++;
      } else if ((kind & KIND.small) !== 0) this.cased++;
      if (this.#afterAt) this.mentions++;
    }
    // `@` behind a letter belongs to a mail address.
    this.#afterAt = codePoint === 64 && !this.#afterWord;
    this.#afterWord = isWord;
    if (one !== 0) this.#push(one, kind, like);
    else for (let index = 0; index < folded.length; index++) this.#push(folded.charCodeAt(index), kind, like);
  }

  #push(unit: number, kind: number, like: number): void {
    if (this.length >= this.units.length) this.#grow(this.length * 2);
    this.units[this.length] = unit;
    this.marks[this.length] = kind;
    this.likes[this.length++] = like;
    this.seen |= kind;
  }

  #reset(length: number): void {
    if (length > this.units.length) this.#grow(length * 2);
    this.length = 0;
    this.cased = 0;
    this.capitals = 0;
    this.longestRun = 0;
    this.mentions = 0;
    this.seen = 0;
    this.#run = 0;
    this.#last = -1;
    this.#droppedRun = 0;
    this.#afterWord = false;
    this.#afterAt = false;
  }

  #grow(length: number): void {
    const [units, marks, likes] = [new Uint16Array(length), new Uint16Array(length), new Uint8Array(length)];
    units.set(this.units);
    marks.set(this.marks);
    likes.set(this.likes);
    Object.assign(this, { units, marks, likes });
  }
}
