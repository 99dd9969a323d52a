import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ChatClient } from '../support/chat-client.js';
import { type Pair, startPair } from '../support/pair.js';
import { ClusterGroup, SentinelGroup } from '../support/redis-groups.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';

interface Conversation {
  readonly channelId: string;
  readonly ada: ChatClient;
  readonly bob: ChatClient;
  close(): void;
}

/** Two people in one channel, on two instances. */
async function converse(pair: Pair): Promise<Conversation> {
  const { body } = await api(pair.at(0).url, await pair.token('ada')).post<{ id: string }>('/api/v1/chat/channels', {
    name: 'talk',
  });
  const path = `/api/v1/chat/channels/${body.id}/ws`;
  const [ada, bob] = await Promise.all([
    ChatClient.connect({ url: pair.at(0).url, path, token: await pair.token('ada') }),
    ChatClient.connect({ url: pair.at(1).url, path, token: await pair.token('bob') }),
  ]);
  await Promise.all([ada.next('subscribed'), bob.next('subscribed')]);
  return { channelId: body.id, ada, bob, close: () => void Promise.all([ada.close(), bob.close()]) };
}

/** The places that a client has seen, in the order in which they came. */
function seqs(client: ChatClient): number[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame.seq] : []));
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

describe('Redis under Sentinel', () => {
  let group: SentinelGroup;
  let pair: Pair;
  before(async () => {
    group = await SentinelGroup.start();
    pair = await startPair('cluster', { redisUrl: group.url, env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
  });
  after(async () => {
    await pair.stop();
    await group.stop();
  });

  it('fails over in the middle of a conversation, and nothing is lost or doubled', async (t) => {
    const { ada, bob, close } = await converse(pair);
    t.after(close);
    let sent = 0;
    const speak = async () => {
      (sent % 2 === 0 ? ada : bob).send({ type: 'message', content: `number ${sent}` });
      sent++;
      await until(() => seqs(ada).length === sent && seqs(bob).length === sent, {
        timeoutMs: 10_000,
        message: `both have message ${sent}`,
      });
    };
    for (let count = 0; count < 10; count++) await speak();
    const formerPort = await group.masterPort();
    await group.master.kill9();
    // They go on all the while that nobody is master.
    await until(
      async () => {
        await speak();
        return (await group.masterPort()) !== formerPort;
      },
      { timeoutMs: 30_000, message: 'the replica becomes the master' },
    );
    await until(async () => (await api(pair.at(0).url).get('/readyz')).status === 200, { timeoutMs: 10_000 });
    await until(async () => (await api(pair.at(1).url).get('/readyz')).status === 200, { timeoutMs: 10_000 });
    for (let count = 0; count < 10; count++) await speak();
    assert.deepEqual(seqs(ada), upTo(sent));
    assert.deepEqual(seqs(bob), upTo(sent));
    assert.equal(await group.masterPort(), group.replica.port);
  });
});

describe('Redis Cluster', () => {
  let group: ClusterGroup;
  let pair: Pair;
  before(async () => {
    group = await ClusterGroup.start();
    pair = await startPair('cluster', { redisUrl: group.url });
  });
  after(async () => {
    await pair.stop();
    await group.stop();
  });

  it('joins instances by sharded Pub/Sub, with presence, rate limits and typing over its slots', async (t) => {
    for (let channel = 0; channel < 5; channel++) {
      const { channelId, ada, bob, close } = await converse(pair);
      t.after(close);
      assert.ok(await group.hasShardChannel(`chat:{${channelId}}`));
      ada.send({ type: 'message', content: 'over the cluster' });
      bob.send({ type: 'message', content: 'and back' });
      ada.send({ type: 'typing' });
      await until(() => seqs(ada).length === 2 && seqs(bob).length === 2, { message: 'both have both messages' });
      assert.deepEqual([seqs(ada), seqs(bob)], [upTo(2), upTo(2)]);
      await bob.next('typing');
      const { body } = await api(pair.at(0).url, await pair.token('ada')).get<{ count: number }>(
        `/api/v1/chat/channels/${channelId}/presence`,
      );
      assert.equal(body.count, 2);
    }
    const { ada, close } = await converse(pair);
    t.after(close);
    for (let sent = 0; sent < 21; sent++) ada.send({ type: 'message', content: `number ${sent}` });
    const error = await ada.next('error');
    assert.equal(error.code, 'RATE_LIMITED');
  });
});
