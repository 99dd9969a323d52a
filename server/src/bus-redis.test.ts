import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { BATCH_KIND, type Batch, encodeBatch, noteBatch } from './batch.js';
import { RedisBus } from './bus-redis.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { RedisLink } from './redis-link.js';

const log = createLogger('silent');
const metrics = new Metrics({ channelLabel: true });
const links: RedisLink[] = [];

/** One instance's bus, with what it has heard from others. */
async function instance(origin: number): Promise<{ bus: RedisBus; link: RedisLink; heard: string[] }> {
  const url = process.env.HUBBUB_TEST_REDIS_URL;
  assert.ok(url !== undefined, 'run by npm test, which starts Redis');
  const link = await RedisLink.open(url, log);
  links.push(link);
  const bus = new RedisBus(link, origin, metrics, log);
  const heard: string[] = [];
  bus.onBatch = (_channelId, batch) => {
    if (batch.origin !== origin) heard.push(batch.note);
  };
  return { bus, link, heard };
}

function note(origin: number, text: string): Batch {
  return noteBatch(BATCH_KIND.ephemeral, origin, { text });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'it does not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let one: Awaited<ReturnType<typeof instance>>;
let two: Awaited<ReturnType<typeof instance>>;
before(async () => {
  one = await instance(1);
  two = await instance(2);
});
after(() => {
  for (const link of links) link.close();
});

test('a batch reaches the subscribed instances, its own at once and only once', async () => {
  const channelId = randomUUID();
  const own: Batch[] = [];
  one.bus.onBatch = (_id, batch) => own.push(batch);
  await Promise.all([one.bus.subscribe(channelId), two.bus.subscribe(channelId)]);
  one.bus.publish(channelId, note(1, 'first'));
  assert.equal(own.length, 1);
  await until(() => two.heard.includes('{"text":"first"}'));
  two.bus.publish(channelId, note(2, 'answer'));
  await until(() => own.length > 1);
  assert.deepEqual(
    own.map(({ origin }) => origin),
    [1, 2],
  );
});

test('a channel that is left and joined again at once is heard', async () => {
  const channelId = randomUUID();
  await two.bus.subscribe(channelId);
  for (let round = 0; round < 50; round++) {
    two.bus.unsubscribe(channelId);
    await two.bus.subscribe(channelId);
  }
  // Whatever was still under way on the connection is answered by now.
  await two.link.command('x', ['PING']);
  one.bus.publish(channelId, note(1, 'after the rounds'));
  await until(() => two.heard.includes('{"text":"after the rounds"}'));
});

test('a channel that was left is not heard any more', async () => {
  const [left, kept] = [randomUUID(), randomUUID()];
  await Promise.all([two.bus.subscribe(left), two.bus.subscribe(kept)]);
  two.bus.unsubscribe(left);
  await two.bus.subscribe(left);
  two.bus.unsubscribe(left);
  await two.bus.subscribe(kept);
  one.bus.publish(left, note(1, 'to nobody'));
  one.bus.publish(kept, note(1, 'to those who stayed'));
  await until(() => two.heard.includes('{"text":"to those who stayed"}'));
  assert.ok(!two.heard.includes('{"text":"to nobody"}'));
});

test('a channel that is left and joined again while Redis does not answer is proved, and heard once it does', async () => {
  const channelId = randomUUID();
  await two.bus.subscribe(channelId);
  await one.link.command('x', ['CLIENT', 'PAUSE', '1200']);
  two.bus.unsubscribe(channelId);
  await two.bus.subscribe(channelId);
  assert.equal(two.bus.up, false, 'the database stands in');
  await until(() => two.bus.up);
  one.bus.publish(channelId, note(1, 'after the pause'));
  await until(() => two.heard.includes('{"text":"after the pause"}'));
});

test('after its connections were killed every channel is heard again, and the loss is told of', async () => {
  const channels = Array.from({ length: 20 }, () => randomUUID());
  let recovered = 0;
  two.bus.onRecovered = () => recovered++;
  await Promise.all(channels.map((channelId) => two.bus.subscribe(channelId)));
  const killer = await RedisLink.open(process.env.HUBBUB_TEST_REDIS_URL ?? '', log);
  links.push(killer);
  await killer.command('x', ['CLIENT', 'KILL', 'TYPE', 'pubsub']).catch(() => {});
  await until(() => recovered > 0 && one.bus.up && two.bus.up);
  for (const [index, channelId] of channels.entries()) one.bus.publish(channelId, note(1, `again ${index}`));
  await until(() => channels.every((_, index) => two.heard.includes(`{"text":"again ${index}"}`)));
});

// During a rolling upgrade an instance of a later version may send what this one has never heard of.
test('what a later version sends is ignored and counted, and what comes after it is heard', async () => {
  const channelId = randomUUID();
  await two.bus.subscribe(channelId);
  const ignored = async () => (await metrics.busIgnored.get()).values[0]?.value ?? 0;
  const before = await ignored();
  const send = (bytes: Buffer) => one.link.connection.publish(`chat:{${channelId}}`, bytes);
  const known = encodeBatch(note(1, 'known'));
  const [laterVersion, laterKind] = [Buffer.from(known), Buffer.from(known)];
  laterVersion[0] = 2;
  laterKind[1] = 99;
  await Promise.all([laterVersion, laterKind, Buffer.alloc(0), Buffer.from('{"json":true}')].map(send));
  const { onBatch } = two.bus;
  two.bus.onBatch = (id, batch, atMs) => {
    if (batch.note === '{"text":"stumbles"}') throw new Error('cannot be read');
    onBatch(id, batch, atMs);
  };
  await send(encodeBatch(note(1, 'stumbles')));
  await send(known);
  await until(() => two.heard.includes('{"text":"known"}'));
  two.bus.onBatch = onBatch;
  assert.equal((await ignored()) - before, 5);
});
