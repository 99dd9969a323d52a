import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { ChatClient } from './chat-client.js';
import { requestUpgrade, UpgradeRefused } from './upgrade.js';

const pong = { type: 'pong' };
const draining = (wait: number) => ({ type: 'draining', retry_after_ms: wait });

/** Hands each connection to the test that opened it, and refuses those to /closed. */
const http = createServer();
const sockets = new WebSocketServer({ noServer: true });
let accepted: ((connection: { socket: WebSocket; request: IncomingMessage }) => void) | null = null;
let url: string;

before(async () => {
  http.on('upgrade', (request, socket, head) => {
    if (request.url === '/closed') {
      const body = '{"error":"No","code":"FORBIDDEN"}';
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nX-Request-Id: r1\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      // Before the client knows that it is open: this frame must not be lost.
      ws.send(JSON.stringify(draining(0)));
      accepted?.({ socket: ws, request });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});
after(() => {
  sockets.close();
  http.close();
  http.closeAllConnections();
});

async function open(options: Partial<Parameters<typeof ChatClient.connect>[0]> = {}) {
  const connection = new Promise<{ socket: WebSocket; request: IncomingMessage }>((resolve) => {
    accepted = resolve;
  });
  const client = await ChatClient.connect({ url, path: '/ws', ...options });
  const { socket, request } = await connection;
  return { client, request, socket, push: (frame: object) => socket.send(JSON.stringify(frame)) };
}

test('frames are taken in any order, each once, also those which came before', async () => {
  const { client, push } = await open();
  push(pong);
  push(draining(1));
  push(draining(2));
  assert.equal(
    (await client.next((frame) => frame.type === 'draining' && frame.retry_after_ms === 2)).type,
    'draining',
  );
  assert.equal((await client.next('draining')).retry_after_ms, 0);
  assert.equal((await client.next('draining')).retry_after_ms, 1);
  await client.next('pong');
  await assert.rejects(client.next('draining', 20), /No frame of type draining came within 20 ms. Of 4 frames/);
  assert.equal(client.frames.length, 4);
  await client.close();
});

test('a frame that should not come is reported, also when it is there already', async () => {
  const { client, push } = await open();
  await client.next('draining');
  await client.expectNone('draining', 20);
  push(pong);
  await assert.rejects(client.expectNone('pong', 2000), /should not have come: {"type":"pong"}/);
  await client.close();
});

test('a close ends every wait and tells code and reason', async () => {
  const { client, socket } = await open();
  const waiting = assert.rejects(client.next('pong'), /before the close \(4003 banned\)/);
  socket.close(4003, 'banned');
  assert.deepEqual(await client.closed, { code: 4003, reason: 'banned' });
  await waiting;
  assert.equal((await client.next('draining')).retry_after_ms, 0, 'what came before the close can still be taken');
});

test('a refused upgrade rejects with status, body and headers', async () => {
  await assert.rejects(ChatClient.connect({ url, path: '/closed' }), (error) => {
    assert.ok(error instanceof UpgradeRefused);
    assert.equal(error.status, 403);
    assert.deepEqual(error.body, { error: 'No', code: 'FORBIDDEN' });
    assert.equal(error.headers['x-request-id'], 'r1');
    return true;
  });
});

test('a server that is not there rejects the connection', async () => {
  await assert.rejects(ChatClient.connect({ url: 'http://127.0.0.1:1', path: '/ws' }), /ECONNREFUSED/);
});

test('the token travels as it was asked for', async () => {
  const bearer = `auth.bearer.${Buffer.from('a.b.c').toString('base64url')}`;
  for (const [auth, header, value] of [
    ['header', 'authorization', 'Bearer a.b.c'],
    ['cookie', 'cookie', 'access_token=a.b.c'],
    ['subprotocol', 'sec-websocket-protocol', bearer],
    ['subprotocol-pair', 'sec-websocket-protocol', `hubbub.v1,${bearer}`],
  ] as const) {
    const { client, request } = await open({ token: 'a.b.c', auth, origin: 'https://chat.example', lastSeq: 7 });
    assert.equal(request.headers[header], value);
    assert.equal(request.headers.origin, 'https://chat.example');
    assert.equal(request.url, '/ws?last_seq=7');
    await client.close();
  }
});

test('a frame that breaks the contract fails the next wait', async () => {
  const { client, push } = await open();
  push({ type: 'draining' });
  await assert.rejects(client.next('pong'), /breaks the contract.*retry_after_ms/);
  await client.close();
  const other = await open();
  other.push({ type: 'surprise' });
  await assert.rejects(other.client.next('pong'), /unknown type/);
  await other.client.close();
});

test('a paused client takes nothing, and all of it after it resumes', async () => {
  const { client, push } = await open();
  await client.next('draining');
  client.pause();
  push(pong);
  await client.expectNone('pong', 50);
  client.resume();
  await client.next('pong');
  await client.close();
});

test('what the client sends arrives as text, and bytes as binary', async () => {
  const { client, socket } = await open();
  const received: [string, boolean][] = [];
  const both = new Promise<void>((resolve) => {
    socket.on('message', (data, isBinary) => {
      if (received.push([String(data), isBinary]) === 3) resolve();
    });
  });
  client.send({ type: 'ping' });
  client.send('{');
  client.send(Buffer.from('bytes'));
  await both;
  assert.deepEqual(received, [
    ['{"type":"ping"}', false],
    ['{', false],
    ['bytes', true],
  ]);
  await client.cut();
  assert.equal((await client.closed).code, 1006);
});

test('an upgrade by hand tells the answer, whatever it is', async () => {
  const agreed = await requestUpgrade(`${url}/ws`, { Cookie: 'access_token=a.b.c' });
  assert.equal(agreed.status, 101);
  const refused = await requestUpgrade(`${url}/closed`);
  assert.equal(refused.status, 403);
  assert.deepEqual(refused.body, { error: 'No', code: 'FORBIDDEN' });
});
