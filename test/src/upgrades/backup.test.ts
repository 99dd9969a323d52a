/** docs/backup.md is true: its commands are run as they stand, with clients that stay through them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { connect } from '@hubbub/client';
import type { Channel } from '@hubbub/protocol/rest.js';
import pg from 'pg';
import { WebSocket } from 'ws';
import { ResumingClient } from '../deploy/resuming-client.js';
import { findPostgres } from '../support/binaries.js';
import { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { testServerUrl } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { cleanEnvironment } from '../support/processes.js';
import { type RedisDatabase, reserveRedisDatabase } from '../support/redis.js';
import { api } from '../support/rest.js';
import { TokenKey, userClaims, userId } from '../support/tokens.js';
import { until } from '../support/wait.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const CHANNELS = '/api/v1/chat/channels';
const STAGE_TIMEOUT_MS = 60_000;
/** Messages before the backup, after it, and after the restore. */
const [KEPT, LOST, NEW] = [5, 4, 3];

describe('docs/backup.md', () => {
  const site = mkdtempSync(join(tmpdir(), 'hubbub-backup-'));
  after(() => rmSync(site, { recursive: true, force: true }));

  describe('with PostgreSQL', () => {
    const adminUrl = testServerUrl('HUBBUB_TEST_DATABASE_URL');
    const key = new TokenKey();
    const token = (name: string) => key.sign(userClaims(name));
    let database: TestDatabase;
    let redis: RedisDatabase;
    let places: Record<string, string>;
    let settings: Record<string, string>;

    before(async () => {
      database = await createDatabase(adminUrl);
      redis = await reserveRedisDatabase(testServerUrl('HUBBUB_TEST_REDIS_URL'));
      places = {
        ADMIN_URL: adminUrl,
        SITE: site,
        DATABASE: new URL(database.url).pathname.slice(1),
        OWNER: 'postgres',
        PORT_1: String(await freePort()),
        PORT_2: String(await freePort()),
        PATH: [findPostgres(), dirname(process.execPath), process.env.PATH].join(':'),
      };
      settings = {
        HOST: '127.0.0.1',
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        JWT_PUBLIC_KEY: key.publicPem,
        CHAT_RATE_LIMIT_PER_MINUTE: '0',
        DRAIN_SECONDS: '1',
      };
      const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"`);
      writeFileSync(join(site, 'hubbub.env'), lines.join('\n'));
    });
    after(async () => {
      for (const port of [places.PORT_1, places.PORT_2]) {
        const file = join(site, `hubbub-${port}.pid`);
        if (existsSync(file)) killIfRunning(Number(readFileSync(file, 'utf8')));
      }
      await database.drop();
      await runScript(`psql "$ADMIN_URL" -c "drop database if exists ${places.DATABASE}_before"`, places);
      await redis.drop();
    });

    // Where `start` and `stop` are told, and then used.
    const instances = blockOf('docs/operations.md', '4. Two instances');
    const functions = instances.replace(/^start .*\n/gm, '');
    const run = (commands: string) => runScript(`${functions}\n${commands}`, places);

    it('gives back what was there at the backup, and tells every client that it begins anew', async (t) => {
      await run(instances);
      const url = `http://127.0.0.1:${places.PORT_1}`;
      const ada = await token('ada');
      const created = await api(url, ada).post<Channel>(CHANNELS, { name: 'kept' }, { expect: 201 });
      const path = `${CHANNELS}/${created.body.id}`;
      const clients = [places.PORT_1, places.PORT_2].map(
        (port) => new ResumingClient({ url: `ws://127.0.0.1:${port}${path}/ws`, token: ada }),
      );
      const app = connect({ url, getToken: () => token('app'), WebSocket });
      t.after(() => {
        app.close();
        for (const client of clients) client.stop();
      });
      const channel = app.channel(created.body.id);
      const gaps: unknown[] = [];
      channel.on('gap', (gap) => gaps.push(gap));
      await channel.join();
      let sent = 0;
      const send = async (count: number, reached: number) => {
        for (let index = 0; index < count; index++) clients[index % clients.length]?.send(`message ${++sent}`);
        const everyone = () =>
          clients.every((each) => each.lastSeq === reached && each.pending === 0) && channel.lastSeq === reached;
        await until(everyone, { timeoutMs: 20_000, message: `everyone at ${reached}` });
      };
      await send(KEPT, KEPT);
      const victim = await ChatClient.connect({ url, path: `${path}/ws`, token: await token('mallory') });
      await victim.close();
      await api(url, ada).post(`${path}/ban`, { user_id: userId('mallory') }, { expect: 200 });
      const before = channel.epoch;

      await run(blockOf('docs/backup.md', 'Back up'));
      await send(LOST, KEPT + LOST);
      const far = { lastSeq: channel.lastSeq, epoch: channel.epoch };
      const printed = await run(blockOf('docs/backup.md', 'Restore'));
      assert.match(printed, /A new epoch has begun/);
      assert.match(printed, /Every trail holds/);

      const isBack = () => clients.every(({ lives, joined }) => lives === 1 && joined) && gaps.length > 0;
      await until(isBack, { timeoutMs: 30_000, message: 'everyone told of the new epoch' });
      await send(NEW, KEPT + NEW);
      const contents = [...Array(KEPT).keys()].map((index) => `message ${index + 1}`);
      contents.push(...[...Array(NEW).keys()].map((index) => `message ${KEPT + LOST + index + 1}`));
      // The order of messages of two senders is the server's.
      for (const client of clients) {
        assert.deepEqual(client.faults, []);
        assert.deepEqual(new Set(client.messages.map(({ content }) => content)), new Set(contents));
        assert.equal(client.messages.length, contents.length);
        assert.deepEqual(
          client.messages.map(({ message_id }) => message_id),
          clients[0]?.messages.map(({ message_id }) => message_id),
        );
      }
      assert.deepEqual(gaps, [{ afterSeq: 0, beforeSeq: 1 }]);
      assert.deepEqual(
        channel.timeline.get().messages.map(({ id }) => id),
        clients[0]?.messages.map(({ message_id }) => message_id),
      );
      const after = channel.epoch;
      assert.ok(after !== undefined && printed.includes(after));
      assert.notEqual(after, before);

      // One who was away all the time: his place is there again, and is another message's.
      assert.deepEqual(far, { lastSeq: KEPT + LOST, epoch: before });
      const late = await ChatClient.connect({
        url,
        path: `${path}/ws?epoch=${far.epoch}`,
        lastSeq: KEPT + 1,
        token: ada,
      });
      const { recovered, epoch, oldest_seq } = await late.next('subscribed');
      assert.deepEqual([recovered, epoch, oldest_seq], [false, after, 1]);
      await late.close();
    });

    it('needs no word from anybody when a dump is restored', async (t) => {
      const copy = await createDatabase(adminUrl);
      t.after(() => copy.drop());
      const restored = { ...settings, DATABASE_URL: copy.url };
      await runScript(`pg_restore --no-owner --exit-on-error --dbname="${copy.url}" "$SITE/hubbub.dump"`, places);
      const epoch = async () => (await query(copy.url, 'select epoch from site_state'))[0]?.epoch;
      const before = await epoch();
      const instance = await HubbubProcess.start(restored);
      t.after(() => instance.stop());
      assert.notEqual(await epoch(), before);
      assert.ok(instance.logs.some(({ msg }) => String(msg).startsWith('The database was restored from a dump')));
    });

    // By the two that the commands have started.
    it('is noticed by instances whose database is set back under them', async (t) => {
      const url = `http://127.0.0.1:${places.PORT_1}`;
      const ada = await token('ada');
      const created = await api(url, ada).post<Channel>(CHANNELS, { name: 'set back' }, { expect: 201 });
      const path = `${CHANNELS}/${created.body.id}`;
      const clients = [places.PORT_1, places.PORT_2].map(
        (port) => new ResumingClient({ url: `ws://127.0.0.1:${port}${path}/ws`, token: ada }),
      );
      t.after(() => {
        for (const client of clients) client.stop();
      });
      const reached = (seq: number) => until(() => clients.every((each) => each.lastSeq === seq && each.pending === 0));
      for (const content of ['one', 'two', 'three']) clients[0]?.send(content);
      await reached(3);
      await query(
        database.url,
        `with gone as (delete from chat_messages where channel_id = '${created.body.id}' and seq > 1)
         update chat_channels set last_seq = 1 where id = '${created.body.id}'`,
      );
      await until(() => clients.every(({ lives, joined }) => lives === 1 && joined), {
        timeoutMs: 30_000,
        message: 'the new life',
      });
      clients[1]?.send('four');
      await reached(2);
      for (const client of clients) {
        assert.deepEqual(
          client.messages.map(({ content }) => content),
          ['one', 'four'],
        );
        assert.deepEqual([client.faults, client.closes], [[], [1001]]);
      }
      const log = readFileSync(join(site, `hubbub-${places.PORT_1}.log`), 'utf8');
      assert.match(log, /"level":50,.*was set back/);
    });
  });

  it('gives back the folder of an embedded database', async () => {
    const data = join(site, 'embedded');
    mkdirSync(data);
    const places = { SITE: data, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    const env = { DATA_DIR: join(data, 'data') };
    const first = await HubbubProcess.start(env);
    const { body } = await api(first.url).post<{ token: string }>('/api/v1/dev/token', { username: 'ada' });
    const created = await api(first.url, body.token).post<Channel>(CHANNELS, { name: 'kept' }, { expect: 201 });
    await first.stop();
    await runScript(blockOf('docs/backup.md', 'Back up the folder'), places);
    const printed = await runScript(blockOf('docs/backup.md', 'Restore the folder'), places);
    assert.match(printed, /A new epoch has begun/);
    const second = await HubbubProcess.start(env);
    // The key is of the folder, so the token is still good.
    const joined = await ChatClient.connect({
      url: second.url,
      path: `${CHANNELS}/${created.body.id}/ws`,
      token: body.token,
    });
    const { epoch = 'none' } = await joined.next('subscribed');
    await joined.close();
    await second.stop();
    assert.ok(printed.includes(epoch));
  });
});

/** The commands under a heading of a document. */
function blockOf(document: string, heading: string): string {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const [, section = ''] = text.split(new RegExp(`^### ${heading}$`, 'm'));
  const block = /^```sh\n(.*?)^```$/ms.exec(section)?.[1];
  assert.ok(block !== undefined, `${document} has no commands under "${heading}"`);
  return block;
}

/** @returns what it printed. @throws when a command fails, with its output */
async function runScript(script: string, env: Readonly<Record<string, string>>): Promise<string> {
  const options = { cwd: ROOT, env: cleanEnvironment(env), timeout: STAGE_TIMEOUT_MS };
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], options);
  return stdout;
}

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function killIfRunning(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
}
