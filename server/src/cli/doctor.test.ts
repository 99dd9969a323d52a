/** The doctor's parts that need no server: what it hides, and how it reads clocks and ports. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { readConfig } from '../config.js';
import { compareClocks } from './doctor/finding.js';
import { examineClockAlone } from './doctor/host.js';
import { examinePort } from './doctor/port.js';
import { redactor } from './doctor/redact.js';

test('words of others are shown without passwords, in whatever spelling, and without control characters', () => {
  const clean = redactor({
    DATABASE_URL: 'postgres://me:p%40ss@db/chat?sslpassword=of-the-key',
    REDIS_URL: 'redis+sentinel://:of-redis@a:1,b:2/main',
    METRICS_TOKEN: 'of-metrics',
  });
  const said = clean('p@ss p%40ss of-the-key of-redis of-metrics \u001b[2J me@db');
  assert.equal(said, '*** *** *** *** *** \\u001b[2J me@db');
  assert.equal(redactor({ DATABASE_URL: 'postgres://hubbub@db' })('hubbub'), 'hubbub');
});

test('clocks are compared with allowance for the time that the question took', () => {
  const read = (theirMs: number) => compareClocks('the database', { beforeMs: 10_000, afterMs: 15_000, theirMs });
  for (const close of [9000, 12_000, 16_000]) assert.equal(read(close).status, 'ok');
  assert.deepEqual([read(8000).status, read(8000).what], ['warning', '2.0 s ahead of that of the database']);
  assert.deepEqual([read(17_500).status, read(17_500).what], ['warning', '2.5 s behind that of the database']);
  assert.equal(read(50_000).status, 'failure');
  assert.equal(examineClockAlone().status, 'ok');
  assert.equal(examineClockAlone(0).status, 'failure');
});

test('a port is free, has a Hubbub on it, or something else that is named', async (t) => {
  let answer = 'I am something else';
  const other = createServer((_request, response) => response.end(answer)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const config = readConfig({ PORT: String(port) });
  const taken = await examinePort(config);
  assert.equal(taken.status, 'failure');
  if (process.platform === 'linux') assert.match(taken.what, new RegExp(`process ${process.pid}$`));
  answer = JSON.stringify({ status: 'ok', active_channels: 0 });
  assert.equal((await examinePort(config)).status, 'warning');
  assert.equal((await examinePort({ ...config, port: 0 })).status, 'ok');
  assert.match((await examinePort({ ...config, host: '203.0.113.1' })).what, /no address of this machine/);
});
