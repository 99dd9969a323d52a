/** The SDK over connections that break and instances that die: what the application is shown is what was said. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HubbubClientError, type SendResult } from '@hubbub/client';
import { WebSocket } from 'ws';
import { HubbubProcess } from '../support/hubbub.js';
import { type Pair, startPair } from '../support/pair.js';
import { userClaims } from '../support/tokens.js';
import { until } from '../support/wait.js';
import { AppView, createChannel, storedMessages } from './app-view.js';

describe('cluster', () => {
  let pair: Pair;
  let channelId: string;
  let views: AppView[] = [];
  const added: HubbubProcess[] = [];

  before(async () => {
    pair = await startPair('cluster', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
  });

  afterEach(async () => {
    await Promise.all(views.splice(0).map((view) => view.close()));
  });

  after(async () => {
    await Promise.all(added.map((instance) => instance.stop()));
    await pair.stop();
  });

  /** Two people in a new channel, on an instance each. */
  async function two(at: readonly HubbubProcess[] = pair.instances): Promise<[AppView, AppView]> {
    channelId = await createChannel(pair, 'ada');
    const [first, second] = at;
    assert.ok(first !== undefined && second !== undefined);
    const ada = await AppView.open(pair, first, 'ada', channelId);
    // One on Node.js' own WebSocket, one on that of `ws`.
    const bob = await AppView.open(pair, second, 'bob', channelId, { WebSocket });
    views = [ada, bob];
    await Promise.all(views.map(({ channel }) => channel.join()));
    return [ada, bob];
  }

  async function instance(): Promise<HubbubProcess> {
    const started = await HubbubProcess.start(pair.env);
    added.push(started);
    return started;
  }

  /** Everyone says `count` things, `pauseMs` apart, while `disturb` goes on; all of it has to be stored once. */
  async function talk(speakers: readonly AppView[], count: number, pauseMs: number, disturb: () => Promise<void>) {
    const sends: Promise<SendResult>[] = [];
    const talking = speakers.map(async ({ channel }, speaker) => {
      for (let number = 1; number <= count; number++) {
        sends.push(channel.send(`${speaker}:${number}`));
        await delay(pauseMs);
      }
    });
    await Promise.all([...talking, disturb()]);
    const results = await Promise.all(sends);
    assert.ok(results.every(({ status }) => status === 'sent'));
    return speakers.flatMap((_, speaker) => Array.from({ length: count }, (_, index) => `${speaker}:${index + 1}`));
  }

  /** What was said is stored once, and every view shows it so. */
  async function agree(said: readonly string[], at: HubbubProcess): Promise<void> {
    const stored = await storedMessages(pair, at, 'ada', channelId);
    assert.deepEqual(stored.map(({ content }) => content).sort(), [...said].sort());
    for (const view of views) await view.matches(stored);
  }

  test('connections that are cut again and again', async () => {
    const [ada, bob] = await two();
    const said = await talk([ada, bob], 60, 25, async () => {
      for (let round = 0; round < 8; round++) {
        await delay(150);
        (round % 2 === 0 ? ada : bob).link.cut();
      }
    });
    await agree(said, pair.at(0));
  });

  test('a slow network that breaks in the middle of what it carries', async () => {
    const [ada, bob] = await two();
    ada.link.delayMs = 120;
    const said = await talk([ada, bob], 40, 20, async () => {
      for (let round = 0; round < 3; round++) {
        await delay(300);
        ada.link.cut();
      }
    });
    await agree(said, pair.at(0));
  });

  test('an instance that is killed: its people go on at the other one', async () => {
    const doomed = await instance();
    const [ada, bob] = await two([doomed, pair.at(1)]);
    const said = await talk([ada, bob], 60, 20, async () => {
      await delay(500);
      ada.moveTo(pair.at(1));
      doomed.signal('SIGKILL');
      await doomed.exited;
    });
    await agree(said, pair.at(1));
  });

  test('an instance that drains: its people come back when they were told to', async () => {
    const leaving = await instance();
    const [ada, bob] = await two([leaving, pair.at(1)]);
    const waits: number[] = [];
    ada.client.on('frame', (frame) => {
      if (frame.type === 'draining') waits.push(Number(frame.retry_after_ms));
    });
    const statuses: { state: string; forMs: number }[] = [];
    ada.client.on('status', (status) => {
      if (status.state === 'waiting') statuses.push({ state: status.state, forMs: status.retryAtMs - Date.now() });
    });
    const said = await talk([ada, bob], 60, 20, async () => {
      await delay(500);
      ada.moveTo(pair.at(1));
      await leaving.stop();
    });
    await agree(said, pair.at(1));
    assert.equal(waits.length, 1);
    const [first] = statuses;
    assert.ok(first !== undefined && Math.abs(first.forMs - (waits[0] ?? 0)) <= 50, JSON.stringify([statuses, waits]));
  });

  test('too long an absence: the list begins anew, and going back brings all of it', async () => {
    const [ada, bob] = await two();
    await ada.channel.send('before');
    ada.link.refusing = true;
    ada.link.cut();
    await until(() => ada.client.status.get().state === 'waiting');
    for (let round = 0; round < 11; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => bob.channel.send(`${round}:${index}`)));
    }
    ada.link.heal();
    ada.client.reconnect();
    await until(() => ada.channel.status.get().state === 'joined');
    assert.equal(ada.gaps.length, 1);
    assert.equal(ada.gaps[0]?.afterSeq, 1);
    const { timeline } = ada.channel;
    assert.equal(timeline.get().messages.length, 50);
    while (timeline.get().hasOlder) await timeline.loadOlder({ limit: 100 });
    await ada.matches(await storedMessages(pair, pair.at(0), 'ada', channelId));
  });

  test('a token that lapses is replaced on the open connection', async () => {
    channelId = await createChannel(pair, 'ada');
    let asked = 0;
    const view = await AppView.open(pair, pair.at(0), 'ada', channelId, {
      getToken: () => {
        const lifetimeSeconds = asked++ === 0 ? 4 : 3600;
        return pair.key.sign(userClaims('ada', { exp: Math.floor(Date.now() / 1000) + lifetimeSeconds }));
      },
    });
    views = [view];
    const states: string[] = [];
    await view.channel.join();
    view.client.on('status', ({ state }) => states.push(state));
    await delay(6000);
    const result = await view.channel.send('still here');
    assert.equal(result.status, 'sent');
    assert.equal(asked, 2);
    assert.deepEqual(states, []);
  });

  test('refusals have their codes, and a ban ends the channel', async () => {
    const [ada, bob] = await two();
    const refused = async (content: string) => {
      const error = await bob.channel.send(content).then(
        () => null,
        (reason: unknown) => reason,
      );
      return error instanceof HubbubClientError ? error.code : error;
    };
    assert.equal(await refused(' '), 'EMPTY_MESSAGE');
    assert.equal(await refused('x'.repeat(501)), 'MESSAGE_TOO_LONG');
    // So large that the server closes the connection.
    assert.equal(await refused('x'.repeat(50_000)), 'MESSAGE_TOO_LONG');
    const bobId = bob.client.self.get()?.id ?? '';
    const { request } = ada.client.rest;
    const act = (path: string) =>
      request.call(ada.client.rest, 'POST', `/channels/${channelId}/${path}`, {
        body: { user_id: bobId, reason: 'spam' },
      });
    await act('mute');
    assert.equal(await refused('hello'), 'MUTED');
    await act('ban');
    const status = await until(() => {
      const now = bob.channel.status.get();
      return now.state === 'ended' && now;
    });
    assert.equal(status.error.code, 'BANNED');
    assert.equal(status.moderation?.reason, 'spam');
    await assert.rejects(bob.channel.join(), { code: 'FORBIDDEN' });
  });
});
