import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '../config.js';
import { lockDataDir } from './data-dir-lock.js';

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'hubbub-lock-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Id of a process that has ended. */
function deadPid(): number {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return pid;
}

test('a directory that does not exist is made, and free again after it was given free', (t) => {
  const directory = join(directoryFor(t), 'a', 'b');
  const unlock = lockDataDir(directory);
  assert.equal(readdirSync(directory).length, 1);
  unlock();
  assert.deepEqual(readdirSync(directory), []);
  lockDataDir(directory)();
});

test('a directory of a running process is refused with a sentence that says what to do', (t) => {
  const directory = directoryFor(t);
  writeFileSync(join(directory, 'lock'), String(process.ppid));
  assert.throws(
    () => lockDataDir(directory),
    (error) =>
      error instanceof ConfigError &&
      error.message.startsWith('DATA_DIR: ') &&
      error.message.includes(directory) &&
      error.message.includes(`process ${process.ppid}`) &&
      error.message.includes('DATABASE_URL'),
  );
  assert.ok(existsSync(join(directory, 'lock')), 'the other one keeps it');
});

test('the lock of a process that was killed is taken over', (t) => {
  const directory = directoryFor(t);
  writeFileSync(join(directory, 'lock'), String(deadPid()));
  lockDataDir(directory)();
  assert.ok(!existsSync(join(directory, 'lock')));
});

test('a lock that names no process is taken over', (t) => {
  const directory = directoryFor(t);
  for (const text of ['', 'nonsense', '-1', '0', '1.5']) {
    writeFileSync(join(directory, 'lock'), text);
    lockDataDir(directory)();
  }
});

test('two programs never have one directory at a time', (t) => {
  const directory = directoryFor(t);
  const unlock = lockDataDir(directory);
  const module = JSON.stringify(new URL('./data-dir-lock.js', import.meta.url).href);
  const program = `import(${module}).then(({ lockDataDir }) => lockDataDir(process.argv[1]))
    .then(() => process.exit(0), (error) => process.exit(error.name === 'ConfigError' ? 7 : 1))`;
  const other = () => spawnSync(process.execPath, ['-e', program, directory]).status;
  assert.equal(other(), 7);
  unlock();
  assert.equal(other(), 0);
  lockDataDir(directory)();
});
