/** `hubbub doctor`: what is right, what is wrong, and that it keeps secrets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import pg from 'pg';
import { testServerUrl } from '../support/pair.js';
import { createDatabase } from '../support/postgres.js';
import { RedisServer, reserveRedisDatabase } from '../support/redis.js';
import { TokenKey } from '../support/tokens.js';
import { hubbub } from './command.js';

const SECRET = 's3cret-of-mine';

/** @returns lines of a status, without it */
function linesOf(stdout: string, status: 'ok' | 'warning' | 'failure'): string {
  const lines = stdout.split('\n').filter((line) => line.startsWith(`${status} `));
  return lines.map((line) => line.replace(/ +/g, ' ')).join('\n');
}

describe('hubbub doctor', () => {
  test('finds a cluster right, and a schema that is still to be made', async (t) => {
    const database = await createDatabase(testServerUrl('HUBBUB_TEST_DATABASE_URL'));
    t.after(() => database.drop());
    const redis = await reserveRedisDatabase(testServerUrl('HUBBUB_TEST_REDIS_URL'));
    t.after(() => redis.drop());
    const { code, stdout, stderr } = await hubbub(['doctor'], {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      JWT_PRIVATE_KEY: new TokenKey().privatePem,
      METRICS_TOKEN: SECRET,
      WEBSOCKET_ALLOWED_ORIGINS: 'https://app.example.com',
      HOST: '127.0.0.1',
      PORT: '0',
    });
    assert.deepEqual([code, stderr], [0, ''], stdout);
    const fine = linesOf(stdout, 'ok');
    for (const expected of [
      /^ok Node\.js /m,
      /^ok open files \d+: about \d+ connections/m,
      /^ok configuration tokens are verified by the public half of JWT_PRIVATE_KEY$/m,
      /^ok database PostgreSQL 1[3-9]/m,
      /^ok database synchronous_commit is on$/m,
      /^ok schema version 0 of \d+; start brings up the other \d+$/m,
      /^ok schema postgres may migrate it$/m,
      /^ok clock within 1 s of that of the database$/m,
      /^ok Redis version \S+; Pub\/Sub is /m,
      /^ok Redis a message to oneself comes back /m,
      /^ok Redis maxmemory is not set/m,
      /^ok clock within 1 s of that of Redis$/m,
      /^ok port 127\.0\.0\.1, any free port$/m,
    ]) {
      assert.match(fine, expected);
    }
    // The test's own server saves the time that a disk takes.
    assert.match(
      linesOf(stdout, 'warning'),
      /^warning configuration CORS_ALLOWED_ORIGINS .*\nwarning database fsync is off.*$/,
    );
    assert.ok(!stdout.includes(SECRET) && !stdout.includes('PRIVATE KEY-'));
  });

  test('says of a database and a Redis that run what is dangerous about them, and what forbids a start', async (t) => {
    const adminUrl = testServerUrl('HUBBUB_TEST_DATABASE_URL');
    const database = await createDatabase(adminUrl);
    const role = `doctor_${process.pid}`;
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    t.after(async () => {
      await database.drop();
      const last = new pg.Client({ connectionString: adminUrl });
      await last.connect();
      await last.query(`drop role ${role}`);
      await last.end();
    });
    await admin.query(`create role ${role} login`);
    await admin.query(`alter role ${role} set synchronous_commit = off`);
    await admin.query('revoke create on schema public from public');
    await admin.query('create table schema_migrations (version bigint primary key, dirty boolean not null)');
    await admin.query('insert into schema_migrations values (999, false)');
    await admin.query(`grant select on schema_migrations to ${role}`);
    await admin.end();
    const redis = await RedisServer.start({
      settings: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru', requirepass: SECRET },
    });
    t.after(() => redis.stop());
    const url = new URL(database.url);
    url.username = role;
    const env = { DATABASE_URL: url.href, PORT: '0', JWT_PRIVATE_KEY: new TokenKey().privatePem };
    const [right, wrong] = await Promise.all([
      hubbub(['doctor'], { ...env, REDIS_URL: redis.url }),
      hubbub(['doctor'], { ...env, REDIS_URL: redis.url.replace(SECRET, `not-${SECRET}`) }),
    ]);
    assert.equal(right.code, 1, right.stdout + right.stderr);
    const failures = linesOf(right.stdout, 'failure').split('\n');
    assert.equal(failures.length, 3, right.stdout);
    assert.match(failures[0] ?? '', /synchronous_commit is off/);
    assert.match(failures[1] ?? '', /schema it has version 999/);
    assert.match(failures[2] ?? '', new RegExp(`${role} may not make tables in public`));
    assert.match(linesOf(right.stdout, 'warning'), /maxmemory-policy is allkeys-lru/);
    assert.match(wrong.stdout, /^failure +Redis .*WRONGPASS[^\n]*\n +Correct user and password/m);
    for (const { stdout, stderr } of [right, wrong]) assert.ok(!(stdout + stderr).includes(SECRET), stdout);
  });

  test('names what is not there, in the way or not to be written to, with what to do', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hubbub-doctor-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const port = String((other.address() as AddressInfo).port);
    const absent = '127.0.0.1:9';
    const unreachable = {
      DATABASE_URL: `postgres://me:${SECRET}@${absent}/chat?application_name=${SECRET}`,
      REDIS_URL: `redis://:${SECRET}@${absent}`,
      PORT: port,
    };
    // Root may write everywhere, except below a file.
    const dataDir = join(process.execPath, 'data');
    const [cluster, embedded, mistaken, fresh] = await Promise.all([
      hubbub(['doctor'], unreachable),
      hubbub(['doctor'], { DATA_DIR: dataDir, PORT: '0' }),
      hubbub(['doctor'], { PORT: 'http', DATABASE_URL: unreachable.DATABASE_URL }),
      hubbub(['doctor'], { DATA_DIR: join(folder, 'new'), PORT: '0' }),
    ]);
    assert.equal(cluster.code, 1);
    assert.match(
      cluster.stdout,
      /^failure +database +postgres:\/\/\*\*\*@127\.0\.0\.1:9\/chat\S*: .*ECONNREFUSED[^\n]*\n +Nobody listens/m,
    );
    assert.match(
      cluster.stdout,
      /^failure +Redis +redis:\/\/\*\*\*@127\.0\.0\.1:9: .*ECONNREFUSED[^\n]*\n +See that it runs/m,
    );
    assert.match(
      cluster.stdout,
      new RegExp(`^failure +port +127\\.0\\.0\\.1:${port} is taken by [^\\n]*\\n +End that`, 'm'),
    );
    assert.match(cluster.stdout, /^3 failures, /m);
    assert.equal(embedded.code, 1);
    assert.match(
      embedded.stdout,
      /^failure +DATA_DIR +\S+ cannot be written to: ENOTDIR[^\n]*\n +Give it to the user/m,
    );
    assert.equal(mistaken.code, 1);
    assert.match(mistaken.stdout, /^failure +configuration +PORT: found "http", allowed is [^\n]*\n +Nothing else/m);
    assert.equal(fresh.code, 0, fresh.stdout);
    assert.match(fresh.stdout, /will be made at the start/);
    assert.ok(!existsSync(join(folder, 'new')), 'it makes nothing');
    for (const { stdout, stderr } of [cluster, embedded, mistaken])
      assert.ok(!(stdout + stderr).includes(SECRET), stdout);
  });
});
