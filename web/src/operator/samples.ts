/** What the operator's page draws, from the numbers that the server counts up. */
import type { Stats } from '@hubbub/protocol/rest.js';

/** One look at the server. */
export interface Sample {
  readonly atMs: number;
  readonly stats: Stats;
}

/** Over so many looks back rates and percentiles are taken. */
const WINDOW = 5;

/** Messages in a second, between a look and the one some looks before. Null: there is none before. */
export function messageRate(samples: readonly Sample[], index: number): number | null {
  const [before, now] = pair(samples, index);
  if (before === undefined || now === undefined) return null;
  const seconds = (now.atMs - before.atMs) / 1000;
  return seconds <= 0 ? null : totalOf(freshCounts(before, now)) / seconds;
}

/**
 * A percentile of the latency in the same time, in milliseconds, as far as the bounds of the buckets tell it. Null: no message
 * was delivered.
 *
 * @param share 0.5 for the median
 */
export function latencyPercentile(samples: readonly Sample[], index: number, share: number): number | null {
  const [before, now] = pair(samples, index);
  if (before === undefined || now === undefined) return null;
  const { bounds } = now.stats.latency_seconds;
  const fresh = freshCounts(before, now);
  const total = totalOf(fresh);
  if (total === 0) return null;
  let passed = 0;
  for (const [bucket, count] of fresh.entries()) {
    if (count > 0 && passed + count >= total * share) {
      const low = bounds[bucket - 1] ?? 0;
      const high = bounds[bucket] ?? bounds.at(-1) ?? 0;
      return 1000 * (low + (high - low) * ((total * share - passed) / count));
    }
    passed += count;
  }
  return null;
}

/** Messages in each bucket since an earlier look. A server that was started again has counted anew. */
function freshCounts(before: Sample, now: Sample): number[] {
  const known = before.stats.latency_seconds.counts;
  return now.stats.latency_seconds.counts.map((count, bucket) => Math.max(0, count - (known[bucket] ?? 0)));
}

function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function pair(samples: readonly Sample[], index: number): readonly [Sample | undefined, Sample | undefined] {
  return [index === 0 ? undefined : samples[Math.max(0, index - WINDOW)], samples[index]];
}
