import type { Rate, RateDecision } from './limiter.js';

/** One use of a key that is to be decided elsewhere. */
export interface RateUse {
  readonly key: string;
  readonly rate: Rate;
}

/** A use whose asker waits for the decision. */
export interface WaitingUse extends RateUse {
  readonly resolve: (decision: RateDecision | Promise<RateDecision>) => void;
}

/** Gathers the uses of one round of input, so that they are asked for at once. */
export class LimiterRound {
  readonly #ask: (uses: readonly WaitingUse[]) => void;
  #waiting: WaitingUse[] = [];

  /** @param ask settles each of the uses */
  constructor(ask: (uses: readonly WaitingUse[]) => void) {
    this.#ask = ask;
  }

  take(key: string, rate: Rate): Promise<RateDecision> {
    return new Promise((resolve) => {
      // Immediates run when all sockets that had something were read.
      if (this.#waiting.length === 0) setImmediate(() => this.#end());
      this.#waiting.push({ key, rate, resolve });
    });
  }

  #end(): void {
    const uses = this.#waiting;
    this.#waiting = [];
    this.#ask(uses);
  }
}
