/** Where a client stands in one channel: what he has seen of its sequence, and whether he is in. */
export class Stay {
  readonly ch: number;
  /** `out`: not in it; `joining`: waits for the answer to a join; `in`. */
  state: 'out' | 'joining' | 'in' = 'out';
  /** The last place that he has; null: he has never been in it. */
  lastSeq: number | null = null;
  /** He wants to be in it now. */
  wanted = true;
  /** Positions of the joins that were not answered yet, oldest first: they are answered in their order. */
  asked: (number | null)[] = [];
  /** Up to here a page without the channel's other events was given. */
  #pageUntil = 0;

  constructor(ch: number) {
    this.ch = ch;
  }

  /** The last place that he has, or knows to be no message. */
  get reached(): number {
    return Math.max(this.lastSeq ?? 0, this.#pageUntil);
  }

  /** A join went out. @param position its `last_seq` */
  join(position: number | null): void {
    this.state = 'joining';
    this.asked.push(position);
  }

  /** The answer to the oldest join came. @returns the position that it had asked for */
  subscribed(frame: { seq: number; recovered: boolean; oldest_seq?: number }): number | null {
    const asked = this.asked.shift() ?? null;
    if (this.asked.length === 0) this.state = 'in';
    if (frame.recovered) {
      this.lastSeq = asked ?? 0;
      this.#pageUntil = 0;
    } else {
      this.lastSeq = (frame.oldest_seq ?? frame.seq + 1) - 1;
      this.#pageUntil = frame.seq;
    }
    return asked;
  }

  /** The oldest join was refused. */
  refused(): void {
    this.asked.shift();
    if (this.asked.length === 0) this.state = 'out';
  }

  /** The connection is gone, or he has left. */
  out(): void {
    this.state = 'out';
    this.asked = [];
  }

  /** @param repeatable it may be an answer to a repeated message, which stands outside of the sequence */
  got(seq: number, repeatable: boolean): void {
    if (repeatable && seq !== (this.lastSeq ?? 0) + 1) return;
    this.lastSeq = Math.max(this.lastSeq ?? 0, seq);
  }
}
