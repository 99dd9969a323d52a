/** docs/operations.md is true: its commands for one host are run as they stand, on places of the test's own. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findNginx, findPostgres, findPrometheus } from '../support/binaries.js';
import { commandsOf } from '../support/document.js';
import { testServerUrl } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { Child, cleanEnvironment } from '../support/processes.js';
import { reserveRedisDatabase } from '../support/redis.js';
import { until, withTimeout } from '../support/wait.js';
import { ROOT } from './files.js';

const TIMEOUT_MS = 110_000;
/** What the runner has done already. */
const DONE = /^npm (ci|run build)$/gm;

describe('docs/operations.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-operations-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('leads from nothing to a cluster that is watched, and is restarted without a break', async (t) => {
    const redis = await reserveRedisDatabase(testServerUrl('HUBBUB_TEST_REDIS_URL'));
    t.after(() => redis.drop());
    const adminUrl = testServerUrl('HUBBUB_TEST_DATABASE_URL');
    const script = commands({
      ADMIN_URL: adminUrl,
      DATABASE_ADDRESS: new URL(adminUrl).host,
      REDIS_URL: redis.url,
      SITE: join(folder, 'site'),
      PORT_1: await freePort(),
      PORT_2: await freePort(),
      HTTP_PORT: await freePort(),
      HTTPS_PORT: await freePort(),
      PROMETHEUS_PORT: await freePort(),
    });
    const nginxPidFile = join(folder, 'site/nginx.pid');
    const path = join(folder, 'walk.sh');
    writeFileSync(path, script);
    const programs = [findPostgres(), dirname(findNginx() ?? ''), dirname(findPrometheus() ?? ''), process.env.PATH];
    const walk = await Child.start('bash', ['-x', path], {
      cwd: ROOT,
      env: cleanEnvironment({ PATH: programs.join(':') }),
      ownGroup: true,
    });
    t.after(async () => {
      await walk.stopGroup();
      endNginx(nginxPidFile);
    });
    const exit = await withTimeout(walk.exited, TIMEOUT_MS, () => `It takes too long:\n${walk.tail}`);
    assert.deepEqual(exit, { code: 0, signal: null }, walk.tail);
    // The last that is asked for: one message before the restarts, and one during each.
    assert.match(walk.tail, /"seq":1\n"seq":2\n"seq":3\n/);
    assert.ok(!walk.groupAlive, 'everything that was started has ended');
    await until(() => !existsSync(nginxPidFile), { message: 'the end of nginx' });
  });
});

/** A server that puts itself into the background is in no group, and removes this file when it ends. */
function endNginx(pidFile: string): void {
  if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM');
}

/** The document's commands; its exports have other values. */
function commands(places: Readonly<Record<string, string | number>>): string {
  let script = commandsOf('docs/operations.md');
  assert.equal(script.match(DONE)?.length, 2);
  script = script.replaceAll(DONE, ':');
  for (const [name, value] of Object.entries(places)) {
    const assignment = new RegExp(`^(export .*?\\b${name}=)\\S+`, 'm');
    assert.match(script, assignment);
    script = script.replace(assignment, `$1${value}`);
  }
  return `set -euo pipefail\n${script}`;
}
