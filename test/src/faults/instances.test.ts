/** An instance that is killed, or stands still: what was acknowledged survives, and nobody is thought to be there for ever. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import type { PresenceList } from '@hubbub/protocol/rest.js';
import { range, Stage, seqs, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { until } from '../support/wait.js';

const FREEZE_MS = 5000;
/** A dead instance's heartbeat lapses after 10 s; another one looks every few seconds. */
const LAPSE_TIMEOUT_MS = 25_000;
const CATCH_UP_MS = 10_000;

const stage = new Stage('cluster', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
before(() => stage.start());
afterEach(() => stage.closeClients());
after(() => stage.stop());

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

/** One more instance of the cluster, which the test may treat as it likes. */
async function another(): Promise<HubbubProcess> {
  return await HubbubProcess.start(stage.pair.env);
}

function open(user: User, { url }: HubbubProcess, channelId: string): Promise<ChatClient> {
  return stage.open({ url, path: `${V1}/channels/${channelId}/ws`, token: user.token });
}

async function roster(user: User, channelId: string): Promise<string[]> {
  const { body } = await user.api().get<PresenceList>(`${V1}/channels/${channelId}/presence`, { expect: 200 });
  return body.online.map(({ user_id }) => user_id).sort();
}

test('after a kill -9 what was acknowledged is there, clients resume elsewhere, and those who do not are gone', async (t) => {
  const { channel, owner } = await stage.channel();
  const [stays, moves] = await stage.users(2);
  assert.ok(stays !== undefined && moves !== undefined);
  const doomed = await another();
  t.after(() => doomed.stop());
  const watcher = await owner.join(channel.id);
  const [lost, moving] = await Promise.all([open(stays, doomed, channel.id), open(moves, doomed, channel.id)]);
  await Promise.all([lost.next('subscribed'), moving.next('subscribed')]);
  const ids = range(1, 200).map(() => randomUUID());
  for (const message_id of ids) moving.send({ type: 'message', content: 'before the end', message_id });
  await until(() => messages(moving).length >= 60, { message: 'some of the messages to be acknowledged' });
  doomed.signal('SIGKILL');
  await moving.closed;
  const acknowledged = messages(moving);

  const lastSeq = acknowledged.at(-1)?.seq ?? 0;
  const back = await moves.join(channel.id, { at: 0, lastSeq });
  // He does not know what has become of the others: he sends them again.
  const unanswered = new Set<string>(ids);
  for (const { message_id } of acknowledged) unanswered.delete(message_id);
  for (const message_id of unanswered) back.send({ type: 'message', content: 'before the end', message_id });
  await until(() => messages(watcher).length >= ids.length, { timeoutMs: CATCH_UP_MS, message: 'all to be heard' });
  assert.deepEqual(seqs(messages(watcher)), range(1, ids.length));
  assert.deepEqual(new Set(messages(watcher).map(({ message_id }) => message_id)), new Set(ids));
  const heard = new Map(messages(watcher).map(({ message_id, seq }) => [message_id, seq]));
  for (const { message_id, seq } of acknowledged) assert.equal(heard.get(message_id), seq);
  const again = messages(back).filter(({ message_id }) => !unanswered.has(message_id));
  assert.deepEqual(again, [], 'what he had is not told again');

  await until(async () => !(await roster(owner, channel.id)).includes(stays.id), {
    timeoutMs: LAPSE_TIMEOUT_MS,
    message: 'the one who did not come back to be gone',
  });
  await watcher.next(
    (frame) => frame.type === 'presence' && frame.user_id === stays.id && frame.presence_type === 'left',
    LAPSE_TIMEOUT_MS,
  );
  assert.deepEqual(await roster(owner, channel.id), [owner.id, moves.id].sort());
});

test('an instance that stands still for five seconds delays its own clients and nobody else, and loses nothing', async (t) => {
  const { channel, owner } = await stage.channel();
  const guest = await stage.user();
  const still = await another();
  t.after(() => still.stop());
  const reader = await owner.join(channel.id);
  const sender = await owner.join(channel.id, { at: 1 });
  const held = await open(guest, still, channel.id);
  await held.next('subscribed');
  still.signal('SIGSTOP');
  const stoppedAtMs = performance.now();
  // What the frozen one is sent waits in its socket.
  const heldIds = range(1, 5).map(() => randomUUID());
  for (const message_id of heldIds) held.send({ type: 'message', content: 'into the ice', message_id });
  let longest = 0;
  let count = 0;
  while (performance.now() - stoppedAtMs < FREEZE_MS) {
    const sentAtMs = performance.now();
    sender.send({ type: 'message', content: `number ${++count}` });
    await until(() => messages(reader).length === count, { message: 'the others to go on' });
    longest = Math.max(longest, performance.now() - sentAtMs);
    await delay(20);
  }
  assert.ok(longest < 2000, `the others waited for up to ${Math.round(longest)} ms`);
  assert.deepEqual(messages(held), []);
  still.signal('SIGCONT');
  const all = count + heldIds.length;
  for (const client of [held, reader, sender]) {
    await until(() => messages(client).length === all, { timeoutMs: CATCH_UP_MS, message: `all ${all} messages` });
    assert.deepEqual(seqs(messages(client)), range(1, all));
  }
  // The connection has lived through it, and so has the one who holds it.
  assert.deepEqual(await roster(owner, channel.id), [owner.id, guest.id].sort());
  t.diagnostic(`${count} messages in the meantime, the longest wait ${Math.round(longest)} ms`);
});
