/** Slow mode and posting modes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { assertRefused, forEachPair, isMessage, nextError, type Stage, type User, V1 } from '../contract/stage.js';
import { member, seen } from './acts.js';

async function patch(by: User, channelId: string, body: object): Promise<Channel> {
  return (await by.api().patch<Channel>(`${V1}/channels/${channelId}`, body, { expect: 200 })).body;
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('slow mode holds over instances, connections and REST, and not for staff', async () => {
    const { channel, owner } = await stage.channel();
    const user = await member(stage, owner, channel.id);
    const moderator = await member(stage, owner, channel.id, 'moderator');
    const [here, there, staff] = [
      await user.join(channel.id, { at: 0 }),
      await user.join(channel.id, { at: 1 }),
      await moderator.join(channel.id, { at: 1 }),
    ];
    assert.equal((await patch(owner, channel.id, { slow_mode_seconds: 60 })).slow_mode_seconds, 60);
    for (const client of [here, there, staff]) {
      assert.equal((await client.next('channel_updated')).channel.slow_mode_seconds, 60);
    }
    here.send({ type: 'message', content: 'first' });
    await there.next(isMessage('first'));
    for (const client of [here, there]) {
      client.send({ type: 'message', content: 'too soon' });
      const error = await nextError(client, 'SLOW_MODE');
      assert.ok((error.retry_after_ms ?? 0) > 50_000 && (error.retry_after_ms ?? 0) <= 60_000, JSON.stringify(error));
    }
    const path = `${V1}/channels/${channel.id}/messages`;
    const refused = await user.api(1).post(path, { content: 'too soon' });
    assertRefused(refused, 429, 'SLOW_MODE');
    assert.ok(Number(refused.headers.get('retry-after')) > 50);
    for (const content of ['one', 'two']) staff.send({ type: 'message', content });
    await here.next(isMessage('two'));
    await owner.api().post(path, { content: 'the owner' }, { expect: 201 });
    await owner.api().post(path, { content: 'the owner again' }, { expect: 201 });
    await patch(owner, channel.id, { slow_mode_seconds: 0 });
    await there.next(({ type }) => type === 'channel_updated');
    there.send({ type: 'message', content: 'free' });
    there.send({ type: 'message', content: 'again' });
    await here.next(isMessage('again'));
  });

  test('a demoted moderator is slowed like everyone, on an open connection', async () => {
    const { channel, owner } = await stage.channel({});
    await patch(owner, channel.id, { slow_mode_seconds: 60 });
    const moderator = await member(stage, owner, channel.id, 'moderator');
    const client = await moderator.join(channel.id, { at: 1 });
    for (const content of ['one', 'two']) client.send({ type: 'message', content });
    await client.next(isMessage('two'));
    await owner
      .api()
      .patch(`${V1}/channels/${channel.id}/members/${moderator.id}`, { role: 'member' }, { expect: 200 });
    await client.next('moderation');
    for (const content of ['three', 'four']) client.send({ type: 'message', content });
    await client.next(isMessage('three'));
    await nextError(client, 'SLOW_MODE');
  });

  test('a posting mode says who may write, on open connections and over REST', async () => {
    const { channel, owner } = await stage.channel();
    const [stranger, plain, moderator] = [
      await seen(stage),
      await member(stage, owner, channel.id),
      await member(stage, owner, channel.id, 'moderator'),
    ];
    const people = { stranger, plain, moderator, owner };
    const allowed = {
      everyone: ['stranger', 'plain', 'moderator', 'owner'],
      members: ['plain', 'moderator', 'owner'],
      staff: ['moderator', 'owner'],
    };
    const clients = new Map<string, Awaited<ReturnType<User['join']>>>();
    for (const [name, user] of Object.entries(people)) clients.set(name, await user.join(channel.id, { at: 1 }));
    for (const [posting, names] of Object.entries(allowed).reverse()) {
      assert.equal((await patch(owner, channel.id, { posting })).posting, posting);
      for (const [name, user] of Object.entries(people)) {
        const client = clients.get(name);
        assert.ok(client !== undefined);
        assert.equal((await client.next('channel_updated')).channel.posting, posting);
        const content = `${name} in ${posting}`;
        client.send({ type: 'message', content });
        const answer = await user.api(0).post(`${V1}/channels/${channel.id}/messages`, { content: 'over REST' });
        if (names.includes(name)) {
          await client.next(isMessage(content));
          assert.equal(answer.status, 201);
        } else {
          await nextError(client, 'READ_ONLY');
          assertRefused(answer, 403, 'READ_ONLY');
        }
      }
    }
  });

  test('bad values are refused, and members change neither', async () => {
    const { channel, owner } = await stage.channel();
    const plain = await member(stage, owner, channel.id);
    const path = `${V1}/channels/${channel.id}`;
    for (const body of [
      { slow_mode_seconds: -1 },
      { slow_mode_seconds: 21_601 },
      { posting: 'nobody' },
      { posting: null },
    ])
      assertRefused(await owner.api().patch(path, body), 400, 'INVALID_REQUEST');
    assertRefused(await plain.api().patch(path, { slow_mode_seconds: 1 }), 403, 'FORBIDDEN');
  });
});
