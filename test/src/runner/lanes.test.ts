import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestFile } from './discover.js';
import { inOrder, takeNext } from './lanes.js';

function files(...sources: string[]): TestFile[] {
  return sources.map((source) => ({ source, compiled: source }));
}

/** Starts what may start. @returns paths of those that run then, and of those that wait for them */
function start(queue: TestFile[], running: TestFile[] = []): [string[], string[]] {
  for (let file = takeNext(queue, running); file !== undefined; file = takeNext(queue, running)) running.push(file);
  return [running.map(({ source }) => source), queue.map(({ source }) => source)];
}

const REDIS = 'test/src/faults/redis.test.ts';
const POSTGRES = 'test/src/faults/postgres.test.ts';
const CLOCKS = 'test/src/faults/clocks.test.ts';

test('two files run at a time, and one that mostly waits takes half a place', () => {
  assert.deepEqual(start(files('a', 'b', 'c')), [['a', 'b'], ['c']]);
  assert.deepEqual(start(files('a', 'b', REDIS)), [['a', 'b'], [REDIS]]);
  assert.deepEqual(start(files(REDIS, 'a', POSTGRES, 'b', CLOCKS)), [
    [REDIS, 'a', POSTGRES],
    ['b', CLOCKS],
  ]);
});

test('a file for which there is no place is passed by one for which there is', () => {
  assert.deepEqual(start(files('b', CLOCKS), files('a', REDIS)), [['a', REDIS, CLOCKS], ['b']]);
});

test('files that take long start first, and unit tests last', () => {
  const given = ['server/src/a.test.ts', 'test/src/contract/a.test.ts', CLOCKS, 'test/src/workers/ends.test.ts', REDIS];
  assert.deepEqual(
    inOrder(files(...given)).map(({ source }) => source),
    [REDIS, CLOCKS, 'test/src/workers/ends.test.ts', 'test/src/contract/a.test.ts', 'server/src/a.test.ts'],
  );
});
