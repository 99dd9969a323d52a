/** Redis away, slow or full: chat goes on through PostgreSQL, no client hears of it, and on return it is as before. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import type { PresenceList } from '@hubbub/protocol/rest.js';
import { createClient } from '@redis/client';
import { range, seqs, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';
import { Ground } from './ground.js';

/** Heads are compared once a second while Redis is away; the rest is a busy machine's. */
const WITHOUT_REDIS_MS = 3000;
/** What Redis brings by itself is there long before heads are compared (every 5 s while it is up). */
const WITH_REDIS_MS = 1000;
/** Until the loss is noticed (2 s of silence), what is sent waits for the comparison of heads that goes on meanwhile. */
const OUTAGE_MS = 30_000;
const NOTICE_MS = 2000 + 5000 + WITHOUT_REDIS_MS;
const RETURN_TIMEOUT_MS = 15_000;

let ground: Ground;
before(async () => {
  ground = await Ground.start();
});
afterEach(() => ground.stage.closeClients());
after(() => ground.stop());

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

async function redisCommand(...args: string[]): Promise<void> {
  const client = createClient({ url: ground.redis.url, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  // `CLIENT KILL` ends this connection as well, so that its answer never comes.
  await client.sendCommand(args).catch(() => {});
  if (client.isOpen) client.destroy();
}

async function untilReady(): Promise<void> {
  for (const at of [0, 1]) {
    const { url } = ground.stage.instance(at);
    await until(async () => (await api(url).get('/readyz')).status === 200, {
      timeoutMs: RETURN_TIMEOUT_MS,
      message: `instance ${at} to have Redis again`,
    });
  }
}

async function untilUnready(): Promise<void> {
  for (const at of [0, 1]) {
    const { url } = ground.stage.instance(at);
    await until(async () => (await api(url).get('/readyz')).status === 503, {
      timeoutMs: RETURN_TIMEOUT_MS,
      message: `instance ${at} to notice that Redis is away`,
    });
  }
}

/** Two people in a channel of their own, one on each instance, who talk in turn. */
class Talk {
  readonly channelId: string;
  readonly owner: User;
  readonly clients: readonly ChatClient[];
  #sent = 0;

  private constructor(channelId: string, owner: User, clients: readonly ChatClient[]) {
    this.channelId = channelId;
    this.owner = owner;
    this.clients = clients;
  }

  static async start(): Promise<Talk> {
    const { channel, owner } = await ground.stage.channel();
    const guest = await ground.stage.user();
    const clients = [await owner.join(channel.id, { at: 0 }), await guest.join(channel.id, { at: 1 })];
    return new Talk(channel.id, owner, clients);
  }

  /** Sends so many messages, one after the other was heard by both. @returns the longest wait, in milliseconds */
  async speak(count: number, timeoutMs: number): Promise<number> {
    let longest = 0;
    for (let left = count; left > 0; left--) {
      const startedAtMs = performance.now();
      this.clients[this.#sent % 2]?.send({ type: 'message', content: `number ${this.#sent}` });
      this.#sent++;
      await until(() => this.clients.every((client) => messages(client).length >= this.#sent), {
        timeoutMs,
        intervalMs: 5,
        message: `both to have message ${this.#sent}`,
      });
      longest = Math.max(longest, performance.now() - startedAtMs);
    }
    return longest;
  }

  /** @throws when one of them missed something, had something twice, or was told of an error */
  assertWhole(): void {
    for (const client of this.clients) {
      assert.deepEqual(seqs(messages(client)), range(1, this.#sent));
      assert.deepEqual(
        client.frames.filter(({ frame }) => frame.type === 'error'),
        [],
      );
    }
  }
}

test('with Redis stopped and started anew, people on two instances go on talking', async (t) => {
  const talk = await Talk.start();
  await talk.speak(4, WITH_REDIS_MS);
  await ground.redis.kill9();
  await untilUnready();
  const without = await talk.speak(6, WITHOUT_REDIS_MS);
  await ground.redis.restart();
  await untilReady();
  const again = await talk.speak(10, WITH_REDIS_MS);
  talk.assertWhole();
  t.diagnostic(`longest wait: ${Math.round(without)} ms without Redis, ${Math.round(again)} ms when it is back`);
});

test('with Redis unreachable for half a minute and nobody told so, people on two instances go on talking', async (t) => {
  const talk = await Talk.start();
  await talk.speak(4, WITH_REDIS_MS);
  const startedAtMs = performance.now();
  ground.toRedis.blackHole();
  const noticing = await talk.speak(2, NOTICE_MS);
  await untilUnready();
  let without = 0;
  while (performance.now() - startedAtMs < OUTAGE_MS) {
    without = Math.max(without, await talk.speak(1, WITHOUT_REDIS_MS));
  }
  ground.toRedis.heal();
  await untilReady();
  await talk.speak(10, WITH_REDIS_MS);
  await delay(500);
  talk.assertWhole();
  t.diagnostic(`longest wait: ${Math.round(noticing)} ms until it is noticed, ${Math.round(without)} ms from then on`);
});

test('a Redis that is slow delays what goes to the other instance, and nobody is told of an error', async () => {
  const talk = await Talk.start();
  ground.toRedis.delayMs = 300;
  await talk.speak(6, WITHOUT_REDIS_MS);
  // Past the deadline of a command: limits and presence do without.
  ground.toRedis.delayMs = 800;
  await talk.speak(4, NOTICE_MS);
  const late = await ground.stage.user();
  await late.join(talk.channelId);
  ground.toRedis.heal();
  await untilReady();
  await talk.speak(4, WITH_REDIS_MS);
  talk.assertWhole();
});

test('with Redis out of memory messages go on, rates are held in memory, and people come in', async () => {
  const talk = await Talk.start();
  await redisCommand('CONFIG', 'SET', 'maxmemory', '1');
  await talk.speak(6, WITHOUT_REDIS_MS);
  const late = await ground.stage.user();
  const client = await late.join(talk.channelId);
  client.send({ type: 'typing' });
  // The rate of new channels is one of those that Redis holds.
  const path = `${V1}/channels`;
  const answers: number[] = [];
  for (let count = 0; count < 11; count++) answers.push((await late.api().post(path, { name: 'x' })).status);
  assert.deepEqual(answers, [...new Array(10).fill(201), 429]);
  await redisCommand('CONFIG', 'SET', 'maxmemory', '0');
  await talk.speak(4, WITH_REDIS_MS);
  talk.assertWhole();
  // What could not be written then is made up for.
  const roster = `${V1}/channels/${talk.channelId}/presence`;
  await until(async () => (await late.api(0).get<PresenceList>(roster)).body.count === 3, {
    timeoutMs: 15_000,
    message: 'presence to know of everyone again',
  });
});

for (const type of ['pubsub', 'normal'] as const) {
  test(`CLIENT KILL TYPE ${type} costs nobody a message, and what was subscribed is subscribed again`, async () => {
    const talk = await Talk.start();
    for (let round = 0; round < 3; round++) {
      await redisCommand('CLIENT', 'KILL', 'TYPE', type);
      await talk.speak(4, NOTICE_MS);
    }
    await untilReady();
    await talk.speak(6, WITH_REDIS_MS);
    talk.assertWhole();
  });
}

test('with Redis away each instance holds a user to the rate by itself', async (t) => {
  const limited = await Ground.start({ CHAT_RATE_LIMIT_PER_MINUTE: '20', CHAT_RATE_LIMIT_BURST: '20' });
  t.after(() => limited.stop());
  const { channel, owner } = await limited.stage.channel();
  const client = await owner.join(channel.id);
  await limited.redis.kill9();
  for (let sent = 0; sent < 21; sent++) client.send({ type: 'message', content: `number ${sent}` });
  const error = await client.next('error');
  assert.equal(error.code, 'RATE_LIMITED');
  await until(() => messages(client).length === 20, { message: 'the twenty that pass to be heard' });
  await limited.stage.closeClients();
});
