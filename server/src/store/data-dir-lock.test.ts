import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '../config.js';
import { lockDataDir } from './data-dir-lock.js';

const MODULE = JSON.stringify(new URL('./data-dir-lock.js', import.meta.url).href);
/** Exit code of a process that was refused. */
const REFUSED = 7;
const TAKE = `import(${MODULE}).then(({ lockDataDir }) => lockDataDir(process.argv[1]))
  .then(() => process.exit(0), (error) => process.exit(error.name === 'ConfigError' ? ${REFUSED} : 1))`;
const HOLD = `import(${MODULE}).then(({ lockDataDir }) => lockDataDir(process.argv[1]))
  .then(() => { console.log('held'); setInterval(() => {}, 1000); })`;

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'hubbub-lock-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Another process that takes the directory and ends. @returns its exit code */
function takeElsewhere(directory: string): number | null {
  return spawnSync(process.execPath, ['-e', TAKE, directory]).status;
}

/** Another process that holds the directory until it is killed. */
async function holdElsewhere(t: TestContext, directory: string): Promise<ChildProcess> {
  const holder = spawn(process.execPath, ['-e', HOLD, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  return holder;
}

function assertRefused(directory: string): void {
  assert.throws(
    () => lockDataDir(directory),
    (error) =>
      error instanceof ConfigError &&
      error.message.startsWith('DATA_DIR: ') &&
      error.message.includes(directory) &&
      error.message.includes('DATABASE_URL'),
  );
}

test('a directory that does not exist is made, and free again after it was given free', (t) => {
  const directory = join(directoryFor(t), 'a', 'b');
  const unlock = lockDataDir(directory);
  assert.deepEqual(readdirSync(directory), ['lock']);
  unlock();
  unlock();
  lockDataDir(directory)();
  assert.deepEqual(readdirSync(directory), ['lock']);
});

test('a directory of a running process is refused with a sentence that says what to do', async (t) => {
  const directory = directoryFor(t);
  const holder = await holdElsewhere(t, directory);
  assertRefused(directory);
  assertRefused(directory);
  // Being refused has not loosened it.
  assert.equal(takeElsewhere(directory), REFUSED);
  assert.equal(holder.exitCode, null);
});

test('the lock ends with its process, and an id that was given anew does not keep it', async (t) => {
  const directory = directoryFor(t);
  const holder = await holdElsewhere(t, directory);
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  lockDataDir(directory)();
});

test('what a crash or something else left under its name is no lock', (t) => {
  const directory = directoryFor(t);
  // An empty file; ids of running processes, this one and the first of a container among them; anything.
  for (const text of ['', String(process.ppid), String(process.pid), '1', 'nonsense '.repeat(200)]) {
    writeFileSync(join(directory, 'lock'), text);
    lockDataDir(directory)();
  }
});

test('two programs never have one directory at a time, nor one program twice', (t) => {
  const directory = directoryFor(t);
  const unlock = lockDataDir(directory);
  assert.equal(takeElsewhere(directory), REFUSED);
  assertRefused(directory);
  assert.equal(takeElsewhere(directory), REFUSED);
  unlock();
  assert.equal(takeElsewhere(directory), 0);
  lockDataDir(directory)();
});
