/** A rolling update under load: everyone is sent away in his turn, comes back elsewhere, and nothing is lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import { range, Stage, seqs, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { until } from '../support/wait.js';

const CLIENTS = 400;
const USERS = 20;
/** Closes are a millisecond apart at least. */
const MIN_SPREAD_MS = CLIENTS * 0.8;
const DRAIN_SECONDS = 2;
/** The window, the answers to the last closes, and what is still to be written. */
const MAX_EXIT_MS = DRAIN_SECONDS * 1000 + 8000;

const stage = new Stage('cluster', {
  env: { CHAT_RATE_LIMIT_PER_MINUTE: '0', DRAIN_SECONDS: String(DRAIN_SECONDS) },
});
before(() => stage.start());
after(async () => {
  await stage.closeClients();
  await stage.stop();
});

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

test('an instance that is told to stop sends its clients away one after the other, and they resume elsewhere', async (t) => {
  const { channel, owner } = await stage.channel();
  const users = await stage.users(USERS);
  const leaving = await HubbubProcess.start(stage.pair.env);
  t.after(() => leaving.stop());
  const watcher = await owner.join(channel.id);
  const path = `${V1}/channels/${channel.id}/ws`;
  const clients = await Promise.all(
    range(0, CLIENTS - 1).map(async (index) => {
      const user = users[index % USERS];
      assert.ok(user !== undefined);
      const client = await stage.open({ url: leaving.url, path, token: user.token });
      await client.next('subscribed');
      return { user, client };
    }),
  );
  const sender = clients.at(-1);
  assert.ok(sender !== undefined);
  // He is the last one whose turn comes, and sends all the while.
  const ids: string[] = [];
  const talking = setInterval(() => {
    const message_id = randomUUID();
    ids.push(message_id);
    sender.client.send({ type: 'message', content: 'on the way out', message_id });
  }, 5);
  t.after(() => clearInterval(talking));
  await until(() => messages(watcher).length > 5);
  const closedAtMs: number[] = [];
  for (const { client } of clients) void client.closed.then(() => closedAtMs.push(performance.now()));
  const toldAtMs = performance.now();
  leaving.signal('SIGTERM');
  const ends = await Promise.all(clients.map(({ client }) => client.closed));
  clearInterval(talking);
  assert.deepEqual(new Set(ends.map(({ code }) => code)), new Set([1001]));
  assert.deepEqual(await leaving.exited, { code: 0, signal: null });
  const exitMs = performance.now() - toldAtMs;
  assert.ok(exitMs < MAX_EXIT_MS, `it took ${Math.round(exitMs)} ms to end`);
  const spreadMs = Math.max(...closedAtMs) - Math.min(...closedAtMs);
  assert.ok(spreadMs > MIN_SPREAD_MS, `all ${CLIENTS} were sent away within ${Math.round(spreadMs)} ms`);
  const waits = clients.map(({ client }) => {
    const told = client.frames.at(-1)?.frame;
    assert.ok(told?.type === 'draining');
    return told.retry_after_ms;
  });
  assert.ok(new Set(waits).size > CLIENTS / 4, 'each is told to wait for another time');

  // Each resumes where he stood. What the sender does not know the fate of he sends again.
  const acknowledged = new Set(messages(sender.client).map(({ message_id }) => message_id));
  const back = await Promise.all(
    clients.map(async ({ user, client }) => {
      const lastSeq = messages(client).at(-1)?.seq ?? 0;
      const resumed = await user.open(path, { lastSeq });
      assert.equal((await resumed.next('subscribed')).recovered, true);
      return { client, resumed };
    }),
  );
  const again = back.at(-1)?.resumed;
  for (const message_id of ids) {
    if (!acknowledged.has(message_id)) again?.send({ type: 'message', content: 'on the way out', message_id });
  }
  await until(() => messages(watcher).length >= ids.length, { timeoutMs: 10_000, message: 'all to be heard' });
  assert.deepEqual(seqs(messages(watcher)), range(1, ids.length));
  assert.deepEqual(new Set(messages(watcher).map(({ message_id }) => message_id)), new Set(ids));
  for (const { client, resumed } of back.slice(0, -1)) {
    await until(() => messages(client).length + messages(resumed).length === ids.length, { timeoutMs: 10_000 });
    assert.deepEqual(seqs([...messages(client), ...messages(resumed)]), range(1, ids.length));
  }
  t.diagnostic(`${CLIENTS} clients sent away over ${Math.round(spreadMs)} ms, ended after ${Math.round(exitMs)} ms`);
});
