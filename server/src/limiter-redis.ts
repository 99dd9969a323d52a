import { decide, intervalOf, type Limiter, type Rate, type RateDecision } from './limiter.js';
import { LimiterRound, type WaitingUse } from './limiter-round.js';
import type { Logger } from './log.js';
import { type RedisLink, RedisScript } from './redis-link.js';

/** Uses in one script at most: nobody else's command waits for Redis longer than these take, some tenths of a millisecond. */
const MAX_BATCH = 250;
/** Hash slots that the keys are spread over in a Cluster, where the keys of a script must lie in one. */
const CLUSTER_TAGS = 64;

// GCRA as in limiter.ts, for one key after the other. The clock is Redis's own, so that instances with skewed clocks
// share one limit. Times in microseconds.
const TAKE = new RedisScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answers = {}
for i, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[2 * i - 1])
  local burst = tonumber(ARGV[2 * i])
  local arrival = math.max(tonumber(redis.call('GET', key) or '0'), now) + interval
  if arrival - now <= interval * burst then
    redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
    answers[2 * i - 1] = 1
    answers[2 * i] = arrival - now
  else
    answers[2 * i - 1] = 0
    answers[2 * i] = arrival - interval - now
  end
end
return answers
`);

/**
 * Rates held in Redis, for the whole cluster; by another limiter while Redis is away. What one round of input brings is
 * taken in one script, so that under load a use costs a fraction of a round trip.
 */
export class RedisLimiter implements Limiter {
  readonly #link: RedisLink;
  readonly #log: Logger;
  readonly #fallback: Limiter;
  readonly #round = new LimiterRound((uses) => this.#ask(uses));

  /** @param fallback closed with this one */
  constructor(link: RedisLink, log: Logger, fallback: Limiter) {
    this.#link = link;
    this.#log = log;
    this.#fallback = fallback;
  }

  take(key: string, rate: Rate): RateDecision | Promise<RateDecision> {
    return this.#link.up ? this.#round.take(key, rate) : this.#fallback.take(key, rate);
  }

  close(): void {
    this.#fallback.close();
  }

  #ask(uses: readonly WaitingUse[]): void {
    for (const [tag, group] of this.#grouped(uses)) {
      for (let at = 0; at < group.length; at += MAX_BATCH) void this.#run(tag, group.slice(at, at + MAX_BATCH));
    }
  }

  #grouped(uses: readonly WaitingUse[]): Iterable<[number, readonly WaitingUse[]]> {
    if (!this.#link.clustered) return [[0, uses]];
    return Map.groupBy(uses, ({ key }) => tagOf(key));
  }

  async #run(tag: number, uses: readonly WaitingUse[]): Promise<void> {
    try {
      const keys = uses.map(({ key }) => `limit:{${tag}}:${key}`);
      const rates = uses.flatMap(({ rate }) => [intervalOf(rate), rate.burst]);
      const answers = (await this.#link.run(TAKE, keys, rates)) as number[];
      for (const [i, { rate, resolve }] of uses.entries()) {
        resolve(decide(answers[2 * i] === 1, answers[2 * i + 1] ?? 0, rate));
      }
    } catch (error) {
      this.#log.debug({ err: String(error) }, 'The rate limit is held without Redis until it answers');
      for (const { key, rate, resolve } of uses) resolve(this.#fallback.take(key, rate));
    }
  }
}

/** Spreads keys evenly, and the same on all instances (FNV-1a). */
function tagOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % CLUSTER_TAGS;
}
