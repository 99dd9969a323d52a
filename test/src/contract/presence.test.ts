/** Who is online: told once a user, counted once a user, on all instances. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PresenceFrame } from '@hubbub/protocol/frames.js';
import type { Channel, PresenceList } from '@hubbub/protocol/rest.js';
import type { ChatClient } from '../support/chat-client.js';
import { until } from '../support/wait.js';
import { forEachPair, RFC3339_MS_UTC, type Stage, settled, type User, V1 } from './stage.js';

/** Past the grace that swallows reconnects (2 s), with what a busy machine adds. */
const LEFT_TIMEOUT_MS = 6000;

function presenceOf(client: ChatClient, user: User): PresenceFrame['presence_type'][] {
  return client.frames.flatMap(({ frame }) =>
    frame.type === 'presence' && frame.user_id === user.id ? [frame.presence_type] : [],
  );
}

function isPresence(user: User, type: PresenceFrame['presence_type']) {
  return (frame: { type: string }): frame is PresenceFrame =>
    frame.type === 'presence' &&
    (frame as PresenceFrame).user_id === user.id &&
    (frame as PresenceFrame).presence_type === type;
}

async function roster(user: User, channelId: string, at: number): Promise<{ ids: string[]; count: number }> {
  const path = `${V1}/channels/${channelId}/presence`;
  const { body } = await user.api(at).get<PresenceList>(path, { expect: 200 });
  return { ids: body.online.map(({ user_id }) => user_id).sort(), count: body.count };
}

forEachPair({}, (stage: Stage) => {
  test('a user comes with his first connection and goes with his last, on whichever instance', async () => {
    const { channel, owner } = await stage.channel();
    const [guest] = await stage.users(1);
    assert.ok(guest !== undefined);
    const watchers = [await owner.join(channel.id, { at: 0 }), await owner.join(channel.id, { at: 1 })];
    const first = await guest.join(channel.id, { at: 0 });
    for (const watcher of watchers) {
      const joined: PresenceFrame = await watcher.next(isPresence(guest, 'joined'));
      assert.match(joined.timestamp, RFC3339_MS_UTC);
      assert.deepEqual(joined, {
        type: 'presence',
        channel_id: channel.id,
        user_id: guest.id,
        username: guest.name,
        presence_type: 'joined',
        timestamp: joined.timestamp,
      });
    }
    const second = await guest.join(channel.id, { at: 1 });
    const third = await guest.open('/ws/chat', { at: 1 });
    third.send({ type: 'join', channel_id: channel.id });
    await third.next('subscribed');
    assert.deepEqual(await roster(owner, channel.id, 0), { ids: [guest.id, owner.id].sort(), count: 2 });
    await first.close();
    await second.cut();
    await watchers[0]?.expectNone(isPresence(guest, 'left'), 2500);
    assert.deepEqual(await roster(owner, channel.id, 1), { ids: [guest.id, owner.id].sort(), count: 2 });
    third.send({ type: 'leave', channel_id: channel.id });
    await third.next('left');
    for (const watcher of watchers) {
      await watcher.next(isPresence(guest, 'left'), LEFT_TIMEOUT_MS);
      assert.deepEqual(presenceOf(watcher, guest), ['joined', 'left']);
    }
    for (const at of [0, 1]) assert.deepEqual(await roster(owner, channel.id, at), { ids: [owner.id], count: 1 });
  });

  test('a reconnect is not told, on whichever instance it arrives', async () => {
    const { channel, owner } = await stage.channel();
    const [guest] = await stage.users(1);
    assert.ok(guest !== undefined);
    const watcher = await owner.join(channel.id, { at: 0 });
    let connection = await guest.join(channel.id, { at: 0 });
    await watcher.next(isPresence(guest, 'joined'));
    for (const at of [0, 1, 0, 1]) {
      await connection.cut();
      connection = await guest.join(channel.id, { at });
    }
    await watcher.expectNone(isPresence(guest, 'left'), 2800);
    assert.deepEqual(presenceOf(watcher, guest), ['joined']);
    assert.equal((await roster(owner, channel.id, 1)).count, 2);
    await connection.close();
    await watcher.next(isPresence(guest, 'left'), LEFT_TIMEOUT_MS);
    // After the grace he comes anew.
    await guest.join(channel.id, { at: 1 });
    await watcher.next(isPresence(guest, 'joined'));
  });

  test('roster and counts agree everywhere', async () => {
    const { channel, owner } = await stage.channel();
    const users = [owner, ...(await stage.users(4))];
    const counts: number[] = [];
    for (const user of users) {
      const client = await user.open(`${V1}/channels/${channel.id}/ws`);
      counts.push((await client.next('subscribed')).online);
    }
    assert.deepEqual(counts, [1, 2, 3, 4, 5]);
    const ids = users.map(({ id }) => id).sort();
    for (const at of [0, 1]) {
      assert.deepEqual(await roster(owner, channel.id, at), { ids, count: 5 });
      const { body } = await owner.api(at).get<Channel>(`${V1}/channels/${channel.id}`, { expect: 200 });
      assert.equal(body.online_count, 5);
    }
    const again = await owner.open(`${V1}/channels/${channel.id}/ws`);
    assert.equal((await again.next('subscribed')).online, 5);
  });

  test('who types is shown as typing', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id, { at: 0 });
    client.send({ type: 'typing' });
    await settled(client);
    const path = `${V1}/channels/${channel.id}/presence`;
    const { body } = await owner.api(0).get<PresenceList>(path, { expect: 200 });
    assert.deepEqual(
      body.online.map(({ user_id, status }) => [user_id, status]),
      [[owner.id, 'typing']],
    );
  });

  test('connections that come and go in numbers leave nobody behind', async () => {
    const { channel, owner } = await stage.channel();
    const users = await stage.users(6);
    for (let round = 0; round < 4; round++) {
      const clients = await Promise.all(
        users.flatMap((user) => [0, 1].map((at) => user.open(`${V1}/channels/${channel.id}/ws`, { at }))),
      );
      await Promise.all(clients.map((client, index) => (index % 2 === 0 ? client.cut() : client.close())));
    }
    await until(async () => (await roster(owner, channel.id, 0)).count === 0, { timeoutMs: LEFT_TIMEOUT_MS });
    assert.deepEqual(await roster(owner, channel.id, 1), { ids: [], count: 0 });
  });

  if (stage.hasSql) {
    test('the table of presence follows', async () => {
      const { channel, owner } = await stage.channel();
      const row = async () => {
        const rows = await stage.sql<{ status: string; last_seen: Date; updated_at: Date }>(
          'select status, last_seen, updated_at from user_presence where user_id = $1 and channel_id = $2',
          [owner.id, channel.id],
        );
        assert.ok(rows.length <= 1);
        return rows[0];
      };
      const statusIs = (status: string) =>
        until(async () => (await row())?.status === status, { timeoutMs: LEFT_TIMEOUT_MS, message: status });
      const client = await owner.join(channel.id);
      await statusIs('online');
      const online = await row();
      assert.ok(Math.abs((online?.last_seen.getTime() ?? 0) - Date.now()) < 60_000);
      client.send({ type: 'typing' });
      await statusIs('typing');
      await client.close();
      await statusIs('offline');
      assert.ok(((await row())?.last_seen.getTime() ?? 0) >= (online?.last_seen.getTime() ?? 0));
    });
  }
});
