/** The shield. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AutoModeration } from '@hubbub/protocol/auto-moderation.js';
import {
  assertRefused,
  forEachPair,
  isMessage,
  nextError,
  type Stage,
  settled,
  type User,
  V1,
} from '../contract/stage.js';
import { assertChain, member, seen, trailOf } from './acts.js';
import { decide, heldIn, ruledChannel, send, setRules, setShield } from './rules.js';

const OFF = {
  slow_mode_seconds: 0,
  posting: 'everyone',
  minimum_membership_minutes: 0,
  block_links: false,
  hold_all: false,
};

async function channelOf(by: User, channelId: string) {
  return (await by.api().get<Record<string, unknown>>(`${V1}/channels/${channelId}`, { expect: 200 })).body;
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('the default profile holds on open connections of the other instance, and goes without a trace', async () => {
    const { channel, owner } = await stage.channel({}, await stage.user({}, 0));
    const [stranger, plain] = [await seen(stage, 1), await member(stage, owner, channel.id, 'member', 1)];
    const [outside, inside] = [await stranger.join(channel.id, { at: 1 }), await plain.join(channel.id, { at: 1 })];
    outside.send({ type: 'message', content: 'before' });
    await inside.next(isMessage('before'));
    const before = await channelOf(owner, channel.id);
    const shield = await setShield(owner, channel.id, { on: true, reason: 'a raid' });
    assert.equal(shield.on, true);
    assert.deepEqual(shield.own, { slow_mode_seconds: 0, posting: 'everyone' });
    // No frame is waited for: it is in force when the request is answered.
    assertRefused(await send(stranger, channel.id, 'no', undefined, 1), 403, 'READ_ONLY');
    outside.send({ type: 'message', content: 'no' });
    await nextError(outside, 'READ_ONLY');
    const updated = (await inside.next('channel_updated')).channel;
    assert.deepEqual([updated.shield, updated.slow_mode_seconds, updated.posting], [true, 30, 'members']);
    inside.send({ type: 'message', content: 'see https://example.com' });
    await nextError(inside, 'BLOCKED_CONTENT');
    assertRefused(await send(plain, channel.id, 'again'), 429, 'SLOW_MODE');
    assert.equal((await send(owner, channel.id, 'staff may: https://example.com')).status, 201);
    assert.equal((await setShield(owner, channel.id, { on: false })).on, false);
    const after = await channelOf(owner, channel.id);
    const same = ({ updated_at: _, last_seq: __, ...rest }: Record<string, unknown>) => rest;
    assert.deepEqual(same(after), same(before));
    outside.send({ type: 'message', content: 'https://example.com' });
    await inside.next(isMessage('https://example.com'));
  });

  test('settings and rules that were there stay under the shield, also when they are changed meanwhile', async () => {
    const rules: AutoModeration = { links: { allow: 'listed', hosts: ['example.com'], outcome: 'refuse' } };
    const { channel, owner } = await ruledChannel(stage, rules);
    const path = `${V1}/channels/${channel.id}`;
    await owner.api().patch(path, { slow_mode_seconds: 60, posting: 'staff' }, { expect: 200 });
    await setShield(owner, channel.id, { on: true });
    const under = await channelOf(owner, channel.id);
    assert.deepEqual([under.slow_mode_seconds, under.posting, under.shield], [60, 'staff', true], 'the stricter holds');
    await owner.api().patch(path, { slow_mode_seconds: 10, posting: 'everyone' }, { expect: 200 });
    const shown = await channelOf(owner, channel.id);
    assert.deepEqual([shown.slow_mode_seconds, shown.posting], [30, 'members']);
    await setShield(owner, channel.id, { on: false });
    const after = await channelOf(owner, channel.id);
    assert.deepEqual([after.slow_mode_seconds, after.posting, after.shield], [10, 'everyone', false]);
    const kept = await owner.api().get(`${path}/auto-moderation`, { expect: 200 });
    assert.deepEqual(kept.body, rules);
    const user = await member(stage, owner, channel.id, 'member', 1);
    assert.equal((await send(user, channel.id, 'https://example.com')).status, 201);
  });

  test('only members of some time may write, when the profile asks for it', async () => {
    const { channel, owner } = await stage.channel({}, await stage.user({}, 0));
    const [fresh, moderator] = [
      await member(stage, owner, channel.id, 'member', 1),
      await member(stage, owner, channel.id, 'moderator', 1),
    ];
    const stranger = await seen(stage, 1);
    await setShield(owner, channel.id, { on: true, profile: { ...OFF, minimum_membership_minutes: 10 } });
    const client = await fresh.join(channel.id, { at: 1 });
    client.send({ type: 'message', content: 'I am new' });
    await nextError(client, 'READ_ONLY');
    for (const by of [fresh, stranger]) assertRefused(await send(by, channel.id, 'no'), 403, 'READ_ONLY');
    assert.equal((await send(moderator, channel.id, 'staff')).status, 201);
    if (stage.hasSql) {
      await stage.sql(`update channel_members set created_at = now() - interval '11 minutes' where user_id = $1`, [
        fresh.id,
      ]);
      assert.equal((await send(fresh, channel.id, 'grown old')).status, 201);
    }
    await setShield(owner, channel.id, { on: false });
    client.send({ type: 'message', content: 'at last' });
    await client.next(isMessage('at last'));
  });

  test('everything is held while the profile says so, and no longer', async () => {
    const { channel, owner } = await ruledChannel(stage, { words: { list: ['spam'], outcome: 'refuse' } });
    const user = await member(stage, owner, channel.id, 'member', 1);
    const client = await user.join(channel.id, { at: 1 });
    client.send({ type: 'message', content: 'free' });
    await client.next(isMessage('free'));
    await setShield(owner, channel.id, { on: true, profile: { ...OFF, hold_all: true } });
    client.send({ type: 'message', content: 'harmless' });
    const { message_id: messageId, rule } = await client.next('message_held');
    assert.equal(rule, 'shield');
    assertRefused(await send(user, channel.id, 'spam'), 403, 'BLOCKED_CONTENT');
    assert.equal((await send(owner, channel.id, 'staff passes')).status, 201);
    await setShield(owner, channel.id, { on: false });
    client.send({ type: 'message', content: 'free again' });
    await client.next(isMessage('free again'));
    assert.equal((await heldIn(owner, channel.id)).total, 1, 'what was held waits on');
    assert.equal((await decide(owner, channel.id, messageId, 'approve')).status, 200);
    await client.next(isMessage('harmless'));
  });

  test('no message has a place between the switch on and the switch off, though they come all the while', async () => {
    const { channel, owner } = await stage.channel({}, await stage.user({}, 0));
    const users = await Promise.all([0, 1, 0, 1].map((at) => member(stage, owner, channel.id, 'member', at)));
    const watcher = await owner.join(channel.id, { at: 1 });
    const clients = await Promise.all(users.map((user) => user.join(channel.id)));
    let sending = true;
    const flood = Promise.all(
      clients.map(async (client, who) => {
        for (let index = 0; sending; index++) {
          const messageId = randomUUID();
          client.send({ type: 'message', content: `${who}: ${index}`, message_id: messageId });
          await client.next((frame) => 'message_id' in frame && frame.message_id === messageId);
          await delay(10);
        }
      }),
    );
    for (let round = 0; round < 3; round++) {
      await setShield(owner, channel.id, { on: true, profile: { ...OFF, hold_all: true } });
      await delay(100);
      await setShield(owner, channel.id, { on: false });
      await delay(100);
    }
    sending = false;
    await flood;
    await settled(watcher);
    let on = false;
    const [places, held] = [{ off: 0, on: 0 }, (await heldIn(owner, channel.id)).total];
    for (const { frame } of watcher.frames) {
      if (frame.type === 'channel_updated') on = frame.channel.shield;
      if (frame.type === 'message') places[on ? 'on' : 'off']++;
    }
    assert.equal(places.on, 0);
    assert.ok(places.off > 0 && held > 0, `${places.off} passed, ${held} held`);
  });

  test('moderators switch it, admins set its profile, and both leave a row', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${V1}/channels/${channel.id}/shield`;
    const [plain, moderator, admin] = [
      await member(stage, owner, channel.id),
      await member(stage, owner, channel.id, 'moderator'),
      await member(stage, owner, channel.id, 'admin'),
    ];
    assertRefused(await plain.api().put(path, { on: true }), 403, 'FORBIDDEN');
    assertRefused(await plain.api().get(path), 403, 'FORBIDDEN');
    assertRefused(await moderator.api().put(path, { on: false, profile: { hold_all: true } }), 403, 'FORBIDDEN');
    assert.equal(
      (await setShield(admin, channel.id, { on: false, profile: { hold_all: true } })).profile.hold_all,
      true,
    );
    await setShield(moderator, channel.id, { on: true, reason: 'a raid' });
    await setShield(moderator, channel.id, { on: true, reason: 'again, which changes nothing' });
    const { body } = await moderator.api().get<{ on: boolean; profile: object }>(path, { expect: 200 });
    assert.equal(body.on, true);
    await setRules(owner, channel.id, null);
    const { logs } = await trailOf(owner, channel.id, 'action=shield');
    assert.deepEqual(
      logs.map(({ moderator_id, reason, details }) => [moderator_id, reason, details.on]),
      [
        [moderator.id, 'a raid', true],
        [admin.id, null, false],
      ],
    );
    assertChain((await trailOf(owner, channel.id, 'limit=100')).logs.reverse());
    for (const bad of [
      {},
      { on: 'yes' },
      { on: true, profile: {} },
      { on: true, profile: { slow_mode_seconds: -1 } },
      { on: true, profile: { posting: 'nobody' } },
    ]) {
      assertRefused(await owner.api().put(path, bad), 400, 'INVALID_REQUEST');
    }
    const { channel: hidden } = await stage.channel({ channel_type: 'private' });
    assertRefused(await owner.api().put(`${V1}/channels/${hidden.id}/shield`, { on: true }), 404, 'CHANNEL_NOT_FOUND');
  });
});
