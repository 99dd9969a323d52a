import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../machine/facts.js';
import type { Measurement } from '../metrics.js';
import type { Case, ScenarioResult } from '../results.js';
import { growthOverTime, growthWithMessages } from './growth-table.js';

const FACTS: Facts = {
  at: '2026-01-01T00:00:00.000Z',
  commit: 'none',
  processor: 'none',
  processors: 1,
  memoryGib: 1,
  system: 'none',
  loadAverage: 0,
  versions: {},
};

function result(cases: readonly Case[]): ScenarioResult {
  return { scenario: 'any', description: '', facts: FACTS, quick: false, cases };
}

test('what grows over time is told apart from what only moves', () => {
  const series = Array.from({ length: 120 }, (_, index): Measurement => {
    const wobble = index % 2;
    return { atSeconds: index * 10, rssMib: 100 + index + wobble, heapMib: 20 + wobble };
  });
  const page = growthOverTime(result([{ name: 'half load', system: 'hubbub', runs: [], series }]));
  assert.match(page, /\| RSS MiB \| 360\.\d\d ± \d\.\d\d \| \*\*grows\*\* \|/);
  assert.match(page, /\| live heap MiB \| -?0\.\d\d ± \d\.\d\d \| no growth \|/);
  assert.match(page, /\| open files \| {2}\| too few points \|/);
  assert.equal(growthOverTime(result([])), '');
});

test('what takes longer in a larger table shows as a quotient', () => {
  const of = (tableMessages: number, p50Ms: number): Case => ({
    name: `tail, of ${tableMessages}`,
    system: 'hubbub',
    runs: [{ tableMessages, p50Ms, blocks: 10 }],
    note: `Index Scan ${tableMessages}`,
  });
  const page = growthWithMessages(result([of(1000, 2), of(100_000, 3)]));
  assert.match(page, /100,000 messages over 1,000/);
  assert.match(page, /\| tail \| 1\.50 × \| 1\.00 × \| Index Scan 100000 \|/);
  assert.equal(growthWithMessages(result([of(1000, 2)])), '');
});
