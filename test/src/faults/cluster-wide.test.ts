/** What holds for the whole cluster, under use of both instances at once. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import type { MessageFrame, PresenceFrame } from '@hubbub/protocol/frames.js';
import type { Message, PresenceList } from '@hubbub/protocol/rest.js';
import { history, range, Stage, seqs, settled, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { UpgradeRefused } from '../support/upgrade.js';
import { until } from '../support/wait.js';

const stage = new Stage('cluster', { instances: 3 });
before(() => stage.start());
afterEach(() => stage.closeClients());
after(() => stage.stop());

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

test('a user on five devices: each hears everything once, he comes once, and he goes with the last of them', async () => {
  const { channel, owner } = await stage.channel();
  const [user] = await stage.users(1);
  assert.ok(user !== undefined);
  const watcher = await owner.join(channel.id);
  const devices = await Promise.all(range(0, 4).map((at) => user.join(channel.id, { at })));
  const presence = () =>
    watcher.frames.flatMap(({ frame }): PresenceFrame['presence_type'][] =>
      frame.type === 'presence' && frame.user_id === user.id ? [frame.presence_type] : [],
    );
  for (const [index, device] of devices.entries()) device.send({ type: 'message', content: `from device ${index}` });
  for (const client of [...devices, watcher]) {
    await until(() => messages(client).length === devices.length, { message: 'every device to hear all five' });
    assert.deepEqual(seqs(messages(client)), range(1, devices.length));
    assert.deepEqual(messages(client), messages(watcher));
  }
  const { body } = await owner.api().get<PresenceList>(`${V1}/channels/${channel.id}/presence`, { expect: 200 });
  assert.equal(body.count, 2);
  for (const device of devices.slice(0, -1)) await device.close();
  await watcher.expectNone((frame) => frame.type === 'presence' && frame.presence_type === 'left', 2500);
  await devices.at(-1)?.close();
  await watcher.next((frame) => frame.type === 'presence' && frame.presence_type === 'left', 8000);
  assert.deepEqual(presence(), ['joined', 'left']);
});

test('a message_id that is sent by all instances at once, over both ways, is stored once and told once', async () => {
  const { channel, owner } = await stage.channel();
  const [witness] = await stage.users(1);
  const reader = await witness?.join(channel.id, { at: 1 });
  assert.ok(reader !== undefined);
  const clients = await Promise.all(range(0, 2).map((at) => owner.join(channel.id, { at })));
  for (const round of range(1, 3)) {
    const message_id = randomUUID();
    const path = `${V1}/channels/${channel.id}/messages`;
    for (const client of clients) client.send({ type: 'message', content: 'once', message_id });
    const posted = await Promise.all(
      range(0, 2).map((at) => owner.api(at).post<Message>(path, { content: 'once', message_id })),
    );
    for (const { status, body } of posted) {
      assert.ok(status === 200 || status === 201, JSON.stringify(body));
      assert.equal(body.seq, round);
    }
    for (const client of clients) {
      const answer = await client.next((frame) => frame.type === 'message' && frame.message_id === message_id);
      assert.ok(answer.type === 'message' && answer.seq === round);
    }
    await reader.next('message');
  }
  await settled(reader);
  assert.deepEqual(seqs(messages(reader)), range(1, 3));
  assert.deepEqual(seqs((await history(owner, channel.id)).messages), range(1, 3));
});

test('the rate of a user is one, however many instances he sends through at the same time', async () => {
  const { channel, owner } = await stage.channel();
  const clients = await Promise.all(range(0, 5).map((at) => owner.join(channel.id, { at })));
  for (let round = 0; round < 10; round++) {
    for (const client of clients) client.send({ type: 'message', content: `round ${round}` });
  }
  for (const client of clients) await settled(client);
  const refused = () =>
    clients.reduce((sum, { frames }) => sum + frames.filter(({ frame }) => frame.type === 'error').length, 0);
  const passed = () => messages(clients[0] as ChatClient).length;
  await until(() => passed() + refused() === 60, { message: 'all sixty to be answered' });
  // Twenty at once, and one more every three seconds that it took.
  assert.ok(passed() >= 20 && passed() <= 22, `${passed()} passed`);
});

test('the last places of a channel are given once, whichever instances people come to', async () => {
  const { channel, owner } = await stage.channel({ max_participants: 5 });
  await owner.join(channel.id);
  const users = await stage.users(18);
  const outcomes = await Promise.allSettled(users.map((user, at) => user.join(channel.id, { at })));
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  for (const reason of refusals) {
    assert.ok(reason instanceof UpgradeRefused, String(reason));
    assert.equal(reason.status, 409);
  }
  assert.equal(outcomes.length - refusals.length, 4, 'the owner has the fifth place');
});
