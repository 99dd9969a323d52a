import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from './options.js';
import { describeFault, FAULT_KINDS, kindsOf, planFaults } from './schedule.js';

const options = { seed: 7, runMs: 120_000, instances: 3, faults: FAULT_KINDS };

test('the same seed gives the same schedule, and another seed another one', () => {
  assert.deepEqual(planFaults(options), planFaults(options));
  assert.notDeepEqual(planFaults(options), planFaults({ ...options, seed: 8 }));
});

test('a schedule has every kind, in order of time, over before the end, with calm between its storms', () => {
  for (let seed = 0; seed < 50; seed++) {
    const faults = planFaults({ ...options, seed });
    assert.deepEqual(new Set(faults.map(({ kind }) => kind)), new Set(FAULT_KINDS));
    let endMs = 0;
    let longestCalmMs = 0;
    for (const [index, { atMs, lastsMs, instance }] of faults.entries()) {
      assert.ok(atMs >= (faults[index - 1]?.atMs ?? 0));
      assert.ok(instance === null || instance < options.instances);
      longestCalmMs = Math.max(longestCalmMs, atMs - endMs);
      endMs = Math.max(endMs, atMs + lastsMs);
    }
    assert.ok(longestCalmMs >= 10_000, `the longest calm of seed ${seed} was ${longestCalmMs} ms`);
    assert.ok(endMs <= options.runMs, `seed ${seed} ends at ${endMs} ms`);
  }
});

test('no faults, no schedule', () => {
  assert.deepEqual(planFaults({ ...options, faults: [] }), []);
});

test('a name stands for a kind or for a group, and an unknown one is refused', () => {
  assert.deepEqual(kindsOf(['kill', 'link']), ['kill', 'link-cut', 'link-hole']);
  assert.throws(() => kindsOf(['meteor']), /There is no fault "meteor"/);
});

test('a fault is described with what it hits and for how long', () => {
  const fault = { kind: 'pg-delay', atMs: 1000, lastsMs: 2000, instance: null, amount: 50 } as const;
  assert.equal(describeFault(fault).trim(), '1.0 s  pg-delay, all instances, by 50 ms, for 2.0 s');
  assert.equal(describeFault({ ...fault, kind: 'pg-restart', lastsMs: 0 }).trim(), '1.0 s  pg-restart');
});

test('options have defaults, and a wrong one is named', () => {
  const { runMs, clients, actionsPerSecond, faults } = parseOptions(['--minutes', '2', '--faults', 'redis']);
  assert.deepEqual({ runMs, clients, actionsPerSecond }, { runMs: 120_000, clients: 300, actionsPerSecond: 50 });
  assert.ok(faults.every((kind) => kind.startsWith('redis-')));
  assert.deepEqual(parseOptions(['--faults', 'none']).faults, []);
  assert.throws(() => parseOptions(['--clients', 'many']), /--clients: found many/);
  assert.throws(() => parseOptions(['--what']), /--what/);
});
