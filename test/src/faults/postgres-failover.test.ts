/** A PostgreSQL that is replaced by its standby in the middle of a conversation. */
import { after, afterEach, before, test } from 'node:test';
import pg from 'pg';
import { Stage } from '../contract/stage.js';
import { PostgresServer } from '../support/postgres.js';
import { TcpLink } from '../support/tcp-link.js';
import { until } from '../support/wait.js';
import { Crowd } from './crowd.js';

const WRITERS = 4;
const ENV = { CHAT_RATE_LIMIT_PER_MINUTE: '0' };

let first: PostgresServer;
let second: PostgresServer;
/** What the second follows the first over. */
let replication: TcpLink;
before(async () => {
  first = await PostgresServer.start();
  replication = await TcpLink.listen(first.port);
  second = await first.standby(replication.port);
  await first.makeSynchronous();
});
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
after(async () => {
  await replication.close();
  await Promise.all([first.stop(), second.stop()]);
});

/** Two instances, with a crowd that has begun to talk. */
async function begin(databaseUrl: string): Promise<Crowd> {
  const stage = new Stage('cluster', { databaseUrl, env: ENV });
  cleanups.push(() => stage.stop());
  await stage.start();
  const crowd = await Crowd.start(stage, WRITERS);
  cleanups.push(async () => crowd.stop());
  cleanups.push(() => stage.closeClients());
  await crowd.goOn(50);
  return crowd;
}

function poolOf(server: PostgresServer, name: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url(name), max: 1 });
  pool.on('error', () => {});
  cleanups.push(() => pool.end());
  return pool;
}

async function newDatabase(server: PostgresServer): Promise<string> {
  return new URL((await server.createDatabase()).url).pathname.slice(1);
}

test('of two hosts the standby is promoted when the primary is killed, and what was acknowledged is there', async () => {
  const name = await newDatabase(first);
  const hosts = [second, first].map(({ port }) => `127.0.0.1:${port}`).join(',');
  const crowd = await begin(`postgres://postgres@${hosts}/${name}?target_session_attrs=read-write`);

  replication.blackHole();
  await until(
    async () => {
      const { acknowledged, sent } = crowd;
      await until(() => crowd.sent > sent + 50);
      return crowd.acknowledged === acknowledged;
    },
    { timeoutMs: 15_000, message: 'what the standby does not have to be acknowledged no more' },
  );
  await first.kill9();
  await second.promote();
  await crowd.goOn(50);
  await crowd.finish(poolOf(second, name));
});

test('behind one name another server takes over while connections to the old one, which only reads now, stay open', async () => {
  const third = await second.standby();
  cleanups.push(() => third.stop());
  await second.makeSynchronous();
  const name = await newDatabase(second);
  const link = await TcpLink.listen(second.port);
  cleanups.push(() => link.close());
  const crowd = await begin(`postgres://postgres@127.0.0.1:${link.port}/${name}`);

  const old = poolOf(second, name);
  await old.query('alter system set default_transaction_read_only = on');
  await old.query('select pg_reload_conf()');
  await until(() => crowd.refusals.length > 0, { message: 'senders to be told to retry' });
  await third.promote();
  link.target = third.port;
  await crowd.goOn(50);
  await until(
    async () => {
      const clients = "select from pg_stat_activity where application_name = 'hubbub' and datname = current_database()";
      return (await old.query(clients)).rowCount === 0;
    },
    { message: 'all connections to the old one to be given up' },
  );
  await crowd.finish(poolOf(third, name));
});
