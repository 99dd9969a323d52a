import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ChatClient } from '../support/chat-client.js';
import { type Pair, startPair } from '../support/pair.js';
import type { RedisServer } from '../support/redis.js';
import { ClusterGroup, SentinelGroup } from '../support/redis-groups.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';

interface Conversation {
  readonly channelId: string;
  readonly ada: ChatClient;
  readonly bob: ChatClient;
  close(): void;
}

let owners = 0;

/** Each has an owner of its own: a user may make few in a minute. */
async function newChannel(pair: Pair): Promise<string> {
  const token = await pair.token(`owner${owners++}`);
  const path = '/api/v1/chat/channels';
  const { body } = await api(pair.at(0).url, token).post<{ id: string }>(path, { name: 'talk' }, { expect: 201 });
  return body.id;
}

/** Somebody enters a channel, at one of the instances. */
async function enter(pair: Pair, channelId: string, name: string, at: number): Promise<ChatClient> {
  const path = `/api/v1/chat/channels/${channelId}/ws`;
  const client = await ChatClient.connect({ url: pair.at(at).url, path, token: await pair.token(name) });
  await client.next('subscribed');
  return client;
}

/** Two people in one channel, on two instances. */
async function converse(pair: Pair, channelId?: string): Promise<Conversation> {
  const id = channelId ?? (await newChannel(pair));
  const [ada, bob] = await Promise.all([enter(pair, id, 'ada', 0), enter(pair, id, 'bob', 1)]);
  return { channelId: id, ada, bob, close: () => void Promise.all([ada.close(), bob.close()]) };
}

/** The places that a client has seen, in the order in which they came. */
function seqs(client: ChatClient): number[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame.seq] : []));
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Two people talk in turns; each waits until both have what was said. */
class Talk {
  readonly #ada: ChatClient;
  readonly #bob: ChatClient;
  #sent = 0;

  constructor({ ada, bob }: Conversation) {
    this.#ada = ada;
    this.#bob = bob;
  }

  async speak(): Promise<void> {
    const speaker = this.#sent % 2 === 0 ? this.#ada : this.#bob;
    speaker.send({ type: 'message', content: `number ${this.#sent}` });
    this.#sent++;
    await until(() => seqs(this.#ada).length === this.#sent && seqs(this.#bob).length === this.#sent, {
      timeoutMs: 10_000,
      message: `both have message ${this.#sent}`,
    });
  }

  /** They go on until something has come about; it is looked for after each turn. */
  async goOnUntil(message: string, condition: () => Promise<boolean>): Promise<void> {
    await until(
      async () => {
        await this.speak();
        return await condition();
      },
      { timeoutMs: 30_000, intervalMs: 100, message },
    );
  }

  assertWhole(): void {
    assert.deepEqual([seqs(this.#ada), seqs(this.#bob)], [upTo(this.#sent), upTo(this.#sent)]);
  }
}

function isReady(pair: Pair, at: number): Promise<boolean> {
  return api(pair.at(at).url)
    .get('/readyz')
    .then(({ status }) => status === 200);
}

/** Longer than what docs/operations.md promises: this machine may have much else to do. */
async function untilBothAreReady(pair: Pair): Promise<void> {
  for (const at of [0, 1]) {
    await until(() => isReady(pair, at), { timeoutMs: 15_000, message: `instance ${at} has Redis again` });
  }
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
    const conversation = await converse(pair);
    t.after(conversation.close);
    const talk = new Talk(conversation);
    const formerPort = await group.masterPort();
    for (let count = 0; count < 10; count++) await talk.speak();
    await group.master.kill9();
    await talk.goOnUntil('the replica becomes the master', async () => (await group.masterPort()) !== formerPort);
    await untilBothAreReady(pair);
    for (let count = 0; count < 10; count++) await talk.speak();
    talk.assertWhole();
    assert.equal(await group.masterPort(), group.replica.port);
  });
});

describe('Redis Cluster', () => {
  /** More than what people say here in turn. */
  const BURST = 200;
  let group: ClusterGroup;
  let pair: Pair;
  before(async () => {
    group = await ClusterGroup.start();
    pair = await startPair('cluster', {
      redisUrl: group.url,
      env: { CHAT_RATE_LIMIT_PER_MINUTE: '120', CHAT_RATE_LIMIT_BURST: String(BURST) },
    });
  });
  after(async () => {
    await pair.stop();
    await group.stop();
  });

  it('joins instances by sharded Pub/Sub, with presence, rate limits and typing over its slots', async (t) => {
    for (let channel = 0; channel < 5; channel++) {
      const { channelId, ada, bob, close } = await converse(pair);
      t.after(close);
      assert.equal(await group.subscribers(await group.masterOf(`chat:{${channelId}}`), `chat:{${channelId}}`), 2);
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
    const { channelId, close } = await converse(pair);
    t.after(close);
    const eve = await enter(pair, channelId, 'eve', 0);
    t.after(() => eve.close());
    // Some are given back while it sends.
    for (let sent = 0; sent < BURST + 100; sent++) eve.send({ type: 'message', content: `number ${sent}` });
    const error = await eve.next('error');
    assert.equal(error.code, 'RATE_LIMITED');
  });

  it('fails over in the middle of a conversation, and nothing is lost or doubled', async (t) => {
    // One server has all that is to be seen again: the channel, who is in it, and the rate of one who speaks.
    const first = await converse(pair);
    const rateKey = await until(async () => {
      first.ada.send({ type: 'message', content: 'a rate is held' });
      await first.ada.next('message');
      return await group.findKey(/^limit:.*:message/);
    });
    first.close();
    const master = await group.masterOf(rateKey);
    const channelOf = (isWanted: (its: RedisServer) => boolean) =>
      until(async () => {
        const id = await newChannel(pair);
        return isWanted(await group.masterOf(`chat:{${id}}`)) ? id : null;
      });
    const channelId = await channelOf((its) => its === master);
    const elsewhere = await converse(pair, await channelOf((its) => its !== master));
    t.after(elsewhere.close);
    const shardChannel = `chat:{${channelId}}`;
    const replica = await group.replicate(master);
    const conversation = await converse(pair, channelId);
    t.after(conversation.close);
    const { ada, bob } = conversation;
    const talk = new Talk(conversation);
    for (let count = 0; count < 10; count++) await talk.speak();

    await master.kill9();
    await until(async () => !(await isReady(pair, 0)) && !(await isReady(pair, 1)), {
      message: 'both miss the master',
    });
    await talk.goOnUntil('the replica becomes the master', () => group.isMaster(replica));
    await untilBothAreReady(pair);
    await until(async () => (await group.subscribers(replica, shardChannel)) === 2, {
      message: 'both subscribe there',
    });
    ada.send({ type: 'typing' });
    await bob.next('typing');
    await talk.goOnUntil('rates are held there', () => group.holds(replica, rateKey));
    const eve = await enter(pair, channelId, 'eve', 0);
    await until(async () => (await group.ask(replica, 'HLEN', `${shardChannel}:users`)) === 3, {
      message: 'who enters is entered there',
    });
    await eve.close();

    // Back again, this time as planned: nobody dies.
    await group.rejoin(master, replica);
    await group.ask(master, 'CLUSTER', 'FAILOVER');
    await talk.goOnUntil('the former master is master again', () => group.isMaster(master));
    await until(async () => (await group.subscribers(master, shardChannel)) === 2, {
      timeoutMs: 15_000,
      message: 'both subscribe to the former master',
    });
    await untilBothAreReady(pair);
    bob.send({ type: 'typing' });
    await ada.next('typing');
    for (let count = 0; count < 10; count++) await talk.speak();
    talk.assertWhole();
  });
});
