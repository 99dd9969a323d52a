import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from '@redis/client';
import { RedisServer, reserveRedisDatabase } from './redis.js';

let server: RedisServer;
before(async () => {
  server = await RedisServer.start();
});
after(() => server.stop());

async function command(url: string, ...args: string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.sendCommand(args);
  } finally {
    client.destroy();
  }
}

test('reserved databases differ, and are emptied', async () => {
  const one = await reserveRedisDatabase(server.url);
  const other = await reserveRedisDatabase(server.url);
  assert.notEqual(one.url, other.url);
  await command(one.url, 'SET', 'key', 'value');
  assert.equal(await command(other.url, 'GET', 'key'), null);
  await one.drop();
  assert.equal(await command(one.url, 'GET', 'key'), null);
});

test('a killed server comes back on its port, empty', async () => {
  const { url } = server;
  await command(url, 'SET', 'key', 'value');
  await server.kill9();
  await assert.rejects(command(url, 'PING'), { code: 'ECONNREFUSED' });
  await server.restart();
  assert.equal(server.url, url);
  assert.equal(await command(url, 'GET', 'key'), null);
});
