import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { api } from './rest.js';

const document = {
  paths: {
    '/api/v1/chat/echo': {
      post: { responses: { 200: { content: { 'application/json': { schema: { required: ['body'] } } } } } },
      get: { responses: { 200: { content: { 'application/json': { schema: { type: 'string' } } } } } },
    },
  },
};

async function echo(request: IncomingMessage): Promise<unknown> {
  if (request.url === '/api/v1/openapi.json') return document;
  const { authorization, 'content-type': contentType } = request.headers;
  return request.method === 'POST' ? { authorization, contentType, body: await json(request) } : { not: 'a string' };
}

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(await echo(request)));
});
let url: string;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

test('a call sends JSON and the token, and gives the parsed answer', async () => {
  const answer = await api(url, 'secret').post('/api/chat/echo?x=1', { a: 1 }, { expect: 200 });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { authorization: 'Bearer secret', contentType: 'application/json', body: { a: 1 } });
});

test('a text goes out as it stands', async () => {
  const { body } = await api(url).post<{ body: unknown }>('/api/v1/chat/echo', '[1, 2]');
  assert.deepEqual(body.body, [1, 2]);
});

test('an answer that is not as documented fails the call', async () => {
  await assert.rejects(api(url).get('/api/v1/chat/echo'), /not as documented, body must be string/);
});

test('another status than the expected one fails the call', async () => {
  await assert.rejects(api(url).post('/api/v1/chat/echo', {}, { expect: 201 }), /answered 200, not 201/);
});

test('routes outside /api/ are not held against the document', async () => {
  assert.equal((await api(url).get('/healthz')).status, 200);
});
