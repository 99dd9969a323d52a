/** What site admins do to users of the whole site: suspension, revoked tokens, export, erasure. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { EraseResult, LogEntry, LogPage, SuspendResult } from '@hubbub/protocol/moderation.js';
import type { Static } from 'typebox';
import {
  assertRefused,
  assertUpgradeRefused,
  forEachPair,
  history,
  isMessage,
  nextMessages,
  post,
  range,
  type Stage,
  User,
  V1,
} from '../contract/stage.js';
import { api } from '../support/rest.js';
import { subjectOf, userClaims } from '../support/tokens.js';
import { until } from '../support/wait.js';
import { assertChain, assertClosed, member, restrict, seen } from './acts.js';

const LIST = `${V1}/channels?limit=1`;

async function admin(stage: Stage): Promise<User> {
  return await stage.user({ role: 'admin' });
}

async function siteTrail(by: User, target: User): Promise<string[]> {
  const path = `${V1}/moderation-log?user_id=${target.id}`;
  return (await by.api().get<Static<typeof LogPage>>(path, { expect: 200 })).body.logs.map(({ action }) => action);
}

/** Settles when the instance takes the token, or does not. */
async function untilTaken(stage: Stage, at: number, token: string, taken: boolean): Promise<void> {
  const { url } = stage.instance(at);
  await until(async () => ((await api(url, token).get(LIST)).status === 200) === taken, { timeoutMs: 2000 });
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('a suspended user is cut off everywhere and refused, until he is restored', async () => {
    const { channel } = await stage.channel();
    const [boss, user] = [await admin(stage), await seen(stage)];
    const clients = await Promise.all([0, 1].map((at) => user.join(channel.id, { at })));
    clients.push(await user.open('/ws/chat', { at: 1 }));
    const path = `${V1}/users/${user.id}/suspend`;
    const answer = await boss.api().post<Static<typeof SuspendResult>>(path, { reason: 'abuse' }, { expect: 200 });
    assert.deepEqual(answer.body, { status: 'suspended', expires_at: null });
    for (const client of clients) await assertClosed(client, 4001);
    for (const at of [0, 1]) {
      await untilTaken(stage, at, user.token, false);
      assertRefused(await user.api(at).get(LIST), 403, 'FORBIDDEN', 'Your account is suspended');
      const upgrade = user.open(`${V1}/channels/${channel.id}/ws`, { at });
      await assertUpgradeRefused(upgrade, 403, 'FORBIDDEN', 'Your account is suspended');
    }
    assert.deepEqual((await boss.api().delete(path, { expect: 200 })).body, { status: 'restored' });
    for (const at of [0, 1]) await untilTaken(stage, at, user.token, true);
    assertRefused(await boss.api().delete(path), 409, 'CONFLICT');
    await boss.api().post(path, { duration_minutes: 5 }, { expect: 200 });
    assert.deepEqual(await siteTrail(boss, user), ['user_suspend', 'user_restore', 'user_suspend']);
  });

  test('only site admins, not on themselves or each other, and only on users that exist', async () => {
    const [boss, other, user] = [await admin(stage), await admin(stage), await seen(stage)];
    await other.api().get(LIST, { expect: 200 });
    const moderator = await stage.user({ role: 'moderator' });
    const bodies = { suspend: {}, 'revoke-tokens': {}, erase: { messages: 'anonymise' } } as const;
    for (const [what, body] of Object.entries(bodies)) {
      const path = (id: string) => `${V1}/users/${id}/${what}`;
      assertRefused(await api(stage.instance(0).url).post(path(user.id), body), 401, 'UNAUTHORIZED');
      for (const by of [user, moderator]) assertRefused(await by.api().post(path(other.id), body), 403, 'FORBIDDEN');
      for (const target of [boss, other]) assertRefused(await boss.api().post(path(target.id), body), 403, 'FORBIDDEN');
      assertRefused(await boss.api().post(path(randomUUID()), body), 404, 'USER_NOT_FOUND');
      assertRefused(await boss.api().post(path('odd'), body), 400, 'INVALID_REQUEST');
      assertRefused(await boss.api().post(path(user.id), { ...body, odd: 1 }), 400, 'INVALID_REQUEST');
    }
    assertRefused(await boss.api().post(`${V1}/users/${user.id}/erase`, {}), 400, 'INVALID_REQUEST');
    assertRefused(await boss.api().post(`${V1}/tokens/revoke`, {}), 400, 'INVALID_REQUEST');
    assertRefused(await user.api().post(`${V1}/tokens/revoke`, { jti: 'x' }), 403, 'FORBIDDEN');
    assertRefused(await user.api().get(`${V1}/moderation-log`), 403, 'FORBIDDEN');
    assertRefused(await user.api().get(`${V1}/users/${other.id}/export`), 403, 'FORBIDDEN');
    assertRefused(await boss.api().get(`${V1}/users/${randomUUID()}/export`), 404, 'USER_NOT_FOUND');
    await user.api().get(LIST, { expect: 200 });
  });

  test('past 30 actions a minute on the whole site an admin has to wait, and is told how long', async () => {
    const [boss, user] = [await admin(stage), await seen(stage)];
    // Every route of the kind counts to one rate, on all instances together.
    const calls = [
      () => boss.api(1).delete(`${V1}/users/${user.id}/suspend`),
      () => boss.api(1).post(`${V1}/users/${user.id}/revoke-tokens`, {}),
      () => boss.api(1).post(`${V1}/tokens/revoke`, { jti: randomUUID() }),
      () => boss.api(1).post(`${V1}/users/${user.id}/suspend`, {}),
      () => boss.api(1).post(`${V1}/users/${user.id}/erase`, { messages: 'anonymise' }),
    ];
    await Promise.all(range(1, 35).map((at) => boss.api(at).delete(`${V1}/users/${user.id}/suspend`)));
    for (const call of calls) {
      // One comes back every two seconds, and is gone with the first try.
      const answer = await until(async () => {
        const tried = await call();
        return tried.status === 429 && tried;
      });
      assertRefused(answer, 429, 'RATE_LIMITED', 'Rate limit exceeded. Maximum 30 requests per minute.');
      const wait = Number(answer.headers.get('retry-after'));
      assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60, `${wait}`);
      assert.deepEqual([answer.headers.get('ratelimit-limit'), answer.headers.get('ratelimit-remaining')], ['30', '0']);
      assert.ok(answer.headers.has('ratelimit-reset'));
    }
    // Reading is not limited, and neither is another admin.
    await boss.api().get(`${V1}/moderation-log`, { expect: 200 });
    await (await admin(stage)).api().post(`${V1}/tokens/revoke`, { jti: randomUUID() }, { expect: 200 });
  });

  test('all tokens of a user end, and one that is issued later is taken', async () => {
    const { channel } = await stage.channel();
    const [boss, user] = [await admin(stage), await seen(stage)];
    const client = await user.join(channel.id, { at: 1 });
    const path = `${V1}/users/${user.id}/revoke-tokens`;
    assertRefused(await boss.api().post(path, { before: 'yesterday' }), 400, 'INVALID_REQUEST');
    await boss.api().post(path, { reason: 'stolen' }, { expect: 200 });
    await assertClosed(client, 4001);
    for (const at of [0, 1]) {
      await untilTaken(stage, at, user.token, false);
      assertRefused(await user.api(at).get(LIST), 401, 'UNAUTHORIZED', /revoked/);
    }
    if (stage.kind === 'embedded') return;
    // Tokens tell the second of their issue alone.
    const iat = Math.floor(Date.now() / 1000) + 1;
    const fresh = stage.pair.key.sign(userClaims(user.name, { iat }));
    for (const at of [0, 1]) await untilTaken(stage, at, fresh, true);
  });

  if (stage.kind === 'cluster')
    test('one token is revoked by its id; the user’s others stay good', async () => {
      const { channel } = await stage.channel();
      const boss = await admin(stage);
      const [one, other] = ['one', 'other'].map((jti) => stage.pair.key.sign(userClaims('two-devices', { jti })));
      assert.ok(one !== undefined && other !== undefined);
      const user = new User(stage, 'two-devices', one, 1);
      const client = await user.join(channel.id);
      const second = await user.join(channel.id, { token: other, at: 0 });
      const body = { jti: 'one', user_id: subjectOf(one), expires_at: '2100-01-01T00:00:00Z', reason: 'lost phone' };
      await boss.api().post(`${V1}/tokens/revoke`, body, { expect: 200 });
      await assertClosed(client, 4001);
      for (const at of [0, 1]) {
        await untilTaken(stage, at, one, false);
        await untilTaken(stage, at, other, true);
      }
      second.send({ type: 'message', content: 'still here' });
      await second.next(isMessage('still here'));
      // A revoked token is no fresh one either.
      second.send({ type: 'auth', token: one });
      assert.equal((await second.next('error')).code, 'UNAUTHORIZED');
      assert.deepEqual(await siteTrail(boss, user), ['token_revoke']);
    });

  test('a user gets all that is kept of him, and nobody else’s', async () => {
    const { channel, owner } = await stage.channel();
    const user = await member(stage, owner, channel.id);
    await post(user, channel.id, ['one', 'two']);
    await post(owner, channel.id, ['of the owner']);
    await restrict(owner, channel.id, 'mute', user, { reason: 'loud' });
    const boss = await admin(stage);
    for (const by of [user, boss]) {
      const answer = await by.api().get<string>(`${V1}/users/${user.id}/export`, { expect: 200 });
      assert.match(answer.headers.get('content-type') ?? '', /^application\/x-ndjson/);
      const lines = answer.body.trimEnd().split('\n');
      const rows = lines.map((line) => JSON.parse(line) as { kind: string; content?: string });
      const kinds = rows.map(({ kind }) => kind).filter((kind) => kind !== 'presence');
      assert.deepEqual(kinds, ['user', 'membership', 'mute', 'moderation', 'moderation', 'message', 'message']);
      assert.deepEqual(rows.flatMap(({ content = [] }) => content).sort(), ['one', 'two']);
      // Who did it to him is no data of his.
      for (const other of [owner.name, owner.id]) assert.ok(!answer.body.includes(other));
    }
  });

  test('the site’s own trail is read by site admins, in pages and as a whole', async () => {
    const [boss, user] = [await admin(stage), await seen(stage)];
    await boss.api().post(`${V1}/users/${user.id}/suspend`, { reason: 'abuse' }, { expect: 200 });
    await boss.api().delete(`${V1}/users/${user.id}/suspend`, { expect: 200 });
    const path = `${V1}/moderation-log/export`;
    const whole = await boss.api().get<string>(`${path}?format=ndjson`, { expect: 200 });
    const entries = whole.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LogEntry);
    assertChain(entries);
    assert.deepEqual(
      entries.slice(-2).map(({ action, target_user_id }) => [action, target_user_id]),
      [
        ['user_suspend', user.id],
        ['user_restore', user.id],
      ],
    );
    const csv = await boss
      .api()
      .get<string>(`${path}?format=csv&action=user_suspend&user_id=${user.id}`, { expect: 200 });
    assert.equal(csv.body.trimEnd().split('\r\n').length, 2);
    assert.match(csv.headers.get('content-disposition') ?? '', /moderation-log-site\.csv/);
    const moderator = await stage.user({ role: 'moderator' });
    for (const by of [user, moderator]) assertRefused(await by.api().get(`${path}?format=csv`), 403, 'FORBIDDEN');
    assertRefused(await boss.api().get(path), 400, 'INVALID_REQUEST');
  });

  for (const messages of ['anonymise', 'delete'] as const) {
    test(`an erased user's name is gone from history and memory on every instance (${messages})`, async () => {
      const { channel, owner } = await stage.channel();
      const [boss, user] = [await admin(stage), await member(stage, owner, channel.id)];
      // Both instances have the channel's past in memory, with his name.
      const readers = await Promise.all([0, 1].map((at) => owner.join(channel.id, { at })));
      const client = await user.join(channel.id, { at: 1 });
      await post(user, channel.id, ['one', 'two']);
      for (const reader of readers) await reader.next(isMessage('two'));
      const path = `${V1}/users/${user.id}/erase`;
      const answer = await boss.api().post<Static<typeof EraseResult>>(path, { messages }, { expect: 200 });
      assert.deepEqual(answer.body, { status: 'erased', messages_deleted: messages === 'delete' ? 2 : 0 });
      await assertClosed(client, 4001);
      if (messages === 'delete') for (const reader of readers) await reader.next('message_deleted');
      for (const at of [0, 1]) {
        await untilTaken(stage, at, user.token, false);
        for (const lastSeq of [undefined, 0]) {
          const reader = await owner.join(channel.id, { at, ...(lastSeq === undefined ? {} : { lastSeq }) });
          const seen = await nextMessages(reader, 2);
          for (const frame of seen) {
            assert.equal(frame.username, `erased-${user.id.slice(0, 8)}`);
            assert.equal(frame.content === '', messages === 'delete');
          }
        }
      }
      const page = await history(owner, channel.id);
      assert.ok(!JSON.stringify(page).includes(user.name));
      const members = await owner.api().get(`${V1}/channels/${channel.id}/members`, { expect: 200 });
      assert.ok(!JSON.stringify(members.body).includes(user.id));
      assert.deepEqual(await siteTrail(boss, user), ['user_erase']);
    });
  }
});
