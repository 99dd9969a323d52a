import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createLogger } from './log.js';
import { RedisPresenceStore } from './presence-store.js';
import { RedisLink } from './redis-link.js';

const log = createLogger('silent');
const INSTANCES = 'hubbub:instances';

/** One instance's store on a link of its own, with whom it has taken for gone. */
async function instance(context: TestContext) {
  const url = process.env.HUBBUB_TEST_REDIS_URL;
  assert.ok(url !== undefined, 'run by npm test, which starts Redis');
  const link = await RedisLink.open(url, log);
  const instanceId = randomUUID();
  const lapsed: string[] = [];
  const onLapsed = (_channelId: string, userIds: readonly string[]) => lapsed.push(...userIds);
  const store = new RedisPresenceStore(link, log, { instanceId, onLapsed });
  context.after(async () => {
    await store.close();
    link.close();
  });
  return { instanceId, link, store, lapsed };
}

test('who finds that nobody has been heard of for long takes nobody for dead: it was Redis that was away', async (t) => {
  const channelId = randomUUID();
  const one = await instance(t);
  await one.store.enter(channelId, 'ada', 0);
  await one.link.command(INSTANCES, ['ZADD', INSTANCES, '1', one.instanceId]);
  const other = await instance(t);
  // Its first heartbeat and all that comes of it goes over the same connection, step by step.
  for (let step = 0; step < 20; step++) await other.link.command('x', ['PING']);
  assert.deepEqual(other.lapsed, []);
  assert.deepEqual(await other.store.roster(channelId, 10), { userIds: ['ada'], count: 1 });
});
