import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyPercentile, messageRate, type Sample } from './samples.js';

function sample(atSeconds: number, counts: number[]): Sample {
  const stats = { latency_seconds: { bounds: [0.001, 0.01, 0.1], counts } };
  return { atMs: atSeconds * 1000, stats: stats as unknown as Sample['stats'] };
}

test('a rate is what came since an earlier look', () => {
  const samples = [sample(0, [100, 0]), sample(2, [110, 10]), sample(4, [130, 30])];
  assert.equal(messageRate(samples, 0), null);
  assert.equal(messageRate(samples, 1), 10);
  assert.equal(messageRate(samples, 2), 15);
});

test('a server that was started again counts from 0, and is no negative rate', () => {
  assert.equal(messageRate([sample(0, [100]), sample(2, [3])], 1), 0);
});

test('percentiles are of what came since an earlier look', () => {
  const samples = [sample(0, [1000, 0, 0, 0]), sample(2, [1050, 40, 10, 0])];
  assert.equal(latencyPercentile(samples, 0, 0.5), null);
  assert.equal(latencyPercentile(samples, 1, 0.5), 1);
  assert.equal(latencyPercentile(samples, 1, 0.9)?.toFixed(3), '10.000');
  assert.equal(latencyPercentile(samples, 1, 0.95)?.toFixed(3), '55.000');
});

test('what is past every bound counts as the last one, and no message is no latency', () => {
  const samples = [sample(0, [0, 0, 0, 0]), sample(2, [0, 0, 0, 7])];
  assert.equal(latencyPercentile(samples, 1, 0.5), 100);
  assert.equal(latencyPercentile([...samples, sample(4, [0, 0, 0, 7])].slice(1), 1, 0.5), null);
});
