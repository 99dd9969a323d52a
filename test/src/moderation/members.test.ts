/** Members and roles. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Member, MemberList } from '@hubbub/protocol/moderation.js';
import {
  assertRefused,
  assertUpgradeRefused,
  forEachPair,
  isMessage,
  post,
  type Stage,
  type User,
  V1,
} from '../contract/stage.js';
import { api } from '../support/rest.js';
import { assertCutOff, member, restrict, seen, trailOf } from './acts.js';

async function roleIn(user: User, channelId: string): Promise<string | null> {
  return (await user.api().get<{ role: string | null }>(`${V1}/channels/${channelId}/role`, { expect: 200 })).body.role;
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('a member of a private channel is added, reads and writes, and is cut off when he is removed', async () => {
    const { channel, owner } = await stage.channel({ channel_type: 'private' });
    const user = await seen(stage);
    const path = `${V1}/channels/${channel.id}`;
    assertRefused(await user.api().get(`${path}/messages`), 404, 'CHANNEL_NOT_FOUND');
    const added = await owner
      .api()
      .post<Member>(`${path}/members`, { user_id: user.id.toUpperCase() }, { expect: 201 });
    assert.deepEqual([added.body.user_id, added.body.role, added.body.username], [user.id, 'member', user.name]);
    assertRefused(await owner.api().post(`${path}/members`, { user_id: user.id }), 409, 'CONFLICT');
    assert.equal(await roleIn(user, channel.id), 'member');
    const clients = await Promise.all([0, 1].map((at) => user.join(channel.id, { at })));
    await post(user, channel.id, ['hello']);
    for (const client of clients) await client.next(isMessage('hello'));
    const removed = await owner.api().delete(`${path}/members/${user.id}`, { expect: 200 });
    assert.deepEqual(removed.body, { status: 'removed' });
    for (const client of clients) assert.equal((await assertCutOff(client, 'role_changed')).role, null);
    await assertUpgradeRefused(user.open(`${path}/ws`), 403, 'FORBIDDEN');
    assertRefused(await user.api().post(`${path}/messages`, { content: 'x' }), 404, 'CHANNEL_NOT_FOUND');
    assertRefused(await owner.api().delete(`${path}/members/${user.id}`), 404, 'MEMBER_NOT_FOUND');
    const { logs } = await trailOf(owner, channel.id);
    assert.deepEqual(
      logs.map(({ action }) => action),
      ['member_remove', 'member_add'],
    );
  });

  test('members are listed by rank and name, in pages', async () => {
    const { channel, owner } = await stage.channel();
    const plain = await member(stage, owner, channel.id);
    const moderator = await member(stage, owner, channel.id, 'moderator');
    const admin = await member(stage, owner, channel.id, 'admin');
    const path = `${V1}/channels/${channel.id}/members`;
    const all = (await plain.api().get<MemberList>(path, { expect: 200 })).body;
    assert.deepEqual(
      all.members.map(({ user_id }) => user_id),
      [owner, admin, moderator, plain].map(({ id }) => id),
    );
    const page = (await plain.api().get<MemberList>(`${path}?limit=2&offset=1`, { expect: 200 })).body;
    assert.deepEqual([page.members.length, page.total, page.limit, page.offset], [2, 4, 2, 1]);
    assert.equal(page.members[0]?.user_id, admin.id);
    assertRefused(await plain.api().get(`${path}?limit=0`), 400, 'INVALID_REQUEST');
  });

  test('a changed role is told to the user and holds at once', async () => {
    const { channel, owner } = await stage.channel();
    const [user, other] = [await member(stage, owner, channel.id), await seen(stage)];
    const client = await user.join(channel.id, { at: 1 });
    const path = `${V1}/channels/${channel.id}/members/${user.id}`;
    const changed = await owner.api().patch<Member>(path, { role: 'moderator' }, { expect: 200 });
    assert.equal(changed.body.role, 'moderator');
    const told = await client.next('moderation');
    assert.deepEqual([told.action, told.role], ['role_changed', 'moderator']);
    await restrict(user, channel.id, 'mute', other);
    await owner.api().patch(path, { role: 'member' }, { expect: 200 });
    assert.equal((await client.next('moderation')).role, 'member');
    const mute = { user_id: other.id };
    assertRefused(await user.api().post(`${V1}/channels/${channel.id}/mute`, mute), 403, 'FORBIDDEN');
    const { logs } = await trailOf(owner, channel.id, 'action=role_change');
    assert.deepEqual(logs[0]?.details, { from: 'moderator', to: 'member' });
  });

  test('staff adds and removes members; only the owner and site admins touch staff and roles', async () => {
    const { channel, owner } = await stage.channel();
    const [admin, moderator, plain, stranger] = [
      await member(stage, owner, channel.id, 'admin'),
      await member(stage, owner, channel.id, 'moderator'),
      await member(stage, owner, channel.id),
      await seen(stage),
    ];
    const siteModerator = await stage.user({ role: 'moderator' });
    const siteAdmin = await stage.user({ role: 'admin' });
    const path = `${V1}/channels/${channel.id}/members`;
    for (const by of [plain, stranger, siteModerator]) {
      assertRefused(await by.api().post(path, { user_id: stranger.id }), 403, 'FORBIDDEN');
      assertRefused(await by.api().delete(`${path}/${moderator.id}`), 403, 'FORBIDDEN');
    }
    for (const by of [admin, moderator]) {
      assertRefused(await by.api().post(path, { user_id: stranger.id, role: 'moderator' }), 403, 'FORBIDDEN');
      assertRefused(await by.api().patch(`${path}/${plain.id}`, { role: 'moderator' }), 403, 'FORBIDDEN');
    }
    assertRefused(await moderator.api().delete(`${path}/${admin.id}`), 403, 'FORBIDDEN');
    await moderator.api().post(path, { user_id: stranger.id }, { expect: 201 });
    await moderator.api().delete(`${path}/${stranger.id}`, { expect: 200 });
    assertRefused(await owner.api().delete(`${path}/${owner.id}`), 403, 'FORBIDDEN');
    assertRefused(await siteAdmin.api().delete(`${path}/${owner.id}`), 403, 'FORBIDDEN', /owner stays/);
    assertRefused(await owner.api().patch(`${path}/${owner.id}`, { role: 'member' }), 403, 'FORBIDDEN');
    await siteAdmin.api().patch(`${path}/${plain.id}`, { role: 'admin' }, { expect: 200 });
    await plain.api().delete(`${path}/${plain.id}`, { expect: 200 });
    assert.equal(await roleIn(plain, channel.id), null);
  });

  test('the ownership is handed on by the owner, and there is one owner at all times', async () => {
    const { channel, owner } = await stage.channel();
    const [heir, stranger] = [await member(stage, owner, channel.id), await seen(stage)];
    const clients = [await owner.join(channel.id, { at: 1 }), await heir.join(channel.id, { at: 1 })];
    const path = `${V1}/channels/${channel.id}/transfer`;
    assertRefused(await heir.api().post(path, { user_id: heir.id }), 403, 'FORBIDDEN');
    assertRefused(await owner.api().post(path, { user_id: stranger.id }), 404, 'MEMBER_NOT_FOUND');
    assertRefused(await owner.api().post(path, { user_id: owner.id }), 409, 'CONFLICT');
    assertRefused(await owner.api().post(path, {}), 400, 'INVALID_REQUEST');
    await owner.api().post(path, { user_id: heir.id }, { expect: 200 });
    assert.deepEqual([await roleIn(owner, channel.id), await roleIn(heir, channel.id)], ['admin', 'owner']);
    for (const [index, role] of ['admin', 'owner'].entries()) {
      assert.equal((await clients[index]?.next('moderation'))?.role, role);
    }
  });

  test('bad calls are refused', async () => {
    const { channel, owner } = await stage.channel();
    const user = await seen(stage);
    const path = `${V1}/channels/${channel.id}/members`;
    const body = { user_id: user.id };
    assertRefused(await api(stage.instance(0).url).post(path, body), 401, 'UNAUTHORIZED');
    assertRefused(await owner.api().post(`${V1}/channels/${randomUUID()}/members`, body), 404, 'CHANNEL_NOT_FOUND');
    assertRefused(await owner.api().post(path, { user_id: randomUUID() }), 404, 'USER_NOT_FOUND');
    assertRefused(await owner.api().patch(`${path}/${user.id}`, { role: 'admin' }), 404, 'MEMBER_NOT_FOUND');
    for (const bad of [{}, { user_id: 'odd' }, { ...body, role: 'owner' }, { ...body, extra: true }, '[']) {
      assertRefused(await owner.api().post(path, bad), 400, 'INVALID_REQUEST');
    }
    for (const bad of [{}, { role: 'owner' }, { role: null }])
      assertRefused(await owner.api().patch(`${path}/${user.id}`, bad), 400, 'INVALID_REQUEST');
    assertRefused(await owner.api().delete(`${path}/odd`), 400, 'INVALID_REQUEST');
    await restrict(owner, channel.id, 'ban', user);
    assertRefused(await owner.api().post(path, body), 409, 'CONFLICT', /lift the ban/);
    const rest = await Promise.all(Array.from({ length: 20 }, () => owner.api().delete(`${path}/${user.id}`)));
    const limited = rest.find(({ status }) => status === 429);
    assert.ok(limited?.headers.has('retry-after'));
  });
});
