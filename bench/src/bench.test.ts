import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Child } from '@hubbub/test/support/processes.js';
import { METRICS } from './metrics.js';
import { readResults } from './results.js';

const MAIN = resolve(import.meta.dirname, 'main.js');
const LIMIT_MS = 600_000;

/**
 * Cases that a scenario must have measured, by a part of their name, and a figure without which they say nothing. The
 * scenarios that are not here load the machine until it is the limit, which a machine that runs other tests is at once.
 */
const EXPECTED = {
  generator: ['clients', 'generatorLimit'],
  room: ['saturating', 'deliveriesPerSecond'],
  lone: ['back to back', 'p50Ms'],
  storm: ['connections', 'currentSeconds'],
} as const;

test('scenarios run, small, and in none is a message lost', { timeout: LIMIT_MS }, async (t) => {
  const out = mkdtempSync(join(tmpdir(), 'hubbub-bench-test-'));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  const bench = await Child.start(process.execPath, [MAIN, ...Object.keys(EXPECTED), '--quick', '--out', out]);
  t.after(() => bench.stop());
  const exit = await bench.exited;
  await bench.outputEnded;
  assert.equal(exit.code, 0, bench.tail);

  const results = new Map(readResults(out).map((result) => [result.scenario, result]));
  assert.deepEqual([...results.keys()].sort(), Object.keys(EXPECTED).sort());
  for (const [name, [part, metric]] of Object.entries(EXPECTED)) {
    const { cases = [], quick } = results.get(name) ?? {};
    assert.equal(quick, true);
    const found = cases.filter((each) => each.name.includes(part));
    assert.ok(found.length > 0, `${name} has no case "${part}"`);
    for (const { runs } of found) assert.ok((runs[0]?.[metric] ?? 0) > 0, `${name} has no ${metric}`);
    for (const each of cases) {
      assert.equal(each.runs.length, 1, `${name}, ${each.name}, ${each.system}: one run`);
      for (const run of each.runs) {
        for (const [key, value] of Object.entries(run)) {
          assert.ok(key in METRICS && Number.isFinite(value), `${name}, ${each.name}: ${key} is ${value}`);
        }
        assert.equal(run.lost ?? 0, 0, `${name}, ${each.name}, ${each.system}: lost messages`);
        assert.equal(run.refused ?? 0, 0, `${name}, ${each.name}, ${each.system}: refused messages`);
        assert.equal(run.faults ?? 0, 0, `${name}, ${each.name}, ${each.system}: faults\n${bench.tail}`);
      }
    }
  }
  const compared = new Set(results.get('room')?.cases.map(({ system }) => system));
  assert.deepEqual(compared, new Set(['hubbub', 'raw ws', 'socket.io']));
});
