/** The end of a process, and what the next one finds. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { LogPage } from '@hubbub/protocol/moderation.js';
import type { Channel, Message, MessagePage } from '@hubbub/protocol/rest.js';
import { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { api } from '../support/rest.js';
import { TokenKey, userClaims } from '../support/tokens.js';
import { requestUpgrade } from '../support/upgrade.js';
import { until } from '../support/wait.js';
import { assertRefused, isMessage, nextMessages, range, V1 } from './stage.js';

describe('an embedded instance with a data directory', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hubbub-data-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  interface DevToken {
    readonly token: string;
    readonly user_id: string;
  }

  /** What was acknowledged to the client, by message id. */
  function acknowledged(client: ChatClient): string[] {
    return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame.message_id] : []));
  }

  async function all(url: string, token: string, channelId: string): Promise<Message[]> {
    const messages: Message[] = [];
    for (;;) {
      const path = `${V1}/channels/${channelId}/messages?limit=100&after_seq=${messages.at(-1)?.seq ?? 0}`;
      const { body } = await api(url, token).get<MessagePage>(path, { expect: 200 });
      if (body.messages.length === 0) return messages;
      messages.push(...body.messages);
    }
  }

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`keeps channels, history and its key over a restart after ${signal}`, async () => {
      const env = { DATA_DIR: folder, CHAT_RATE_LIMIT_PER_MINUTE: '0' };
      const first = await HubbubProcess.start(env);
      const second = { process: first };
      try {
        const { body } = await api(first.url).post<DevToken>('/api/v1/dev/token', { username: 'ada' }, { expect: 201 });
        const { token } = body;
        const created = await api(first.url, token).post<Channel>(`${V1}/channels`, { name: 'kept' }, { expect: 201 });
        const { id } = created.body;
        const client = await ChatClient.connect({ url: first.url, path: `/ws/chat/${id}`, token });
        const ids = range(1, 300).map(() => randomUUID());
        for (const message_id of ids) client.send({ type: 'message', content: 'kept', message_id });
        await nextMessages(client, 100);
        first.signal(signal);
        await first.exited;
        await client.closed;
        const told = acknowledged(client);
        assert.ok(told.length >= 100);

        second.process = await HubbubProcess.start(env);
        const { url } = second.process;
        const { body: channel } = await api(url, token).get<Channel>(`${V1}/channels/${id}`, { expect: 200 });
        const messages = await all(url, token, id);
        assert.deepEqual(
          messages.map(({ seq }) => seq),
          range(1, messages.length),
        );
        assert.equal(channel.last_seq, messages.length);
        // What was acknowledged is there, in the order of its acknowledgement.
        assert.deepEqual(
          messages.slice(0, told.length).map((message) => message.id),
          told,
        );
        const again = await api(url).post<DevToken>('/api/v1/dev/token', { username: 'ada' }, { expect: 201 });
        assert.equal(again.body.user_id, body.user_id);
        const resumed = await ChatClient.connect({ url, path: `/ws/chat/${id}`, token, lastSeq: messages.length });
        assert.equal((await resumed.next('subscribed')).recovered, true);
        resumed.send({ type: 'message', content: 'afterwards' });
        assert.equal((await resumed.next(isMessage('afterwards'))).seq, messages.length + 1);
        await resumed.close();
      } finally {
        await second.process.stop();
      }
    });
  }

  test('writes to the trail what the rules have stopped in the last minute, however often', async () => {
    const env = { DATA_DIR: folder, CHAT_RATE_LIMIT_PER_MINUTE: '0' };
    const tokenOf = async (url: string, username: string) =>
      (await api(url).post<DevToken>('/api/v1/dev/token', { username }, { expect: 201 })).body;
    const server = { process: await HubbubProcess.start(env) };
    try {
      const { url } = server.process;
      const [owner, user] = [await tokenOf(url, 'grace'), await tokenOf(url, 'alan')];
      const created = await api(url, owner.token).post<Channel>(`${V1}/channels`, { name: 'ruled' }, { expect: 201 });
      const path = `${V1}/channels/${created.body.id}`;
      const auto_moderation = { words: { list: ['spam'], outcome: 'refuse' } };
      await api(url, owner.token).patch(path, { auto_moderation }, { expect: 200 });
      const spam = () => api(url, user.token).post(`${path}/messages`, { content: 'spam' });
      const trail = async (at: string) =>
        (await api(at, owner.token).get<LogPage>(`${path}/moderation-log?action=auto_moderation`, { expect: 200 }))
          .body;
      assertRefused(await spam(), 403, 'BLOCKED_CONTENT');
      // The first hit is written at once, and begins the minute in which the others are only counted.
      await until(async () => (await trail(url)).total === 1);
      for (const _ of range(1, 7)) assertRefused(await spam(), 403, 'BLOCKED_CONTENT');
      assert.equal((await trail(url)).total, 1);
      server.process.signal('SIGTERM');
      assert.deepEqual(await server.process.exited, { code: 0, signal: null });
      server.process = await HubbubProcess.start(env);
      const { logs } = await trail(server.process.url);
      assert.deepEqual(
        logs.map(({ target_user_id, details }) => [target_user_id, details.count]),
        [
          [user.user_id, 7],
          [user.user_id, 1],
        ],
      );
    } finally {
      await server.process.stop();
    }
  });
});

describe('shutting down', () => {
  test('SIGTERM sends everyone away with 1001, each with a wait of his own, and exits with 0', async () => {
    const server = await HubbubProcess.start({ DATA_DIR: 'memory://' });
    const client = api(server.url);
    const { body } = await client.post<{ token: string }>('/api/v1/dev/token', { username: 'ada' }, { expect: 201 });
    const { token } = body;
    const connect = () => ChatClient.connect({ url: server.url, path: '/ws/chat', token });
    const clients = await Promise.all(range(1, 12).map(connect));
    const silent = await connect();
    // One who does not answer the close holds the drain open for a moment.
    silent.pause();
    server.signal('SIGTERM');
    const waits: number[] = [];
    for (const each of clients) {
      const draining = await each.next('draining');
      assert.ok(Number.isInteger(draining.retry_after_ms) && draining.retry_after_ms >= 0);
      waits.push(draining.retry_after_ms);
      const { code, reason } = await each.closed;
      assert.equal(code, 1001);
      assert.notEqual(reason, '');
      assert.equal(each.frames.at(-1)?.frame.type, 'draining');
    }
    assert.ok(new Set(waits).size > 6, `waits ${waits}`);
    const headers = { Authorization: `Bearer ${token}` };
    assertRefused(await requestUpgrade(`${server.url}/ws/chat`, headers), 503, 'UNAVAILABLE');
    assertRefused(await client.get('/readyz'), 503, 'UNAVAILABLE');
    const exit = await server.exited;
    assert.deepEqual(exit, { code: 0, signal: null });
    silent.resume();
    await silent.cut();
    await server.stop();
  });

  test('SIGINT ends it as well, and what was accepted before is stored', async () => {
    const key = new TokenKey();
    const stage = { env: { JWT_PRIVATE_KEY: key.privatePem, HOST: '127.0.0.1', CHAT_RATE_LIMIT_PER_MINUTE: '0' } };
    const folder = await mkdtemp(join(tmpdir(), 'hubbub-data-'));
    const token = key.sign(userClaims('ada'));
    const server = await HubbubProcess.start({ ...stage.env, DATA_DIR: folder });
    const client = api(server.url, token);
    const { body } = await client.post<Channel>(`${V1}/channels`, { name: 'x' }, { expect: 201 });
    const path = `${V1}/channels/${body.id}/messages`;
    const posts = range(1, 60).map((number) => client.post<Message>(path, { content: `number ${number}` }));
    await Promise.any(posts);
    server.signal('SIGINT');
    const answers = await Promise.allSettled(posts);
    assert.deepEqual(await server.exited, { code: 0, signal: null }, server.output.slice(-1000));
    const ids = answers.flatMap((each) =>
      each.status === 'fulfilled' && each.value.status === 201 ? [each.value.body.id] : [],
    );
    const again = await HubbubProcess.start({ ...stage.env, DATA_DIR: folder });
    try {
      const { body: page } = await api(again.url, token).get<MessagePage>(`${path}?limit=100`, { expect: 200 });
      const stored = new Set(page.messages.map(({ id }) => id));
      assert.ok(ids.length > 0);
      for (const id of ids) assert.ok(stored.has(id));
    } finally {
      await again.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
