/** A channel that is made private is closed to all who are no members, at its place in the sequence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerFrame } from '@hubbub/protocol/frames.js';
import type { Channel, ChannelList } from '@hubbub/protocol/rest.js';
import {
  assertRefused,
  assertUpgradeRefused,
  forEachPair,
  history,
  isMessage,
  post,
  range,
  type Stage,
  type User,
  V1,
} from '../contract/stage.js';
import { assertClosed, member, seen, trailOf } from './acts.js';

async function makeType(by: User, channelId: string, channel_type: 'public' | 'private'): Promise<Channel> {
  return (await by.api().patch<Channel>(`${V1}/channels/${channelId}`, { channel_type }, { expect: 200 })).body;
}

async function lists(user: User, channelId: string): Promise<boolean> {
  const { body } = await user.api().get<ChannelList>(`${V1}/channels?limit=100`, { expect: 200 });
  return body.channels.some(({ id }) => id === channelId);
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('outsiders are cut off on every instance and kept out, members stay; made public again, all may return', async () => {
    const { channel, owner } = await stage.channel();
    const [outsider, inside] = [await seen(stage), await member(stage, owner, channel.id)];
    const [siteAdmin, siteModerator] = [await stage.user({ role: 'admin' }), await stage.user({ role: 'moderator' })];
    const staying = await Promise.all(
      [inside, siteAdmin, owner].flatMap((user) => [0, 1].map((at) => user.join(channel.id, { at }))),
    );
    const leaving = await Promise.all(
      [outsider, siteModerator].flatMap((user) => [0, 1].map((at) => user.join(channel.id, { at }))),
    );
    const many = await outsider.open('/ws/chat', { at: 1 });
    many.send({ type: 'join', channel_id: channel.id });
    await many.next('subscribed');
    assert.equal((await makeType(owner, channel.id, 'private')).channel_type, 'private');
    await post(owner, channel.id, ['among us']);
    for (const client of leaving) await assertClosed(client, 4003);
    assert.equal((await many.next('left')).code, 4003);
    for (const client of staying) {
      assert.equal((await client.next('channel_updated')).channel.channel_type, 'private');
      await client.next(isMessage('among us'));
    }
    for (const client of [...leaving, many]) {
      assert.ok(!client.frames.some(({ frame }) => frame.type === 'message'), 'a message came after the change');
    }
    for (const at of [0, 1]) {
      const path = `${V1}/channels/${channel.id}`;
      assertRefused(await outsider.api(at).get(path), 404, 'CHANNEL_NOT_FOUND');
      assertRefused(await outsider.api(at).get(`${path}/messages`), 404, 'CHANNEL_NOT_FOUND');
      assertRefused(await outsider.api(at).post(`${path}/messages`, { content: 'x' }), 404, 'CHANNEL_NOT_FOUND');
      await assertUpgradeRefused(outsider.open(`${path}/ws`, { at }), 403, 'FORBIDDEN');
    }
    assert.deepEqual([await lists(outsider, channel.id), await lists(inside, channel.id)], [false, true]);
    const [entry] = (await trailOf(owner, channel.id)).logs;
    assert.deepEqual([entry?.action, entry?.details], ['channel_update', { channel_type: 'private' }]);
    await makeType(owner, channel.id, 'public');
    await outsider.join(channel.id, { at: 1 });
  });

  test('under a flood, no outsider gets, or gives, a message past the change', async () => {
    const { channel, owner } = await stage.channel();
    const outsider = await seen(stage);
    const clients = await Promise.all([0, 1].map((at) => outsider.join(channel.id, { at })));
    const speakers = await Promise.all([0, 1].map((at) => owner.join(channel.id, { at })));
    for (const number of range(1, 200)) {
      for (const client of [...speakers, ...clients]) client.send({ type: 'message', content: `message ${number}` });
      if (number % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (number === 100) await makeType(owner, channel.id, 'private');
    }
    for (const client of clients) await assertClosed(client, 4003);
    const [speaker] = speakers;
    const isLast = (frame: ServerFrame) => isMessage('message 200')(frame) && frame.user_id === owner.id;
    for (const _ of speakers) await speaker?.next(isLast);
    const { seq } = await (speaker ?? assert.fail()).next('channel_updated');
    for (const { frames } of clients) {
      for (const { frame } of frames) {
        assert.ok(
          frame.type !== 'message' || frame.seq < seq,
          `a message at ${JSON.stringify(frame)}, closed at ${seq}`,
        );
      }
    }
    const { messages } = await history(owner, channel.id, `after_seq=${seq}&limit=100`);
    assert.ok(messages.length > 0 && messages.every(({ user_id }) => user_id === owner.id));
  });

  test('only those who change the channel do so, and only to what there is', async () => {
    const { channel, owner } = await stage.channel();
    const moderator = await member(stage, owner, channel.id, 'moderator');
    const path = `${V1}/channels/${channel.id}`;
    assertRefused(await moderator.api().patch(path, { channel_type: 'private' }), 403, 'FORBIDDEN');
    assertRefused(await owner.api().patch(path, { channel_type: 'secret' }), 400, 'INVALID_REQUEST');
    assertRefused(await owner.api().patch(path, { channel_type: null }), 400, 'INVALID_REQUEST');
  });
});
