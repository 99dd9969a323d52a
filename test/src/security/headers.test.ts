/** The headers that tell browsers what they may do with an answer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HttpSocket } from '../fuzz/http-socket.js';
import { HubbubProcess } from '../support/hubbub.js';
import { requestUpgrade } from '../support/upgrade.js';

const V1 = '/api/v1/chat';
const JSON_BODY = { 'content-type': 'application/json' };
const PROXIED = { 'x-forwarded-for': '203.0.113.1', 'x-forwarded-proto': 'https' };

let behindProxy: HubbubProcess;
let bare: HubbubProcess;
before(async () => {
  const env = { DATA_DIR: 'memory://' };
  [behindProxy, bare] = await Promise.all([
    HubbubProcess.start({ ...env, TRUST_PROXY: '1' }),
    HubbubProcess.start(env),
  ]);
});
after(() => Promise.all([behindProxy.stop(), bare.stop()]));

/** An answer to bytes of a request, with its headers as fetch gives them. */
async function exchange(request: string): Promise<{ status: number; headers: Headers }> {
  const socket = new HttpSocket(Number(new URL(behindProxy.url).port));
  const [answer] = await socket.exchange(Buffer.from(request), ['GET']);
  assert.ok(answer !== undefined, request);
  return { status: answer.status, headers: new Headers([...answer.headers]) };
}

async function upgrade(): Promise<{ status: number; headers: Headers }> {
  const { status, headers } = await requestUpgrade(`${behindProxy.url}/ws/chat`);
  return { status, headers: new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)])) };
}

const get = (path: string, init: RequestInit = {}) => fetch(behindProxy.url + path, init);

/** Every kind of answer, whoever gives it: a route, the framework, Node.js, the gateway. */
const ANSWERS: readonly (readonly [
  what: string,
  status: number,
  ask: () => Promise<{ status: number; headers: Headers }>,
])[] = [
  ['an answer of the API', 200, () => get(`${V1}/health`)],
  ['a refused token', 401, () => get(`${V1}/channels`)],
  ['an unknown route', 404, () => get('/nowhere')],
  ['a wrong method', 404, () => get('/healthz', { method: 'PUT', headers: JSON_BODY, body: '{}' })],
  ['a body too large', 413, () => post('x'.repeat(70_000))],
  ['a token for the asking', 201, () => post('{"username":"ada"}')],
  ['the metrics', 200, () => get('/metrics')],
  ['a path that cannot be decoded', 400, () => exchange('GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')],
  ['what is no HTTP', 400, () => exchange('HELLO\r\n\r\n')],
  ['headers too large', 431, () => exchange(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`)],
  ['a refused upgrade', 401, () => upgrade()],
];

function post(body: string): Promise<Response> {
  return get('/api/v1/dev/token', { method: 'POST', headers: JSON_BODY, body });
}

for (const [what, expected, ask] of ANSWERS) {
  test(`${what} is kept nowhere, is taken for nothing else, and is shown in no frame of others`, async () => {
    const { status, headers } = await ask();
    assert.equal(status, expected);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.match(
      headers.get('content-security-policy') ?? '',
      /default-src '(self|none)'.*frame-ancestors '(self|none)'/,
    );
    assert.equal(headers.get('x-powered-by'), null);
    assert.equal(headers.get('server'), null);
    assert.ok(headers.get('x-request-id'));
  });
}

test('the page may be framed by its own origin alone, and tells nobody where its reader came from', async () => {
  const { headers } = await get('/');
  const policy = headers.get('content-security-policy') ?? '';
  for (const directive of ["frame-ancestors 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'"]) {
    assert.ok(policy.split(';').includes(directive), `${directive} in ${policy}`);
  }
  assert.equal(headers.get('x-frame-options'), 'SAMEORIGIN');
  assert.equal(headers.get('referrer-policy'), 'no-referrer');
  assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
  assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
  assert.equal((await get('/embed.js')).headers.get('cross-origin-resource-policy'), 'cross-origin');
});

test('a browser that came over TLS is told to stay with it, and no other one', async () => {
  const policy = async ({ url }: HubbubProcess, headers: Record<string, string>) =>
    (await fetch(url, { headers })).headers.get('strict-transport-security');
  assert.equal(await policy(behindProxy, PROXIED), 'max-age=31536000');
  assert.equal(await policy(behindProxy, { ...PROXIED, 'x-forwarded-proto': 'http' }), null);
  assert.equal(await policy(behindProxy, {}), null);
  // Anyone could claim it.
  assert.equal(await policy(bare, PROXIED), null);
});
