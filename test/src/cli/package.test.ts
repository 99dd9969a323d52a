/** The package: packed, installed by npx on a machine that has Node.js and nothing else, and walked as docs/command-line.md says. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findProgram } from '../support/binaries.js';
import { commandsOf } from '../support/document.js';
import { freePort } from '../support/ports.js';
import { Child, cleanEnvironment } from '../support/processes.js';
import { withTimeout } from '../support/wait.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const PACK = join(ROOT, 'server/dist/tools/pack.js');
const MAX_BYTES = 2 * 1024 * 1024;
const INSTALL_TIMEOUT_MS = 90_000;
const WALK_TIMEOUT_MS = 90_000;
/** What npm says where nobody answers, or nobody whom it may trust. */
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|CERT|ENOTCACHED|network/;

describe('the package @hubbub/server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-package-'));
  const home = join(folder, 'home');
  const cache = join(folder, 'cache');
  const work = join(folder, 'work');
  let tarball: string;
  let env: Record<string, string>;

  before(() => {
    for (const each of [home, cache, work]) mkdirSync(each);
    const npm = npmOfMachine();
    // What was downloaded once is good for this, too; the rest of the folder is this test's own.
    symlinkSync(join(npm.cache, '_cacache'), join(cache, '_cacache'));
    env = cleanEnvironment({
      PATH: [dirname(process.execPath), dirname(findProgram('npm') ?? ''), '/usr/bin', '/bin'].join(delimiter),
      HOME: home,
      ...npm.settings,
      npm_config_cache: cache,
      npm_config_prefer_offline: 'true',
      npm_config_fetch_retries: '1',
      npm_config_update_notifier: 'false',
    });
    tarball = execFileSync(process.execPath, [PACK, work], { env, encoding: 'utf8' }).trim();
  });
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

  it('is small, and holds what runs and nothing else', () => {
    const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
    for (const file of [
      'dist/hubbub.js',
      'migrations/000001_users.up.sql',
      'README.md',
      'LICENSE',
      'node_modules/@hubbub/protocol/dist/frames.js',
      'node_modules/@hubbub/client/dist/index.js',
      'node_modules/@hubbub/web/dist/site/index.html',
    ]) {
      assert.ok(files.includes(`package/${file}`), `${file} is missing`);
    }
    const surplus = files.filter((file) => /\.test\.|\.map$|\.tsx?$|tsbuildinfo|dist\/tools|\/src\//.test(file));
    assert.deepEqual(surplus, []);
    assert.ok(statSync(tarball).size < MAX_BYTES, `${statSync(tarball).size} bytes`);
  });

  it('runs by npx in an empty folder, and everything in docs/command-line.md works with it', {
    timeout: INSTALL_TIMEOUT_MS + WALK_TIMEOUT_MS,
  }, async (t) => {
    const installed = spawnSync('npx', ['--yes', `./${basename(tarball)}`, '--help'], {
      cwd: work,
      env,
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT_MS,
    });
    if (installed.status !== 0 && (installed.signal !== null || UNREACHABLE.test(installed.stderr))) {
      assert.fail(
        `The npm registry (${env.npm_config_registry}) cannot be reached, and the dependencies of the package come from it: ` +
          `see to it that this machine reaches it.\n${installed.stderr}`,
      );
    }
    assert.equal(installed.status, 0, installed.stderr);
    assert.match(installed.stdout, /^hubbub: self-hosted real-time chat server$/m);

    const [bin] = globSync('_npx/*/node_modules/.bin', { cwd: cache });
    assert.ok(bin !== undefined, 'npx keeps what it has installed');
    const walk = await Child.start('bash', ['-c', commands(await freePort())], {
      cwd: work,
      env: { ...env, PATH: `${join(cache, bin)}${delimiter}${env.PATH}` },
      ownGroup: true,
    });
    t.after(() => walk.stopGroup());
    const exit = await withTimeout(walk.exited, WALK_TIMEOUT_MS, () => `It takes too long:\n${walk.tail}`);
    await walk.outputEnded;
    assert.deepEqual(exit, { code: 0, signal: null }, walk.tail);
    for (const expected of [
      /^0 failures, 0 warnings, \d+ ok$/m,
      /^<title>Hubbub<\/title>$/m,
      /^\{"type":"message",.*"content":"one"/m,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}2 {2}ada: two$/m,
      /^delivered +(\d+) of \1\nlost +0\ndoubled +0$/m,
      /^The schema has version (\d+) of \1\.$/m,
      /^Every trail holds\.$/m,
    ]) {
      assert.match(walk.tail, expected);
    }
    const log = readFileSync(join(work, 'hubbub.log'), 'utf8');
    assert.match(log, /"migrations":\["users",/);
    assert.match(log, /Hubbub is ready at http:\/\/127\.0\.0\.1:\d+"/);
  });
});

/** How npm reaches its registry here. The empty machine has no settings of its own, and would not get through a proxy. */
function npmOfMachine(): { readonly cache: string; readonly settings: Record<string, string> } {
  // Those of the machine's own Node.js: the one that the workspace brings has no global settings.
  const own = (process.env.PATH ?? '').split(delimiter).filter((each) => !each.includes('node_modules'));
  const output = execFileSync('npm', ['config', 'ls', '--long', '--json'], {
    cwd: tmpdir(),
    env: cleanEnvironment({ PATH: own.join(delimiter) }),
    encoding: 'utf8',
  });
  const config: Record<string, unknown> = JSON.parse(output);
  const settings = ['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'].flatMap((name) => {
    const value = config[name];
    return value === null || value === undefined || value === '' ? [] : [[`npm_config_${name}`, String(value)]];
  });
  return { cache: String(config.cache), settings: Object.fromEntries(settings) };
}

/** The document's commands, on a port of the test's own. */
function commands(port: number): string {
  const script = commandsOf('docs/command-line.md');
  assert.match(script, /^export PORT=8080$/m);
  return `set -euo pipefail\n${script.replace('export PORT=8080', `export PORT=${port}`)}`;
}
