/** PostgreSQL behind a pooler that leads each transaction to another of a few sessions. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { history, Stage, V1 } from '../contract/stage.js';
import { HubbubProcess } from '../support/hubbub.js';
import { testServerUrl } from '../support/pair.js';
import { PgBouncer } from '../support/pgbouncer.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { Crowd } from './crowd.js';

const POOL_SIZE = 2;
const WRITERS = 6;

let database: TestDatabase;
let postgresPort: number;
let direct: pg.Pool;
let pooler: PgBouncer;
let stage: Stage;
before(async () => {
  const serverUrl = testServerUrl('HUBBUB_TEST_DATABASE_URL');
  postgresPort = Number(new URL(serverUrl).port);
  database = await createDatabase(serverUrl);
  direct = new pg.Pool({ connectionString: database.url, max: 1 });
  // It counts as ended a moment before its connection has, which the drop of the database may cut off then.
  direct.on('error', () => {});
  pooler = await PgBouncer.start({ postgresPort, mode: 'transaction', poolSize: POOL_SIZE });
  // Both meet a new database at once, so the migrations go through the pooler, too.
  stage = new Stage('cluster', {
    databaseUrl: pooler.through(database.url),
    env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' },
  });
  await stage.start();
});
after(async () => {
  await stage.closeClients();
  await stage.stop();
  await pooler.stop();
  await direct.end();
  await database.drop();
});

async function timeoutSeenByOthers(): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: pooler.through(database.url) });
  await client.connect();
  try {
    return (await client.query<{ statement_timeout: string }>('show statement_timeout')).rows[0]?.statement_timeout;
  } finally {
    await client.end();
  }
}

test('two instances share two sessions of a pooler by transaction under load, and get over its restart', async (t) => {
  const crowd = await Crowd.start(stage, WRITERS);
  t.after(() => crowd.stop());
  const { channelId, owner } = crowd;
  const guest = await stage.user();
  await guest.join(channelId);
  await crowd.goOn(100);
  await owner.api().post(`${V1}/channels/${channelId}/mute`, { user_id: guest.id }, { expect: 200 });
  assert.equal((await history(owner, channelId, 'limit=100')).messages.length, 100);
  const sessions = await direct.query(
    'select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  assert.equal(sessions.rowCount, POOL_SIZE);
  assert.equal(await timeoutSeenByOthers(), '0', 'no setting is left behind for others');

  await pooler.restart();
  await crowd.goOn(100);
  await crowd.finish(direct);
  for (const text of ['behind a pooler', 'has no statement_timeout']) {
    for (const { logs } of stage.pair.instances) assert.ok(logs.some(({ msg }) => String(msg).includes(text)));
  }
});

test('a pooler by statement is refused at the start, in one sentence', async (t) => {
  const byStatement = await PgBouncer.start({ postgresPort, mode: 'statement', poolSize: POOL_SIZE });
  t.after(() => byStatement.stop());
  const started = HubbubProcess.start({ DATABASE_URL: byStatement.through(database.url) });
  await assert.rejects(started, /DATABASE_URL: .*\(.*statement pooling mode\)/);
});
