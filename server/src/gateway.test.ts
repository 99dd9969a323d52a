import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Gateway } from './gateway.js';
import type { Identity } from './identity.js';
import { MemoryLimiter } from './limiter.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';

const BURST = 5;
const PER_MINUTE = 60;
const IDENTITY: Identity = {
  userId: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
  username: 'ada',
  displayName: null,
  avatarUrl: null,
  role: 'user',
  expiresAtMs: Number.POSITIVE_INFINITY,
  issuedAtMs: null,
  tokenId: null,
};

/** A server that lets everyone in at the given pace, on a clock of its own. @returns its port */
async function listen(t: TestContext, now: () => number): Promise<number> {
  const limiter = new MemoryLimiter(now);
  const gateway = new Gateway({
    log: createLogger('silent'),
    tracing: null,
    metrics: new Metrics({ channelLabel: true }),
    maxFrameBytes: 4096,
    maxPending: 1000,
    isDraining: () => false,
    takePlace: () => {},
    refusal: (_request, error) => error,
    mayCome: () => limiter.take('upgrade', { perMinute: PER_MINUTE, burst: BURST }).allowed,
    isOriginAllowed: () => true,
    authenticate: () => Promise.resolve(IDENTITY),
    admit: () => Promise.reject(new Error('nobody joins')),
    release: () => {},
    onAccepted: ({ webSocket }) => webSocket.terminate(),
  });
  const server = createServer().on('upgrade', gateway.onUpgrade).listen(0, '127.0.0.1');
  t.after(() => {
    limiter.close();
    gateway.close();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** @returns status, and the seconds after which to come back */
function upgrade(port: number): Promise<{ status: number | undefined; retryAfter: number | null }> {
  const outgoing = request({
    port,
    path: '/ws/chat',
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      'Sec-WebSocket-Version': '13',
      Authorization: 'Bearer a.b.c',
    },
  });
  outgoing.end();
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const wait = response.headers['retry-after'];
      response.destroy();
      resolve({ status: response.statusCode, retryAfter: wait === undefined ? null : Number(wait) });
    };
    outgoing.once('upgrade', answered).once('response', answered).once('error', reject);
  });
}

test('upgrades are looked at at a bounded rate, and the rest are told when to come back, each at another time', async (t) => {
  let nowMs = 1_000_000;
  const port = await listen(t, () => nowMs);
  const wave = () => Promise.all(Array.from({ length: 25 }, () => upgrade(port)));
  const statuses = (answers: Awaited<ReturnType<typeof wave>>, status: number) =>
    answers.filter((answer) => answer.status === status);
  const first = await wave();
  assert.equal(statuses(first, 101).length, BURST);
  const refused = statuses(first, 503);
  assert.equal(refused.length, 25 - BURST);
  for (const { retryAfter } of refused) assert.ok(retryAfter !== null && retryAfter >= 1 && retryAfter <= 5);
  assert.ok(new Set(refused.map(({ retryAfter }) => retryAfter)).size > 1, 'they do not come back together');
  assert.equal(statuses(await wave(), 101).length, 0);
  nowMs += 3000;
  assert.equal(statuses(await wave(), 101).length, 3);
});
