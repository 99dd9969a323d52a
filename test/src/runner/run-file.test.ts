import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { describeFailures, describeFile, totalsOf } from './report.js';
import { type FileLimits, type FileResult, runFile } from './run-file.js';

const folder = mkdtempSync(join(tmpdir(), 'hubbub-run-file-'));
after(() => rmSync(folder, { recursive: true }));

const LIMITS: FileLimits = { testTimeoutMs: 20_000, silenceMs: 30_000, lingerMs: 30_000 };
const HEAD = `
  import assert from 'node:assert/strict';
  import { after, before, describe, test } from 'node:test';
`;
let files = 0;

/** Runs `code` as a test file. */
function run(
  code: string,
  limits: Partial<FileLimits> = {},
  signal = new AbortController().signal,
): Promise<FileResult> {
  const compiled = join(folder, `${++files}.test.mjs`);
  writeFileSync(compiled, HEAD + code);
  return runFile({ source: 'x.test.ts', compiled }, { GIVEN: 'yes' }, signal, { ...LIMITS, ...limits });
}

function outcomes({ results }: FileResult): [string, boolean][] {
  return results.map(({ path, error }) => [path.join(' > '), error === null]);
}

test('passed tests are counted once, however deep they are', async () => {
  const result = await run(`
    describe('outer', () => { describe('inner', () => { test('a', () => {}); }); test('b', () => {}); });
    test('environment', () => assert.equal(process.env.GIVEN, 'yes'));
  `);
  assert.deepEqual(outcomes(result), [
    ['outer > inner > a', true],
    ['outer > b', true],
    ['environment', true],
  ]);
  assert.deepEqual(totalsOf([result]), { passed: 3, failed: 0 });
  assert.equal(describeFailures([result]), '');
  assert.match(describeFile(result), /^x\.test\.ts \(.*\)\n {2}✔ outer > inner > a \(\d+ ms\)\n/);
});

test('a failure is told with its difference and place, without the insides of Node.js', async () => {
  const result = await run(`
    describe('outer', () => { test('a', () => assert.deepEqual({ x: [1, 2] }, { x: [1, 3] })); });
    console.log('said by the file');
  `);
  assert.deepEqual(outcomes(result), [['outer > a', false]]);
  const text = describeFailures([result]);
  assert.match(text, /x\.test\.ts: outer > a/);
  assert.match(text, /\+ {5}2\n.*- {5}3/);
  assert.match(text, /\.test\.mjs:\d+:\d+/);
  assert.doesNotMatch(text, /node:internal/);
  assert.match(describeFile(result), /\| said by the file/);
});

test('what is skipped or to be written fails', async () => {
  const result = await run("test.skip('a', () => {}); test.todo('b'); test('c', { skip: 'no Redis' }, () => {});");
  assert.deepEqual(totalsOf([result]), { passed: 0, failed: 3 });
});

test('a failed subtest and a failed hook count once each', async () => {
  const result = await run(`
    test('parent', async (t) => { await t.test('child', () => assert.fail('no')); });
    describe('suite', () => { after(() => { throw new Error('after') }); test('fine', () => {}); });
  `);
  assert.deepEqual(outcomes(result), [
    ['parent > child', false],
    ['suite > fine', true],
    ['suite', false],
  ]);
});

test('a test that hangs fails in time, and the others run', async () => {
  const result = await run("test('a', { timeout: 50 }, () => new Promise(() => {})); test('b', () => {});");
  assert.deepEqual(outcomes(result), [
    ['a', false],
    ['b', true],
  ]);
  assert.match(result.results[0]?.error ?? '', /timed out after 50ms/);
});

test('a file that breaks off, or holds no test, is a failure', async () => {
  const broken = await run("throw new Error('at load');");
  assert.deepEqual(totalsOf([broken]), { passed: 0, failed: 1 });
  assert.match(broken.problems[0] ?? '', /exit code 1/);
  assert.match(broken.output, /at load/);
  const empty = await run('');
  assert.deepEqual(empty.problems, ['It holds no test']);
  const died = await run(
    "test('a', () => {}); test('b', () => new Promise(() => setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)));",
  );
  assert.deepEqual(totalsOf([died]), { passed: 1, failed: 1 });
  assert.match(died.problems[0] ?? '', /killed by SIGKILL/);
});

test('an error after the end of its test is a failure', async () => {
  const result = await run(`
    test('a', () => { setTimeout(() => { throw new Error('late') }, 10) });
    test('b', () => new Promise((resolve) => setTimeout(resolve, 100)));
  `);
  assert.deepEqual(totalsOf([result]), { passed: 2, failed: 1 });
  assert.match(result.problems[0] ?? '', /asynchronous activity after the test ended.*late/s);
});

test('a file that leaves something open is killed, and is a failure', async () => {
  const result = await run("setInterval(() => {}, 1000); test('a', () => {});", { lingerMs: 300 });
  assert.deepEqual(totalsOf([result]), { passed: 1, failed: 1 });
  assert.match(result.problems[0] ?? '', /something was left open/);
});

test('a file that loops for ever is killed, and is a failure', async () => {
  const result = await run("test('a', () => {}); test('b', () => { for (;;); });", { silenceMs: 500 });
  assert.match(result.problems[0] ?? '', /nothing was heard/);
});

test('processes that a file leaves behind are killed, and are a failure', async () => {
  const result = await run(`
    import { spawn } from 'node:child_process';
    test('a', () => { spawn('sleep', ['100'], { stdio: 'ignore' }).unref(); });
  `);
  assert.deepEqual(totalsOf([result]), { passed: 1, failed: 1 });
  assert.match(result.problems[0] ?? '', /left processes running/);
});

test('an interruption ends a file at once', async () => {
  const interruption = new AbortController();
  setTimeout(() => interruption.abort(), 100);
  const result = await run("test('a', () => new Promise(() => {}));", {}, interruption.signal);
  assert.ok(result.durationMs < 10_000);
});
