import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { PostgresServer } from './postgres.js';

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start({ settings: { work_mem: '5MB' } });
});
after(() => server.stop());

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a server takes its settings, and commits synchronously', async () => {
  const [row] = await query(
    server.url(),
    `select current_setting('work_mem') as memory, current_setting('synchronous_commit') as synchronous,
       current_setting('max_connections') as connections, lower('Ä') as lower`,
  );
  assert.deepEqual(row, { memory: '5MB', synchronous: 'on', connections: '300', lower: 'ä' });
});

test('databases are apart from each other, and are dropped under open connections', async () => {
  const one = await server.createDatabase();
  const other = await server.createDatabase();
  await query(one.url, 'create table only_here (id integer)');
  await assert.rejects(query(other.url, 'select id from only_here'), { code: '42P01' });

  const user = new pg.Client({ connectionString: one.url });
  user.on('error', () => {});
  await user.connect();
  await one.drop();
  await one.drop();
  await assert.rejects(query(one.url, 'select 1'), { code: '3D000' });
  await user.end();
  await other.drop();
});

test('committed data survives a kill and a restart on the same port', async () => {
  const database = await server.createDatabase();
  await query(database.url, 'create table kept as select 42 as answer');
  await server.kill9();
  await assert.rejects(query(database.url, 'select answer from kept'), { code: 'ECONNREFUSED' });
  await server.restart();
  assert.deepEqual(await query(database.url, 'select answer from kept'), [{ answer: 42 }]);
  await server.restart();
  assert.deepEqual(await query(database.url, 'select answer from kept'), [{ answer: 42 }]);
});
