import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { AddressLimits } from './address-limits.js';
import { trustOf } from './client-address.js';
import type { Config } from './config.js';
import { ExpiredToken, HubbubError } from './errors.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';

const MAX = 2;
const MAX_SOCKETS = 12;
const MAX_UPGRADES = 4;
const MAX_FAILURES = 3;
const UNAUTHORIZED = new HubbubError('UNAUTHORIZED');

function makeLimits(
  t: TestContext,
  settings: { max?: number; failures?: number; trusted?: Config['trustProxy'] } = {},
) {
  const clock = { nowMs: 1_000_000 };
  const limits = new AddressLimits({
    maxConnections: settings.max ?? MAX,
    maxFailuresPerMinute: settings.failures ?? MAX_FAILURES,
    trust: trustOf(settings.trusted ?? false),
    metrics: new Metrics({ channelLabel: true }),
    log: createLogger('silent'),
    now: () => clock.nowMs,
  });
  t.after(() => limits.close());
  return { limits, clock };
}

function socketOf(address: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  return socket;
}

const requestOf = (address: string) => new IncomingMessage(socketOf(address));

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', resolve);
    socket.destroy();
  });
}

/** Opens sockets of an address. @returns those that were let live */
function connect(limits: AddressLimits, address: string, count: number): Socket[] {
  const sockets = Array.from({ length: count }, () => socketOf(address));
  for (const socket of sockets) limits.onSocket(socket);
  return sockets.filter(({ destroyed }) => !destroyed);
}

function upgrade(limits: AddressLimits, address: string): Socket {
  const socket = socketOf(address);
  limits.takePlace(new IncomingMessage(socket), socket);
  return socket;
}

const tooMany = (sentence: RegExp) => (error: unknown) =>
  error instanceof HubbubError &&
  error.code === 'RATE_LIMITED' &&
  sentence.test(error.message) &&
  (error.retryAfterMs ?? 0) > 0;

test('an address has six sockets for each connection that it may have, and a place is free when one closes', async (t) => {
  const { limits } = makeLimits(t);
  const [first, ...others] = connect(limits, '203.0.113.1', MAX_SOCKETS + 5);
  assert.equal(others.length, MAX_SOCKETS - 1);
  assert.equal(connect(limits, '203.0.113.2', 1).length, 1);
  assert.equal(connect(limits, '::ffff:203.0.113.1', 1).length, 0);
  assert.ok(first !== undefined);
  await closed(first);
  assert.equal(connect(limits, '203.0.113.1', 5).length, 1);
});

test('the sockets of a proxy and of the machine itself are not counted', (t) => {
  const { limits } = makeLimits(t, { trusted: ['203.0.113.1'] });
  assert.equal(connect(limits, '203.0.113.1', 100).length, 100);
  assert.equal(connect(limits, '127.0.0.1', 100).length, 100);
  assert.equal(connect(limits, '::1', 100).length, 100);
  assert.equal(connect(limits, '203.0.113.2', 100).length, MAX_SOCKETS);
});

test('an address has so many connections at a time and no more', async (t) => {
  const { limits } = makeLimits(t);
  const first = upgrade(limits, '203.0.113.1');
  upgrade(limits, '203.0.113.1');
  assert.throws(() => upgrade(limits, '203.0.113.1'), tooMany(/are open from your address/));
  upgrade(limits, '203.0.113.2');
  await closed(first);
  upgrade(limits, '203.0.113.1');
});

test('all addresses of a /64 are one', (t) => {
  const { limits } = makeLimits(t);
  upgrade(limits, '2001:db8:1:2::1');
  upgrade(limits, '2001:db8:1:2::2');
  assert.throws(() => upgrade(limits, '2001:db8:1:2:ffff::3'), tooMany(/are open/));
  upgrade(limits, '2001:db8:1:3::1');
});

test('who opens and closes without end is told when to come back', async (t) => {
  const { limits, clock } = makeLimits(t);
  for (let opened = 0; opened < MAX_UPGRADES; opened++) await closed(upgrade(limits, '203.0.113.1'));
  assert.throws(() => upgrade(limits, '203.0.113.1'), tooMany(/were opened from your address/));
  clock.nowMs += 60_000 / MAX_UPGRADES;
  upgrade(limits, '203.0.113.1');
});

test('a guess too many is refused as such, until its time has come again', (t) => {
  const { limits, clock } = makeLimits(t);
  const guess = () => limits.refusal(requestOf('203.0.113.1'), UNAUTHORIZED);
  for (let failed = 0; failed < MAX_FAILURES; failed++) {
    limits.assertMayTry(requestOf('203.0.113.1'));
    assert.equal(guess(), UNAUTHORIZED);
  }
  assert.ok(tooMany(/have failed/)(guess()));
  assert.throws(() => limits.assertMayTry(requestOf('203.0.113.1')), tooMany(/have failed/));
  assert.equal(limits.refusal(requestOf('203.0.113.2'), UNAUTHORIZED), UNAUTHORIZED);
  clock.nowMs += 60_000 / MAX_FAILURES;
  limits.assertMayTry(requestOf('203.0.113.1'));
  assert.equal(guess(), UNAUTHORIZED);
});

test('what is no guess costs nothing: an expired token, a thing that one may not do, a channel that is gone', (t) => {
  const { limits } = makeLimits(t);
  const errors = [
    new ExpiredToken(null),
    new HubbubError('FORBIDDEN'),
    new HubbubError('CHANNEL_NOT_FOUND'),
    new HubbubError('INVALID_REQUEST'),
  ];
  for (let round = 0; round < MAX_FAILURES; round++) {
    for (const error of errors) assert.equal(limits.refusal(requestOf('203.0.113.1'), error), error);
  }
  assert.equal(limits.refusal(requestOf('203.0.113.1'), UNAUTHORIZED), UNAUTHORIZED);
});

test('0 is no limit', (t) => {
  const { limits } = makeLimits(t, { max: 0, failures: 0 });
  assert.equal(connect(limits, '203.0.113.1', 1000).length, 1000);
  for (let count = 0; count < 1000; count++) {
    upgrade(limits, '203.0.113.1');
    assert.equal(limits.refusal(requestOf('203.0.113.1'), UNAUTHORIZED), UNAUTHORIZED);
  }
  limits.assertMayTry(requestOf('203.0.113.1'));
});
