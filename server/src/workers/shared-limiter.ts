import { type Limiter, MemoryLimiter, type Rate, type RateDecision } from '../limiter.js';
import type { RateUse } from './calls.js';
import type { Siblings } from './siblings.js';

interface WaitingUse extends RateUse {
  readonly resolve: (decision: RateDecision) => void;
}

/**
 * Rates held by the primary, for all workers of the instance; in this process once the primary is gone. What one round of
 * input brings is asked for at once.
 */
export class SharedLimiter implements Limiter {
  readonly #siblings: Siblings;
  readonly #fallback = new MemoryLimiter();
  #waiting: WaitingUse[] = [];

  constructor(siblings: Siblings) {
    this.#siblings = siblings;
  }

  take(key: string, rate: Rate): RateDecision | Promise<RateDecision> {
    if (!this.#siblings.connected) return this.#fallback.take(key, rate);
    return new Promise((resolve) => {
      // Immediates run when all sockets that had something were read.
      if (this.#waiting.length === 0) setImmediate(() => void this.#flush());
      this.#waiting.push({ key, rate, resolve });
    });
  }

  close(): void {
    this.#fallback.close();
  }

  async #flush(): Promise<void> {
    const uses = this.#waiting;
    this.#waiting = [];
    let decisions: RateDecision[];
    try {
      decisions = await this.#siblings.call(
        'take',
        uses.map(({ key, rate }) => ({ key, rate })),
      );
    } catch {
      decisions = uses.map(({ key, rate }) => this.#fallback.take(key, rate));
    }
    for (const [index, { resolve }] of uses.entries()) {
      const decision = decisions[index];
      if (decision !== undefined) resolve(decision);
    }
  }
}
