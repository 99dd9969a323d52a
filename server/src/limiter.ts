/** How often something may be done: `perMinute` on average, `burst` of them at once. */
export interface Rate {
  readonly perMinute: number;
  readonly burst: number;
}

export interface RateDecision {
  readonly allowed: boolean;
  /** Uses that would be allowed right after this one. */
  readonly remaining: number;
  /** Time until the next use is allowed, in milliseconds; 0 when this one was. */
  readonly retryAfterMs: number;
  /** Time until the whole burst is there again, in milliseconds. */
  readonly resetMs: number;
}

/** Counts uses by key. One key has one rate. */
export interface Limiter {
  /**
   * Takes one use of `key`, if the rate allows it. A decision that needs no waiting comes as a plain value, so that the
   * hot path need not be put off. Never rejects.
   */
  take(key: string, rate: Rate): RateDecision | Promise<RateDecision>;
  close(): void;
}

const SWEEP_INTERVAL_MS = 30_000;

/*
 * GCRA, the generic cell rate algorithm (ITU-T I.371, annex A): one number a key, the theoretical arrival time (TAT) at
 * which the key's uses would have ended had they come evenly spaced. A use is allowed as long as TAT does not run ahead
 * of now by more than the burst.
 */

/** Rates held in this process. */
export class MemoryLimiter implements Limiter {
  /** Theoretical arrival times, in microseconds. */
  readonly #arrivals = new Map<string, number>();
  readonly #now: () => number;
  readonly #sweep: NodeJS.Timeout;

  /** @param now clock in milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#sweep = setInterval(() => this.#dropIdle(), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  take(key: string, rate: Rate): RateDecision {
    return this.#decide(key, rate, true);
  }

  /** What {@link take} would decide now, without taking anything. */
  peek(key: string, rate: Rate): RateDecision {
    return this.#decide(key, rate, false);
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #decide(key: string, rate: Rate, taking: boolean): RateDecision {
    const nowUs = Math.round(this.#now() * 1000);
    const interval = intervalOf(rate);
    const arrival = Math.max(this.#arrivals.get(key) ?? 0, nowUs) + interval;
    const allowed = arrival - nowUs <= interval * rate.burst;
    if (allowed && taking) this.#arrivals.set(key, arrival);
    return decide(allowed, allowed ? arrival - nowUs : arrival - interval - nowUs, rate);
  }

  #dropIdle(): void {
    const nowUs = this.#now() * 1000;
    for (const [key, arrival] of this.#arrivals) if (arrival <= nowUs) this.#arrivals.delete(key);
  }
}

/** Time between two uses of an even pace, in whole microseconds: fractions would add up to a use too few. */
export function intervalOf(rate: Rate): number {
  return Math.round(60_000_000 / rate.perMinute);
}

/** @param aheadUs how far the uses so far run ahead of now, in microseconds */
export function decide(allowed: boolean, aheadUs: number, rate: Rate): RateDecision {
  const interval = intervalOf(rate);
  return {
    allowed,
    remaining: Math.max(0, Math.floor(rate.burst - aheadUs / interval)),
    retryAfterMs: allowed ? 0 : Math.max(1, Math.ceil((aheadUs + interval - interval * rate.burst) / 1000)),
    resetMs: Math.ceil(aheadUs / 1000),
  };
}
