import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { Connection, type ConnectionHandlers } from './connection.js';
import { HubbubError } from './errors.js';
import { FanOut } from './fan-out.js';
import type { Identity } from './identity.js';
import { Metrics } from './metrics.js';

const metrics = new Metrics({ channelLabel: true });
const HOUR_MS = 3_600_000;
const ENDS: (() => void)[] = [];
afterEach(() => {
  for (const end of ENDS.splice(0)) end();
});

function identity(expiresAtMs = Date.now() + HOUR_MS): Identity {
  return {
    userId: '11111111-0000-4000-8000-000000000000',
    username: 'ada',
    displayName: null,
    avatarUrl: null,
    role: 'user',
    tokenId: null,
    issuedAtMs: null,
    expiresAtMs,
  };
}

/** A connection over a real socket, its client, and what its handlers heard. */
async function open(options: ClientOptions = {}, who = identity()) {
  const heard: string[] = [];
  const handlers: ConnectionHandlers = {
    onFrame: (_connection, text) => void heard.push(text),
    onEvent: () => {},
    onAccess: () => {},
    onStanding: () => {},
    onEnded: () => void heard.push('ended'),
    onClosed: () => void heard.push('closed'),
    onErrorSent: () => {},
    onSlow: () => void heard.push('slow'),
  };
  const webSockets = new WebSocketServer({ noServer: true });
  const http = createServer();
  const { promise, resolve } = Promise.withResolvers<{
    connection: Connection;
    socket: Socket;
    webSocket: WebSocket;
  }>();
  http.on('upgrade', (request, stream, head) => {
    const socket = stream as Socket;
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const fanOut = new FanOut(metrics);
      resolve({
        connection: new Connection({
          webSocket,
          socket,
          identity: who,
          onlyChannelId: null,
          trace: null,
          fanOut,
          handlers,
        }),
        socket,
        webSocket,
      });
    });
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, options);
  ENDS.push(() => {
    client.terminate();
    http.close();
    webSockets.close();
  });
  const frames: string[] = [];
  client.on('message', (data) => frames.push(String(data)));
  await once(client, 'open');
  return { ...(await promise), client, frames, heard };
}

test('a half-open connection is asked for a sign of life after 25 s and ended after 60 s without one', async () => {
  const { connection, client, heard } = await open({ autoPong: false });
  const start = Date.now();
  const pinged = once(client, 'ping');
  connection.sweep(start + 25_001);
  await pinged;
  connection.sweep(start + 59_000);
  assert.deepEqual(heard, []);
  const gone = once(client, 'close');
  connection.sweep(Date.now() + 60_001);
  assert.equal((await gone)[0], 1006);
  assert.deepEqual(heard, ['ended', 'closed']);
});

test('an answer to a ping is a sign of life, and so is any frame', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { connection, webSocket, client, heard } = await open();
  const live = (ms: number) => {
    t.mock.timers.tick(ms);
    connection.sweep(Date.now());
  };
  const answered = once(webSocket, 'pong');
  live(26_000);
  await answered;
  live(59_000);
  assert.equal(connection.closed, false);
  client.send('anything');
  while (heard.length === 0) await turn();
  live(59_000);
  assert.equal(connection.closed, false);
  live(2000);
  assert.deepEqual(heard.slice(0, 1), ['anything']);
  await once(client, 'close');
});

test('the end of a token is announced once, 60 s ahead; a fresh token puts it off; then it closes with 4001', async () => {
  const start = Date.now();
  const { connection, client, frames } = await open({}, identity(start + 90_000));
  connection.sweep(start + 29_000);
  for (const at of [30_500, 31_500, 40_000]) connection.sweep(start + at);
  while (frames.length === 0) await turn();
  assert.deepEqual(JSON.parse(frames[0] ?? ''), {
    type: 'token_expiring',
    expires_at: new Date(start + 90_000).toISOString(),
  });
  connection.renew(identity(start + 100_000));
  connection.sweep(start + 41_000);
  while (frames.length === 1) await turn();
  connection.sweep(start + 42_000);
  const closed = once(client, 'close');
  // A sweep that comes a little late, and before the connection counts as dead.
  connection.renew(identity(start + 45_000));
  connection.sweep(start + 45_000);
  assert.equal((await closed)[0], 4001);
  assert.equal(frames.length, 2);
});

test('one who takes nothing for 30 s is closed as too slow, and sees why once he reads', async () => {
  const { connection, socket, client, heard } = await open();
  client.pause();
  const frames = Buffer.concat([Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 3, 0, 0]), Buffer.alloc(3 * 65_536, 0x61)]);
  while (socket.writableLength === 0) {
    connection.push(frames);
    await turn();
    await turn();
  }
  const start = Date.now();
  connection.sweep(start);
  connection.sweep(start + 29_000);
  assert.deepEqual(heard, []);
  connection.sweep(start + 30_001);
  assert.deepEqual(heard, ['slow', 'ended']);
  client.resume();
  assert.equal((await once(client, 'close'))[0], 4008);
});

test('a hundred refusals at once are borne, one more closes with 4029; failures of the server do not count', async () => {
  const { connection, client, frames } = await open();
  for (let n = 0; n < 500; n++) connection.sendError(new HubbubError('UNAVAILABLE'), null);
  for (let n = 0; n < 100; n++) connection.sendError(new HubbubError('EMPTY_MESSAGE'), null);
  assert.equal(connection.closed, false);
  const closed = once(client, 'close');
  for (let n = 0; n < 3; n++) connection.sendError(new HubbubError('EMPTY_MESSAGE'), null);
  assert.equal((await closed)[0], 4029);
  assert.ok(frames.length > 600, 'everything said before is read');
});
