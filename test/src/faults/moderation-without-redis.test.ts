/** Moderation while Redis is away: the database is what counts, and every instance looks there. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { assertRefused, assertUpgradeRefused, isMessage, post, Stage, V1 } from '../contract/stage.js';
import { member, restrict, seen } from '../moderation/acts.js';
import type { ChatClient } from '../support/chat-client.js';
import { RedisServer } from '../support/redis.js';
import { until, withTimeout } from '../support/wait.js';

/** Documented: within a second while Redis is known to be away, and the time that a busy machine takes to do it. */
const CUT_OFF_MS = 2500;

let redis: RedisServer;
let stage: Stage;
before(async () => {
  redis = await RedisServer.start();
  stage = new Stage('cluster', { redisUrl: redis.url, env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
  await stage.start();
});
afterEach(async () => {
  await stage.closeClients();
  await redis.restart();
  await untilReady(200);
});
after(async () => {
  await stage.stop();
  await redis.stop();
});

/** Settles when both instances know how Redis is. */
async function untilReady(status: number): Promise<void> {
  for (const { url } of stage.pair.instances) {
    await until(async () => (await fetch(`${url}/readyz`)).status === status, { timeoutMs: 15_000 });
  }
}

async function codeOf(client: ChatClient): Promise<number> {
  return (await withTimeout(client.closed, CUT_OFF_MS, () => 'The connection was not closed')).code;
}

test('a ban on one instance cuts off the connection on the other within a second or so', async (t) => {
  const { channel, owner } = await stage.channel();
  const target = await seen(stage);
  const [here, there] = [await target.join(channel.id, { at: 0 }), await target.join(channel.id, { at: 1 })];
  await redis.kill9();
  await untilReady(503);
  const fromMs = performance.now();
  await owner.api(0).post(`${V1}/channels/${channel.id}/ban`, { user_id: target.id, reason: 'spam' }, { expect: 200 });
  // Coming in and writing are refused at once, whatever the instance has heard.
  const path = `${V1}/channels/${channel.id}`;
  assertRefused(await target.api(1).post(`${path}/messages`, { content: 'x' }), 403, 'FORBIDDEN');
  assertRefused(await target.api(1).get(`${path}/messages`), 403, 'FORBIDDEN');
  await assertUpgradeRefused(target.open(`${path}/ws`, { at: 1 }), 403, 'FORBIDDEN');
  there.send({ type: 'message', content: 'still here' });
  assert.equal(await codeOf(here), 4003);
  assert.equal(await codeOf(there), 4003);
  t.diagnostic(`cut off on the other instance after ${Math.round(performance.now() - fromMs)} ms`);
  const rows = await stage.sql('select id from chat_messages where channel_id = $1', [channel.id]);
  assert.deepEqual(rows, [], 'a message of the banned user was stored');
});

test('so does a suspension, a removal, and a channel made private', async () => {
  const [open, closed] = [await stage.channel(), await stage.channel({ channel_type: 'private' })];
  const [outsider, suspended] = [await seen(stage), await seen(stage)];
  const removed = await member(stage, closed.owner, closed.channel.id);
  const boss = await stage.user({ role: 'admin' });
  const clients = [
    await outsider.join(open.channel.id, { at: 1 }),
    await removed.join(closed.channel.id, { at: 1 }),
    await suspended.open('/ws/chat', { at: 1 }),
  ];
  await redis.kill9();
  await untilReady(503);
  const path = `${V1}/channels/${open.channel.id}`;
  await open.owner.api(0).patch(path, { channel_type: 'private' }, { expect: 200 });
  await closed.owner.api(0).delete(`${V1}/channels/${closed.channel.id}/members/${removed.id}`, { expect: 200 });
  await boss.api(0).post(`${V1}/users/${suspended.id}/suspend`, {}, { expect: 200 });
  assert.deepEqual(await Promise.all(clients.map(codeOf)), [4003, 4003, 4001]);
});

test('what was done while Redis was away holds when it is back, and a mute too', async () => {
  const { channel, owner } = await stage.channel();
  const target = await seen(stage);
  const client = await target.join(channel.id, { at: 1 });
  await redis.kill9();
  await untilReady(503);
  await restrict(owner, channel.id, 'mute', target);
  client.send({ type: 'message', content: 'quiet?' });
  assert.equal((await client.next('error')).code, 'MUTED');
  await redis.restart();
  await untilReady(200);
  client.send({ type: 'message', content: 'and now?' });
  assert.equal((await client.next('error')).code, 'MUTED');
});

test('an erased name is gone from the memory of the other instance as well', async () => {
  const { channel, owner } = await stage.channel();
  const [boss, user] = [await stage.user({ role: 'admin' }), await seen(stage)];
  const reader = await owner.join(channel.id, { at: 1 });
  await post(user, channel.id, ['hello']);
  await reader.next(isMessage('hello'));
  await redis.kill9();
  await untilReady(503);
  await boss.api(0).post(`${V1}/users/${user.id}/erase`, { messages: 'anonymise' }, { expect: 200 });
  await until(
    async () => {
      const again = await owner.join(channel.id, { at: 1, lastSeq: 0 });
      const { username } = await again.next(isMessage('hello'));
      await again.close();
      return username.startsWith('erased-');
    },
    { timeoutMs: CUT_OFF_MS },
  );
});
