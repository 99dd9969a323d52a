import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growthOf } from './growth.js';

/** 120 points, ten seconds apart. */
function series(valueAt: (seconds: number, index: number) => number) {
  return Array.from({ length: 120 }, (_, index) => ({ atSeconds: index * 10, heapMib: valueAt(index * 10, index) }));
}

/** The same noise each time: a linear congruential generator, from -0.5 to 0.5. */
function noise(): () => number {
  let state = 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31 - 0.5;
  };
}

test('a slow leak shows through noise that is larger than it', () => {
  const next = noise();
  const growth = growthOf(
    series((seconds) => 50 + (6 * seconds) / 3600 + next()),
    'heapMib',
  );
  assert.ok(growth?.grows);
  assert.ok(Math.abs(growth.perHour - 6) < 3 * growth.error && growth.error < 1, JSON.stringify(growth));
});

test('noise alone is no growth, and neither is what happens while a server settles', () => {
  const next = noise();
  const growth = growthOf(
    series((seconds) => 50 - 20 * Math.exp(-seconds / 30) + next()),
    'heapMib',
  );
  assert.ok(growth?.grows === false, JSON.stringify(growth));
});

test('points that hang together make the error wider', () => {
  const steps = growthOf(
    series((_, index) => (Math.floor(index / 15) % 2) * 4),
    'heapMib',
  );
  const alternating = growthOf(
    series((_, index) => (index % 2) * 4),
    'heapMib',
  );
  assert.ok(steps !== null && alternating !== null);
  assert.ok(steps.error > 2 * alternating.error, JSON.stringify({ steps, alternating }));
});

test('few points are no ground for a verdict', () => {
  assert.equal(growthOf([{ atSeconds: 0, heapMib: 1 }], 'heapMib'), null);
});
