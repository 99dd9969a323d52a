import { type Limiter, MemoryLimiter, type Rate, type RateDecision } from '../limiter.js';
import { LimiterRound, type WaitingUse } from '../limiter-round.js';
import type { Siblings } from './siblings.js';

/**
 * Rates held by the primary, for all workers of the instance; in this process once the primary is gone. What one round of
 * input brings is asked for at once.
 */
export class SharedLimiter implements Limiter {
  readonly #siblings: Siblings;
  readonly #fallback = new MemoryLimiter();
  readonly #round = new LimiterRound((uses) => void this.#ask(uses));

  constructor(siblings: Siblings) {
    this.#siblings = siblings;
  }

  take(key: string, rate: Rate): RateDecision | Promise<RateDecision> {
    return this.#siblings.connected ? this.#round.take(key, rate) : this.#fallback.take(key, rate);
  }

  close(): void {
    this.#fallback.close();
  }

  async #ask(uses: readonly WaitingUse[]): Promise<void> {
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
