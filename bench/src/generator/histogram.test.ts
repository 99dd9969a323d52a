import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from './histogram.js';

test('quantiles are within 1.6 % of those of the sorted values, and the maximum is exact', () => {
  const histogram = new Histogram();
  const values = Array.from({ length: 20_000 }, (_, index) => 1.0006 ** index);
  for (const value of values) histogram.record(value);
  for (const part of [0.01, 0.5, 0.95, 0.99, 0.999]) {
    const exact = values[Math.ceil(values.length * part) - 1] ?? 0;
    const found = histogram.quantile(part);
    assert.ok(
      found >= Math.floor(exact) && found <= Math.max(exact * 1.016, exact + 1),
      `${part}: ${found}, not ${exact}`,
    );
  }
  assert.equal(histogram.quantile(1), values.at(-1));
});

test('histograms of several processes add up to one of all', () => {
  const all = new Histogram();
  const sum = new Histogram();
  for (const offset of [0, 1, 2]) {
    const one = new Histogram();
    for (let value = offset; value < 5000; value += 3) {
      one.record(value * value);
      all.record(value * value);
    }
    sum.add(one.pack());
  }
  assert.deepEqual(sum.pack(), all.pack());
  assert.equal(sum.total, 5000);
});
