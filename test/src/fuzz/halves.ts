/** The frame of each part of the fuzz: two equal halves, so that what the second one adds is a leak. */
import assert from 'node:assert/strict';
import type { Reading, Target } from './target.js';

/** Runs both halves of the cases. @returns how the server stood after each, and before */
export async function inHalves(target: Target, run: (half: number) => Promise<void>): Promise<Reading[]> {
  const start = await target.calm();
  const readings = [start];
  for (const half of [0, 1]) {
    await run(half);
    target.assertNoErrors();
    readings.push(await target.calm(start));
  }
  const [, half, end] = readings;
  assert.ok(half !== undefined && end !== undefined);
  target.assertNoGrowth(half, end);
  return readings;
}

/** How often each outcome was seen. */
export class Tally {
  readonly counts: Record<string, number> = {};

  /** @param name status of an answer, or what else happened */
  add(name: string | number): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}
