/**
 * Which rows of a long list are on the screen, and where the list must stand. Knows heights alone; the DOM is the hook's.
 *
 * A row's height is known once it was measured, and estimated before. The list holds on to an anchor: its end, or the row
 * at the upper edge. Whatever is added, removed or measured above it, the anchor stays where the reader sees it.
 */
export interface Rows {
  readonly count: number;
  /** The same for a row as long as it is the same row. */
  readonly keyAt: (index: number) => string;
  /** Height of a row that was not measured yet, in CSS pixels. */
  readonly estimateAt: (index: number) => number;
}

type Anchor =
  | { readonly at: 'end' }
  /** `offset`: from the row's top to the upper edge, in CSS pixels. */
  | { readonly at: 'row'; readonly key: string; readonly index: number; readonly offset: number };

/** So near to the end counts as the end: browsers round. */
const END_PX = 24;
/** Rows that are drawn above and below what is seen, in CSS pixels. */
const OVERSCAN_PX = 600;
/** Heights that are remembered beyond the rows that there are. */
const SPARE_HEIGHTS = 2000;

export class ListView {
  readonly #heights = new Map<string, number>();
  #rows: Rows = { count: 0, keyAt: () => '', estimateAt: () => 0 };
  /** Top of each row, and at the end of the list the whole height. */
  readonly #tops: number[] = [0];
  /** Tops from this row on are to be computed anew. */
  #validUpTo = 0;
  #firstKey = '';
  #lastKey = '';
  #height = 0;
  #anchor: Anchor = { at: 'end' };

  setRows(rows: Rows): void {
    const { count } = this.#rows;
    const isLonger =
      count > 0 && rows.count >= count && rows.keyAt(0) === this.#firstKey && rows.keyAt(count - 1) === this.#lastKey;
    if (!isLonger) this.#validUpTo = 0;
    this.#rows = rows;
    this.#firstKey = rows.count > 0 ? rows.keyAt(0) : '';
    this.#lastKey = rows.count > 0 ? rows.keyAt(rows.count - 1) : '';
    this.#holdAnchor(rows.count - count);
    if (this.#heights.size > rows.count + SPARE_HEIGHTS) this.#forget();
  }

  /** @returns whether it changes anything */
  measure(key: string, index: number, height: number): boolean {
    if (Math.abs((this.#heights.get(key) ?? -1) - height) < 0.5) return false;
    this.#heights.set(key, height);
    this.#validUpTo = Math.min(this.#validUpTo, index);
    return true;
  }

  /** The part of the list that is seen has this height now. @returns whether it changes anything */
  resize(height: number): boolean {
    if (height === this.#height) return false;
    this.#height = height;
    return true;
  }

  /** The reader has scrolled. */
  scrolled(scrollTop: number): void {
    if (scrollTop >= this.contentHeight - this.#height - END_PX) {
      this.#anchor = { at: 'end' };
      return;
    }
    const index = this.#indexAt(scrollTop - this.#lift);
    this.#anchor = { at: 'row', key: this.#rows.keyAt(index), index, offset: scrollTop - this.top(index) };
  }

  toEnd(): void {
    this.#anchor = { at: 'end' };
  }

  /** Moves as little as is needed to have the whole row in sight. */
  reveal(index: number): void {
    const top = this.top(index);
    const bottom = this.top(index + 1);
    const { scrollTop } = this;
    if (top < scrollTop) this.scrolled(top);
    else if (bottom > scrollTop + this.#height) this.scrolled(bottom - this.#height);
  }

  get isAtEnd(): boolean {
    return this.#anchor.at === 'end';
  }

  /** Of all rows, and never less than what is seen: a short list stands at the lower edge. */
  get contentHeight(): number {
    return Math.max(this.#height, this.#total);
  }

  /** Where the scroller must stand. */
  get scrollTop(): number {
    const last = this.contentHeight - this.#height;
    if (this.#anchor.at === 'end') return last;
    return Math.max(0, Math.min(last, this.top(this.#anchor.index) + this.#anchor.offset));
  }

  top(index: number): number {
    this.#compute();
    return this.#lift + (this.#tops[index] ?? 0);
  }

  /** The rows to draw, from `start` up to `end`, which is not among them. */
  range(): { readonly start: number; readonly end: number } {
    if (this.#rows.count === 0) return { start: 0, end: 0 };
    const from = this.scrollTop - this.#lift;
    return {
      start: this.#indexAt(from - OVERSCAN_PX),
      end: this.#indexAt(from + this.#height + OVERSCAN_PX) + 1,
    };
  }

  get #lift(): number {
    return this.contentHeight - this.#total;
  }

  get #total(): number {
    this.#compute();
    return this.#tops[this.#rows.count] ?? 0;
  }

  #compute(): void {
    const { count, keyAt, estimateAt } = this.#rows;
    const tops = this.#tops;
    tops.length = count + 1;
    for (let index = this.#validUpTo; index < count; index++) {
      tops[index + 1] = (tops[index] ?? 0) + (this.#heights.get(keyAt(index)) ?? estimateAt(index));
    }
    this.#validUpTo = count;
  }

  /** The row that has this place; outside of the list the nearest one. */
  #indexAt(y: number): number {
    this.#compute();
    let low = 0;
    let high = this.#rows.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** Finds the anchor's row again. @param shift by how many rows the list has grown, perhaps above it */
  #holdAnchor(shift: number): void {
    const anchor = this.#anchor;
    if (anchor.at === 'end') return;
    const { count, keyAt } = this.#rows;
    const isAt = (index: number) => index >= 0 && index < count && keyAt(index) === anchor.key;
    let index = [anchor.index, anchor.index + shift].find(isAt) ?? -1;
    for (let each = 0; index < 0 && each < count; each++) if (isAt(each)) index = each;
    if (index >= 0) this.#anchor = { ...anchor, index };
    // Its row is gone: the list was cut at its beginning, or began anew. What is left of it is nearest.
    else this.#anchor = count > 0 ? { at: 'row', key: keyAt(0), index: 0, offset: 0 } : { at: 'end' };
  }

  #forget(): void {
    const { count, keyAt } = this.#rows;
    const known = new Map(this.#heights);
    this.#heights.clear();
    for (let index = 0; index < count; index++) {
      const height = known.get(keyAt(index));
      if (height !== undefined) this.#heights.set(keyAt(index), height);
    }
  }
}
