import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recorder, ratioOf, spreadOf } from './results.js';

test('a ratio pairs neighbouring runs, so that a slow hour of the machine does not count', () => {
  const recorder = new Recorder();
  for (const [own, other] of [
    [80, 100],
    [8, 10],
    [90, 100],
  ] as const) {
    recorder.add('a', 'hubbub', { deliveriesPerSecond: own });
    recorder.add('a', 'raw ws', { deliveriesPerSecond: other });
  }
  assert.deepEqual(ratioOf(recorder.cases, 'a', 'raw ws', 'deliveriesPerSecond'), { min: 0.8, median: 0.8, max: 0.9 });
  assert.equal(ratioOf(recorder.cases, 'a', 'socket.io', 'deliveriesPerSecond'), null);
});

test('a spread is the smallest, the middle and the largest of what was measured', () => {
  assert.deepEqual(spreadOf([{ p50Ms: 4 }, { p50Ms: 1 }, { p99Ms: 9 }, { p50Ms: 2 }, { p50Ms: 3 }], 'p50Ms'), {
    min: 1,
    median: 2.5,
    max: 4,
  });
  assert.equal(spreadOf([{ p50Ms: 1 }], 'maxMs'), null);
});
