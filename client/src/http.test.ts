/** REST calls of a client: what is sent, and what failures become. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type Client, connect } from './client.js';
import { HubbubClientError } from './errors.js';
import { CHANNEL_ID, FakeSocket, idOf, settled } from './fake-socket.js';
import { baseUrl } from './http.js';
import { Moderation } from './moderation.js';
import { Site } from './site.js';

interface Request {
  readonly method: string | undefined;
  readonly url: string;
  readonly token: string | null;
  readonly body: string | null;
}

const requests: Request[] = [];
const clients: Client[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** A client whose requests are answered in turn; the last answer stays. */
function clientOf(...answers: ((signal?: AbortSignal | null) => Response | Promise<Response>)[]): Client {
  requests.length = 0;
  let tokens = 0;
  const client = connect({
    url: 'ws://server/',
    getToken: () => `token-${++tokens}`,
    WebSocket: FakeSocket,
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers);
      const body = typeof init?.body === 'string' ? `${headers.get('content-type')} ${init.body}` : null;
      requests.push({ method: init?.method, url: String(url), token: headers.get('authorization'), body });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      init?.signal?.throwIfAborted();
      return (answer ?? ok)(init?.signal);
    },
  });
  clients.push(client);
  return client;
}

function ok(): Response {
  return Response.json({ answered: true });
}

async function failure(promise: Promise<unknown>): Promise<HubbubClientError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof HubbubClientError)) throw error;
  return error;
}

test('addresses of servers', () => {
  assert.equal(baseUrl('wss://chat.example/'), 'https://chat.example');
  assert.equal(baseUrl(new URL('http://localhost:8080/chat//?x#y')), 'http://localhost:8080/chat');
  assert.throws(() => baseUrl('chat.example'), TypeError);
});

test('a request bears the token, its query and its body', async () => {
  const { rest } = clientOf(ok);
  assert.deepEqual(await rest.listChannels({ q: 'a&b', limit: 2, type: undefined }), { answered: true });
  await rest.updateChannel('c/../d', { description: null });
  assert.deepEqual(requests, [
    { method: 'GET', url: 'http://server/api/v1/chat/channels?q=a%26b&limit=2', token: 'Bearer token-1', body: null },
    {
      method: 'PATCH',
      url: 'http://server/api/v1/chat/channels/c%2F..%2Fd',
      token: 'Bearer token-1',
      body: 'application/json {"description":null}',
    },
  ]);
});

test('a refused token is replaced once, for all who were refused with it', async () => {
  const refused = () => Response.json({ error: 'no', code: 'UNAUTHORIZED' }, { status: 401 });
  const { rest } = clientOf(refused, refused, ok);
  await Promise.all([rest.getChannel(CHANNEL_ID), rest.getRole(CHANNEL_ID)]);
  assert.deepEqual(
    requests.map(({ token }) => token),
    ['Bearer token-1', 'Bearer token-1', 'Bearer token-2', 'Bearer token-2'],
  );
  const error = await failure(clientOf(refused).rest.getChannel(CHANNEL_ID));
  assert.deepEqual([error.code, error.status, requests.length], ['UNAUTHORIZED', 401, 2]);
});

test('a refusal has its code, sentence, details and wait', async () => {
  const details = [{ field: 'name', message: 'is too long' }];
  const body = { error: 'Invalid body', code: 'INVALID_REQUEST', details };
  const first = await failure(clientOf(() => Response.json(body, { status: 400 })).rest.createChannel({ name: 'x' }));
  assert.deepEqual([first.code, first.message, first.details], ['INVALID_REQUEST', 'Invalid body', details]);
  assert.equal(first.retryAfterMs, null);
  const limited = () =>
    Response.json({ error: 'slow', code: 'RATE_LIMITED' }, { status: 429, headers: { 'retry-after': '3' } });
  assert.equal((await failure(clientOf(limited).rest.getChannel(CHANNEL_ID))).retryAfterMs, 3000);
  const page = () => new Response('<h1>Bad gateway</h1>', { status: 502 });
  assert.equal((await failure(clientOf(page).rest.getChannel(CHANNEL_ID))).code, 'HTTP_502');
});

test('a server out of reach is NETWORK; who does not wait any more gets his own reason', async () => {
  const away = () => Promise.reject(new TypeError('fetch failed'));
  const error = await failure(clientOf(away).rest.getChannel(CHANNEL_ID));
  assert.equal(error.code, 'NETWORK');
  assert.ok(error.cause instanceof TypeError);
  const signal = AbortSignal.abort(new Error('the reader went on'));
  await assert.rejects(clientOf(ok).rest.getChannel(CHANNEL_ID, { signal }), { message: 'the reader went on' });
  const waiting = new AbortController();
  const never = clientOf(
    (signal) => new Promise<Response>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  ).rest.getChannel(CHANNEL_ID, { signal: waiting.signal });
  await settled();
  waiting.abort(new Error('enough'));
  await assert.rejects(never, { message: 'enough' });
});

test('the routes of moderators and site admins', async () => {
  const asked = clientOf(ok);
  const moderation = new Moderation(asked);
  const site = new Site(asked);
  const body = { user_id: idOf(1), reason: 'spam' };
  await moderation.ban('c', body);
  await moderation.unban('c', 'u');
  await moderation.timeOut('c', { ...body, duration_minutes: 5 });
  await moderation.clearMessages('c', 'u', { since_minutes: 10 });
  await moderation.listLog('c', { action: 'ban', page: 2 });
  assert.equal((await moderation.exportLog('c', { format: 'csv' })).status, 200);
  await site.suspendUser('u');
  await site.stats();
  assert.deepEqual(
    requests.map(({ method, url }) => `${method} ${url.replace('http://server/api/v1/chat', '')}`),
    [
      'POST /channels/c/ban',
      'DELETE /channels/c/ban/u',
      'POST /channels/c/timeout',
      'DELETE /channels/c/users/u/messages',
      'GET /channels/c/moderation-log?action=ban&page=2',
      'GET /channels/c/moderation-log/export?format=csv',
      'POST /users/u/suspend',
      'GET /stats',
    ],
  );
});

test('history goes back a page at a time, only when it is asked for', async () => {
  const message = (seq: number) => ({ seq });
  const page = (from: number, to: number, cursor: string | null) => () =>
    Response.json({ messages: Array.from({ length: to - from + 1 }, (_, index) => message(from + index)), cursor });
  const pages = () => [page(7, 9, 'c'), page(4, 6, 'c'), page(1, 3, null)];
  const channel = clientOf(...pages()).channel(CHANNEL_ID);
  const read: number[][] = [];
  for await (const messages of channel.history({ limit: 3 })) {
    read.push(messages.map(({ seq }) => seq));
    assert.equal(requests.length, read.length);
  }
  assert.deepEqual(read, [
    [7, 8, 9],
    [4, 5, 6],
    [1, 2, 3],
  ]);
  assert.ok(requests[1]?.url.endsWith('/messages?before_seq=7&limit=3'));

  const part: number[] = [];
  for await (const messages of clientOf(...pages())
    .channel(CHANNEL_ID)
    .history({ afterSeq: 5, beforeSeq: 10 })) {
    part.unshift(...messages.map(({ seq }) => seq));
  }
  assert.deepEqual(part, [6, 7, 8, 9]);
  assert.equal(requests.length, 2);
});
