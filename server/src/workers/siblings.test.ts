import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import type { Reporters } from '../self-report.js';
import type { Hello } from './calls.js';
import { Siblings } from './siblings.js';
import { Switchboard } from './switchboard.js';

const HELLO: Hello = { worker: 1, workers: 2, port: 1, first: true, developmentKey: null };
const RATE = { perMinute: 20, burst: 2 };

/** Two ends of which each closes with the other, as those of a pipe between processes do. */
function pipe() {
  const [far, near] = duplexPair();
  far.once('close', () => near.destroy());
  near.once('close', () => far.destroy());
  return [far, near] as const;
}

/** A switchboard that workers of this process connect to. */
function openSwitchboard(t: TestContext) {
  const switchboard = new Switchboard(pino({ level: 'silent' }));
  t.after(() => switchboard.close());
  const connect = async () => {
    const [far, near] = pipe();
    switchboard.connect(far, { hello: HELLO, prepared() {}, ready() {}, failed() {} });
    return { siblings: await Siblings.open(near), end: () => near.destroy() };
  };
  return { switchboard, connect };
}

/** What a worker reports, of which only its connections matter here. */
function reporters(connections: number): Reporters {
  return {
    health: () => Promise.resolve({ status: 'ok', notReady: null, connections, channelIds: [] }),
    stats: () => Promise.resolve({ pid: 1, connections, latencySeconds: { bounds: [], counts: [] }, channels: [] }),
    metrics: () => Promise.resolve({ plain: [], channels: [], activeChannelIds: [] }),
  };
}

test('a stop that comes before the worker has said hello is not missed', async (t) => {
  const { switchboard } = openSwitchboard(t);
  const [far, near] = pipe();
  switchboard.connect(far, { hello: HELLO, prepared() {}, ready() {}, failed() {} }).stop();
  const siblings = await Siblings.open(near);
  await siblings.stopped;
  assert.equal(siblings.connected, true);
});

test('the end of the primary is a stop, and a listen for one that waits', async (t) => {
  const { switchboard, connect } = openSwitchboard(t);
  const { siblings } = await connect();
  const prepared = siblings.prepared();
  await siblings.call('counts', []);
  switchboard.close();
  await Promise.all([siblings.stopped, prepared]);
  assert.equal(siblings.connected, false);
  assert.equal(siblings.publish('channel', Buffer.from('x')), false);
});

test('a batch goes to the others that are subscribed, and to nobody else', async (t) => {
  const { connect } = openSwitchboard(t);
  const workers = await Promise.all([connect(), connect(), connect()]);
  const got: string[] = [];
  for (const [index, { siblings }] of workers.entries()) {
    siblings.onBatch = (channelId, bytes) => got.push(`${index} ${channelId} ${bytes}`);
  }
  const [one, two, three] = workers.map(({ siblings }) => siblings);
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  await Promise.all([one.call('subscribe', 'a'), two.call('subscribe', 'a'), three.call('subscribe', 'b')]);
  one.publish('a', Buffer.from('1'));
  one.publish('b', Buffer.from('2'));
  await one.call('counts', []);
  await two.call('unsubscribe', 'a');
  one.publish('a', Buffer.from('3'));
  for (const each of [one, two, three]) await each.call('counts', []);
  assert.deepEqual(got.sort(), ['1 a 1', '2 b 2']);
});

test('a rate is one for all workers', async (t) => {
  const { connect } = openSwitchboard(t);
  const [one, two] = [await connect(), await connect()];
  const use = { key: 'ada', rate: RATE };
  const first = await one.siblings.call('take', [use, { key: 'bob', rate: RATE }]);
  const second = await two.siblings.call('take', [use, use]);
  assert.deepEqual(
    [...first, ...second].map(({ allowed }) => allowed),
    [true, true, true, false],
  );
});

test('reports come from those that serve; who does not answer is told as missing', async (t) => {
  const { connect } = openSwitchboard(t);
  const [one, two, three] = [await connect(), await connect(), await connect()];
  one.siblings.reporters = reporters(3);
  await one.siblings.call('ready', 'url');
  // Says that it is ready, and cannot report.
  await two.siblings.call('ready', 'url');
  const reports = await three.siblings.gather('stats');
  assert.deepEqual(
    reports.map((report) => report?.connections ?? null),
    [3, null],
  );
});

test('users of a worker that died leave after a while, and one of the others is told', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { connect } = openSwitchboard(t);
  const [one, two] = [await connect(), await connect()];
  await two.siblings.call('ready', 'url');
  const lapsed = new Promise((resolve) => {
    two.siblings.onLapsed = (channelId, userIds) => resolve([channelId, userIds]);
  });
  await one.siblings.call('enter', 'room', 'ada', 0);
  await one.siblings.call('enter', 'room', 'bob', 0);
  one.end();
  // Both ends have closed by then.
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await two.siblings.call('enter', 'room', 'bob', 2), { admitted: true, first: false, online: 2 });
  t.mock.timers.tick(5000);
  assert.deepEqual(await lapsed, ['room', ['ada']]);
  assert.deepEqual(await two.siblings.call('counts', ['room']), new Map([['room', 1]]));
});
