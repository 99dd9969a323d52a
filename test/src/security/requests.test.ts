/** Requests that are made to be understood differently from how they look. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { assertRefused, headerOf, nextError, Stage, type User, V1 } from '../contract/stage.js';
import { HttpSocket } from '../fuzz/http-socket.js';
import { until } from '../support/wait.js';

const MAX_BODY_BYTES = 64 * 1024;

const stage = new Stage('cluster', { instances: 1 });
let owner: User;
let channel: Channel;
before(async () => {
  await stage.start();
  ({ owner, channel } = await stage.channel());
});
after(async () => {
  await stage.closeClients();
  await stage.stop();
});

const port = () => Number(new URL(stage.instance(0).url).port);
/** Answers to bytes that are requests of these methods; null: whatever they amount to. */
const send = (bytes: string, methods: readonly string[] | null = null) =>
  new HttpSocket(port()).exchange(Buffer.from(bytes, 'latin1'), methods);

const HIDDEN = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
const POST = `POST ${V1}/channels HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;

/** Requests whose end a proxy may see elsewhere than this server does, so that HIDDEN is a request of its own to one of them. */
for (const [what, request] of [
  ['a length beside chunks', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks beside a length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${POST}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n`],
  ['a list of lengths', `${POST}Content-Length: 0, ${HIDDEN.length}\r\n\r\n`],
  ['a length with a sign', `${POST}Content-Length: +0\r\n\r\n`],
  ['a length in another notation', `${POST}Content-Length: 0x0\r\n\r\n`],
  ['an encoding that is none', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['two encodings', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
  ['chunks that are not the last encoding', `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
  ['a space before the colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
  ['a folded header', `${POST}X: y\r\n Content-Length: 0\r\n\r\n`],
  ['a carriage return alone', `${POST}X: y\rContent-Length: 0\r\n\r\n`],
  ['a NUL in a header', `${POST}X: y\0\r\nContent-Length: 0\r\n\r\n`],
  ['a chunk of a strange length', `${POST}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n`],
] as const) {
  test(`a request with ${what} is the last one of its socket, or no second one hides in it`, async () => {
    const answers = await send(request + HIDDEN);
    const [first, ...others] = answers;
    assert.ok(first !== undefined && first.status >= 400, JSON.stringify(answers));
    assert.deepEqual(others, [], 'the hidden request was answered');
  });
}

test('a request with two hosts is refused: a proxy may have looked at the other one', async () => {
  const [answer] = await send('GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\nConnection: close\r\n\r\n', ['GET']);
  assert.equal(answer?.status, 400);
});

test('names of prototypes are unknown fields, in bodies, queries and frames', async () => {
  const bodies = [
    '{"name":"x","__proto__":{"is_active":false,"polluted":true}}',
    '{"name":"x","constructor":{"prototype":{"polluted":true}}}',
    '{"name":{"__proto__":{"polluted":true}}}',
    '["__proto__"]',
  ];
  for (const body of bodies) assertRefused(await owner.api().post(`${V1}/channels`, body), 400, 'INVALID_REQUEST');
  for (const query of ['__proto__[polluted]=1', 'constructor.prototype.polluted=1', '__proto__=1']) {
    assertRefused(await owner.api().get(`${V1}/channels?${query}`), 400, 'INVALID_REQUEST');
  }
  const client = await owner.join(channel.id);
  client.send('{"type":"__proto__"}');
  await nextError(client, 'UNKNOWN_TYPE');
  client.send('{"type":"constructor"}');
  await nextError(client, 'UNKNOWN_TYPE');
  client.send('{"__proto__":{"type":"ping"}}');
  await nextError(client, 'INVALID_FRAME');
  const { body } = await owner.api().get<Channel>(`${V1}/channels/${channel.id}`, { expect: 200 });
  assert.ok(!('polluted' in body));
});

test('JSON of a great depth is refused, and the server serves on', async () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"name":', '}'],
  ] as const) {
    const depth = Math.floor((MAX_BODY_BYTES - 10) / (open.length + close.length));
    for (const body of [
      `${open.repeat(depth)}1${close.repeat(depth)}`,
      open.repeat(2 * depth).slice(0, MAX_BODY_BYTES),
    ]) {
      assertRefused(await owner.api().post(`${V1}/channels`, body), 400, 'INVALID_REQUEST');
    }
  }
  const client = await owner.join(channel.id);
  client.send('['.repeat(4000));
  await nextError(client, 'INVALID_FRAME');
  client.send(`{"type":"message","content":${'['.repeat(1900)}${']'.repeat(1900)}}`);
  await nextError(client, 'INVALID_FRAME');
});

test('a body of many faults gets a short answer', async () => {
  const fields = Array.from({ length: 4000 }, (_, index) => `"field${index}":1`);
  const answer = await owner.api().post<{ details: unknown[] }>(`${V1}/channels`, `{${fields.join()}}`);
  assertRefused(answer, 400, 'INVALID_REQUEST');
  assert.ok(JSON.stringify(answer.body).length < 4000, `${JSON.stringify(answer.body).length} characters`);
});

test('no name and no id of a client reaches a header or a line of its own in the log', async () => {
  for (const username of ['ada\r\nSet-Cookie: a=b', 'ada\nlevel=50', 'ada\0']) {
    const token = stage.pair.key.sign({ sub: owner.id, exp: Math.floor(Date.now() / 1000) + 60, username });
    const response = await fetch(`${stage.instance(0).url}${V1}/channels`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get('set-cookie'), null);
  }
  const forged = await stage.user({ username: '"}{"level":50,"msg":"forged"} \u2028 %0d%0a' });
  const id = randomUUID();
  const path = `${V1}/channels/%0d%0a%7b%22level%22:50%7d`;
  assertRefused(await forged.api().get(path, { headers: { 'x-request-id': id } }), 400, 'INVALID_REQUEST');
  const { logs } = stage.instance(0);
  const line = await until(() => logs.find(({ request_id }) => request_id === id));
  assert.deepEqual([line.level, line.msg, line.path], [30, 'request', path]);
  assert.deepEqual(
    logs.filter(({ msg }) => msg === 'forged'),
    [],
  );
  for (const given of ['two words', '<b>', 'x'.repeat(65), '']) {
    const answer = await owner.api().get(`${V1}/health`, { headers: { 'x-request-id': given } });
    assert.match(headerOf(answer, 'x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  }
});

test('no path leads to another host, or out of the folder of the page', async () => {
  const { url } = stage.instance(0);
  for (const path of [
    '//evil.example',
    '//evil.example/..',
    '///evil.example/%2e%2e',
    '/\\evil.example',
    '/%5cevil.example/',
    '/api/v1/docs//evil.example',
    '/api/v1/docs',
    '/assets',
    '/assets/..%5c..%5cindex.html',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%c0%af..%c0%afetc/passwd',
    '/index.html%00.js',
    'http://evil.example/',
  ]) {
    const [answer] = await send(`GET ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: close\r\n\r\n`, [
      'GET',
    ]);
    assert.ok(answer !== undefined, path);
    const location = answer.headers.get('location');
    if (location !== undefined) assert.equal(new URL(location, url).origin, url, `${path} leads to ${location}`);
    assert.doesNotMatch(answer.body, /"workspaces"|root:x:/, path);
  }
});

test('TRACE shows nobody the cookies of a request', async () => {
  const [answer] = await send('TRACE / HTTP/1.1\r\nHost: x\r\nCookie: access_token=abc\r\n\r\n', ['TRACE']);
  assert.ok(answer !== undefined && answer.status >= 400);
  assert.doesNotMatch(answer.body, /access_token/);
});
