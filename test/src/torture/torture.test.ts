import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { check } from './checker.js';
import { figuresOf } from './figures.js';
import { describeFigures, describeViolations } from './report.js';
import { FAULT_KINDS } from './schedule.js';
import { copyServer, type Patch } from './server-copy.js';
import { torture } from './torture.js';

const MIB = 1024 * 1024;

interface RunOptions {
  readonly runMs: number;
  readonly faults?: typeof FAULT_KINDS;
  readonly patches?: readonly Patch[];
  /** Default: 20. */
  readonly actionsPerSecond?: number;
}

/** A short run on a copy of the server, so that a build that is made meanwhile does not disturb it. */
async function run({ runMs, faults, patches = [], actionsPerSecond = 20 }: RunOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-torture-'));
  try {
    const main = copyServer(folder, patches);
    const options = {
      runMs,
      instances: 3,
      clients: 30,
      channels: 6,
      seed: 20,
      faults: faults ?? [],
      actionsPerSecond,
    };
    return await torture({ ...options, json: null, main: null }, { main, folder, say: console.log });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('nothing is lost, doubled or out of order while everything breaks', { timeout: 240_000 }, async () => {
  const record = await run({ runMs: 28_000, faults: FAULT_KINDS });
  const figures = figuresOf(record);
  console.log(describeFigures(figures));
  const violations = check(record);
  assert.equal(violations.length, 0, describeViolations(record, violations));
  assert.ok(record.stored.actions.length >= 6, `only ${record.stored.actions.length} actions of moderators`);
  // The run was worth something: all of that has happened.
  assert.ok(figures.messages.acked > 200, `only ${figures.messages.acked} messages`);
  assert.ok(figures.messages.retried > 0 && figures.resumes.recovered > 30 && figures.resumes['from zero'] > 0);
  assert.ok(Object.keys(figures.faults).length >= 12, `only ${Object.keys(figures.faults).join(', ')}`);
  assert.ok(record.rssBytes.every((bytes) => process.platform !== 'linux' || bytes > 10 * MIB));
});

/** A bus that loses every sixth batch on its way to the others. */
const LOSSY_BUS: Patch = {
  file: 'bus-redis.js',
  from: '        this.onBatch(channelId, batch, atMs);\n        this.#send(channelId, batch);\n',
  to: '        this.onBatch(channelId, batch, atMs);\n        if (batch.firstSeq % 6 !== 5) this.#send(channelId, batch);\n',
};

/** Messages are stored under whatever version of the channel, and so under rights that have ended. */
const CARELESS: readonly Patch[] = [
  { file: 'store/messages.js', from: 'and access_version = $6\n', to: 'and $6::bigint is not null\n' },
  { file: 'store/messages.js', from: 'and c.access_version = w.version', to: 'and w.version is not null' },
  { file: 'rights.js', from: 'current?.version === version && current', to: 'current !== undefined && current' },
];

test('a journal that does not look at the version of the channel lets the muted write, and is found out', {
  timeout: 240_000,
}, async () => {
  const found = check(await run({ runMs: 15_000, patches: CARELESS, actionsPerSecond: 80 }));
  assert.ok(
    found.some(({ rule, text }) => rule === 'moderation' && /was committed at place/.test(text)),
    JSON.stringify(found.slice(0, 5)),
  );
});

test('a hub that passes on what comes early, instead of waiting for what is missing, is found out', async () => {
  const hasty: Patch = {
    file: 'channel-hub.js',
    from: '            this.#hold(batch);\n            return;\n',
    to: '',
  };
  const found = check(await run({ runMs: 6000, patches: [LOSSY_BUS, hasty] }));
  assert.ok(
    found.some(({ rule }) => rule === 'gap'),
    JSON.stringify(found.slice(0, 5)),
  );
});

test('a hub that passes on what it has passed on before is found out', async () => {
  const forgetful: Patch = {
    file: 'channel-hub.js',
    from: '        this.#accept(batchAfter(batch, this.#lastSeq), atMs);\n',
    to: '        this.#accept(batchAfter(batch, this.#lastSeq), atMs);\n        if (batch.firstSeq % 7 === 3) this.#tick.push(batch.frames);\n',
  };
  const found = check(await run({ runMs: 6000, patches: [forgetful] }));
  assert.ok(
    found.some(({ rule }) => rule === 'double'),
    JSON.stringify(found.slice(0, 5)),
  );
});
