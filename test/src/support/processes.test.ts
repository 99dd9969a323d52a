import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Child, cleanEnvironment } from './processes.js';
import { until } from './wait.js';

const node = (code: string, options = {}) => Child.start(process.execPath, ['-e', code], options);

test('a child is waited for by a line of its output, and ends by a signal', async () => {
  const child = await node("console.log('one'); console.error('two: 42'); setInterval(() => {}, 1000)");
  const found = await child.waitForLine((line) => /two: (\d+)/.exec(line)?.[1], 10_000);
  assert.equal(found, '42');
  // The two streams are read apart, so the line of the other one may come later.
  await child.waitForLine((line) => line === 'one' || undefined, 10_000);
  assert.deepEqual(await child.stop(), { code: null, signal: 'SIGTERM' });
  assert.equal(child.ended, true);
  assert.deepEqual(await child.stop(), { code: null, signal: 'SIGTERM' }, 'stopping again changes nothing');
});

test('waiting for output fails as soon as the child ends, with what it wrote', async () => {
  const child = await node("console.error('no such file'); process.exit(3)");
  await assert.rejects(
    child.waitForLine(() => undefined, 10_000),
    /ended early \(exit code 3\):\n.*no such file/s,
  );
});

test('a child that does not listen to the polite signal is killed', async () => {
  const child = await node("process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)");
  await child.waitForLine((line) => line === 'up' || undefined, 10_000);
  assert.deepEqual(await child.stop('SIGTERM', 50), { code: null, signal: 'SIGKILL' });
});

test('a command that does not exist is an error at the start', async () => {
  await assert.rejects(Child.start('/no/such/program', []), /Cannot start \/no\/such\/program/);
});

test('a group ends with its grandchildren', async () => {
  const code = "require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore' }).unref()";
  const child = await node(code, { ownGroup: true });
  await child.exited;
  assert.equal(child.groupAlive, true);
  await child.stopGroup();
  await until(() => !child.groupAlive, { message: 'the end of the group' });
});

test('the channel is apart from the output', async () => {
  const lines: string[] = [];
  const child = await node("require('node:fs').writeSync(3, 'a\\nb'); console.log('out')", {
    onChannelLine: (line: string) => lines.push(line),
  });
  await child.outputEnded;
  assert.deepEqual(lines, ['a', 'b']);
  assert.equal(child.tail, 'out\n');
});

test('a clean environment holds what it was given, and nothing of this process but the bare needs', () => {
  const environment = cleanEnvironment({ PORT: '0', UNSET: undefined });
  assert.equal(environment.PORT, '0');
  assert.equal(environment.PATH, process.env.PATH);
  for (const name of Object.keys(environment)) assert.ok(['PATH', 'HOME', 'TMPDIR', 'PORT'].includes(name), name);
});
