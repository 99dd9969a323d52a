/** A time, on the clock of the events. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What was broken needs so long to work again as if nothing had been. */
const GRACE_MS = 4000;

/** The times at which nothing was broken and nothing had been for a moment. */
export class Calm {
  /** Disturbed times, in order, none overlapping another. */
  readonly #disturbed: { readonly fromMs: number; toMs: number }[] = [];

  constructor(disturbances: readonly Span[], graceMs = GRACE_MS) {
    for (const { fromMs, toMs } of [...disturbances].sort((a, b) => a.fromMs - b.fromMs)) {
      const last = this.#disturbed.at(-1);
      if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs + graceMs);
      else this.#disturbed.push({ fromMs, toMs: toMs + graceMs });
    }
  }

  /** How much of a time was calm, in milliseconds. */
  within(fromMs: number, toMs: number): number {
    let calm = toMs - fromMs;
    for (const disturbed of this.#disturbed) {
      calm -= Math.max(0, Math.min(toMs, disturbed.toMs) - Math.max(fromMs, disturbed.fromMs));
    }
    return calm;
  }
}
