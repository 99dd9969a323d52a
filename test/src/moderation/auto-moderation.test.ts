/** The rules of a channel, through the wire. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { AutoModeration, UpdateAutoModeration } from '@hubbub/protocol/auto-moderation.js';
import {
  assertRefused,
  forEachPair,
  history,
  isMessage,
  nextError,
  type Stage,
  settled,
  V1,
} from '../contract/stage.js';
import { assertChain, assertCutOff, member, seen, trailOf } from './acts.js';
import { heldIn, hitsIn, ruledChannel, send, setRules } from './rules.js';

const NIL = '00000000-0000-0000-0000-000000000000';

/** For each rule its settings, a message that it stops, and one that passes. */
const CASES: readonly [keyof AutoModeration, object, string, string][] = [
  ['words', { list: ['bad word', 'spam*'] }, 'such a BÁD wоrd', 'a badword spa'],
  ['links', { allow: 'listed', hosts: ['example.com'] }, 'https://example.com.evil.org', 'https://www.example.com/'],
  ['repeated_characters', { max: 5 }, 'helloooooooo', 'hellooo'],
  ['capitals', { max_percent: 70 }, 'STOP SHOUTING', 'Stop Shouting OK'],
  ['mentions', { max: 2 }, '@ada @bob @eve', '@ada @bob'],
];

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('each rule refuses what it is for, over both ways in, and lets the rest pass', async () => {
    const { channel, owner } = await stage.channel();
    const user = await member(stage, owner, channel.id, 'member', 1);
    const client = await user.join(channel.id, { at: 1 });
    let before: UpdateAutoModeration = {};
    for (const [rule, settings, stopped, passing] of CASES) {
      await setRules(owner, channel.id, { ...before, [rule]: { ...settings, outcome: 'refuse' } });
      before = { [rule]: null };
      const messageId = randomUUID();
      client.send({ type: 'message', content: stopped, message_id: messageId });
      const error = await nextError(client, 'BLOCKED_CONTENT');
      assert.equal(error.message_id, messageId);
      const answer = await send(user, channel.id, stopped, undefined, 0);
      assertRefused(answer, 403, 'BLOCKED_CONTENT', error.error);
      client.send({ type: 'message', content: passing });
      await client.next(isMessage(passing));
      assert.equal((await send(user, channel.id, passing, undefined, 0)).status, 201);
    }
    await setRules(owner, channel.id, null);
    for (const [, , stopped] of CASES) {
      client.send({ type: 'message', content: stopped });
      await client.next(isMessage(stopped));
    }
    await setRules(owner, channel.id, { words: { list: ['secret'], outcome: 'refuse' } });
    const refused = await send(user, channel.id, 'a secret');
    assert.doesNotMatch(JSON.stringify(refused.body), /secret/, 'the word is not told');
  });

  test('repeated messages are counted over instances and connections, but a retry is none', async () => {
    const { channel, owner } = await ruledChannel(stage, {
      repeated_messages: { max: 2, within_seconds: 60, outcome: 'refuse' },
    });
    const [user, other] = [await member(stage, owner, channel.id), await member(stage, owner, channel.id)];
    const [here, there] = [await user.join(channel.id, { at: 0 }), await user.join(channel.id, { at: 1 })];
    const messageId = randomUUID();
    here.send({ type: 'message', content: 'Buy now', message_id: messageId });
    await there.next(isMessage('Buy now'));
    there.send({ type: 'message', content: 'buy NOW' });
    await here.next(isMessage('buy NOW'));
    here.send({ type: 'message', content: 'BUY  NÓW' });
    await nextError(here, 'BLOCKED_CONTENT');
    assertRefused(await send(user, channel.id, 'buy now', undefined, 1), 403, 'BLOCKED_CONTENT');
    assert.equal(
      (await send(user, channel.id, 'Buy now', messageId, 1)).status,
      200,
      'a retry is answered with the first',
    );
    assert.equal((await send(user, channel.id, 'something else')).status, 201);
    assert.equal((await send(other, channel.id, 'buy now')).status, 201);
  });

  test('staff of the channel and the site is exempt', async () => {
    const { channel, owner } = await ruledChannel(stage, { words: { list: ['spam'], outcome: 'timeout' } });
    const moderator = await member(stage, owner, channel.id, 'moderator', 1);
    const site = await stage.user({ role: 'moderator' }, 1);
    for (const by of [owner, moderator, site]) assert.equal((await send(by, channel.id, 'spam')).status, 201);
    const client = await moderator.join(channel.id, { at: 1 });
    client.send({ type: 'message', content: 'more spam' });
    await client.next(isMessage('more spam'));
  });

  test('a change of the rules is in force at once on the other instance, for looser and for stricter', async () => {
    const { channel, owner } = await stage.channel({}, await stage.user({}, 0));
    const user = await member(stage, owner, channel.id, 'member', 1);
    const client = await user.join(channel.id, { at: 1 });
    for (let round = 0; round < 10; round++) {
      await setRules(owner, channel.id, { words: { list: ['spam'], outcome: 'refuse' } });
      assertRefused(await send(user, channel.id, 'spam', undefined, 1), 403, 'BLOCKED_CONTENT');
      client.send({ type: 'message', content: 'spam' });
      await nextError(client, 'BLOCKED_CONTENT');
      await setRules(owner, channel.id, null);
      assert.equal((await send(user, channel.id, 'spam', undefined, 1)).status, 201);
      client.send({ type: 'message', content: `spam ${round}` });
      await client.next(isMessage(`spam ${round}`));
      // Ten changes a minute are allowed.
      if (round === 3) break;
    }
  });

  test('a timeout closes the connections on every instance, and is logged with rule and message', async () => {
    const { channel, owner } = await ruledChannel(stage, {
      words: { list: ['spam'], outcome: 'timeout', timeout_minutes: 5 },
    });
    const user = await member(stage, owner, channel.id);
    const [here, there] = [await user.join(channel.id, { at: 0 }), await user.join(channel.id, { at: 1 })];
    here.send({ type: 'message', content: 'spam!' });
    for (const client of [here, there]) {
      const frame = await assertCutOff(client, 'timed_out');
      assert.match(frame.reason ?? '', /^Auto-moderation: /);
    }
    assertRefused(await send(user, channel.id, 'hello', undefined, 1), 403, 'FORBIDDEN');
    const { logs } = await trailOf(owner, channel.id, 'action=timeout');
    assert.equal(logs.length, 1);
    assert.equal(logs[0]?.moderator_id, NIL);
    assert.equal(logs[0]?.target_user_id, user.id);
    assert.equal(logs[0]?.details.rule, 'words');
    assert.equal(logs[0]?.details.match, 'spam');
    assert.partialDeepStrictEqual(logs[0]?.details, { message: { content: 'spam!' } });
    const { bans } = (
      await owner
        .api()
        .get<{ bans: { kind: string; moderator_id: string | null; expires_at: string; created_at: string }[] }>(
          `${V1}/channels/${channel.id}/bans`,
          { expect: 200 },
        )
    ).body;
    const [ban] = bans;
    assert.deepEqual([ban?.kind, ban?.moderator_id], ['timeout', null]);
    assert.equal(Date.parse(ban?.expires_at ?? '') - Date.parse(ban?.created_at ?? ''), 300_000);
    assert.equal((await history(owner, channel.id)).messages.length, 0);
  });

  test('a flood of hits is told in full by two rows of the trail at most, and its chain holds', async () => {
    const { channel, owner } = await ruledChannel(stage, { words: { list: ['spam'], outcome: 'refuse' } });
    const user = await member(stage, owner, channel.id, 'member', 1);
    assertRefused(await send(user, channel.id, 'first spam'), 403, 'BLOCKED_CONTENT');
    const [first] = await hitsIn(owner, channel.id, 1);
    assert.equal(first?.moderator_id, NIL);
    assert.equal(first?.target_user_id, user.id);
    assert.deepEqual(
      [first?.details.rule, first?.details.outcome, first?.details.count, first?.details.match],
      ['words', 'refuse', 1, 'spam'],
    );
    assert.partialDeepStrictEqual(first?.details, { first: { content: 'first spam' } });
    const client = await user.join(channel.id, { at: 1 });
    for (let index = 0; index < 50; index++) client.send({ type: 'message', content: `spam ${index}` });
    await settled(client);
    await seen(stage);
    const { logs } = await trailOf(owner, channel.id, 'limit=100');
    assert.equal(logs.filter(({ action }) => action === 'auto_moderation').length, 1);
    assertChain([...logs].reverse());
  });

  test('the rules are shown to staff alone', async () => {
    const rules: AutoModeration = {
      words: { list: ['spam'], outcome: 'refuse' },
      links: { allow: 'listed', hosts: ['Example.COM'], outcome: 'hold' },
    };
    const { channel, owner } = await ruledChannel(stage, rules);
    const [plain, moderator] = [
      await member(stage, owner, channel.id),
      await member(stage, owner, channel.id, 'moderator'),
    ];
    const path = `${V1}/channels/${channel.id}/auto-moderation`;
    const { body } = await moderator.api().get<AutoModeration>(path, { expect: 200 });
    assert.deepEqual(body, { ...rules, links: { ...rules.links, hosts: ['example.com'] } });
    assertRefused(await plain.api().get(path), 403, 'FORBIDDEN');
    assertRefused(
      await moderator.api().patch(`${V1}/channels/${channel.id}`, { auto_moderation: null }),
      403,
      'FORBIDDEN',
    );
    const shown = await plain.api().get(`${V1}/channels/${channel.id}`, { expect: 200 });
    assert.doesNotMatch(JSON.stringify(shown.body), /spam/);
    await setRules(owner, channel.id, { links: null });
    assert.deepEqual((await owner.api().get(path, { expect: 200 })).body, { words: rules.words });
    await setRules(owner, channel.id, null);
    assert.deepEqual((await owner.api().get(path, { expect: 200 })).body, {});
  });

  test('rules that no message could match, or that are past a bound, are refused', async () => {
    const { channel, owner } = await stage.channel();
    const refuse = { outcome: 'refuse' };
    for (const rules of [
      { words: { list: [], ...refuse } },
      { words: { list: ['!!!'], ...refuse } },
      { words: { list: ['a'.repeat(101)], ...refuse } },
      { words: { list: Array.from({ length: 1001 }, (_, index) => `word${index}`), ...refuse } },
      { words: { list: ['spam'] } },
      { links: { allow: 'listed', hosts: ['https://example.com'], ...refuse } },
      { links: { allow: 'some', ...refuse } },
      { capitals: { max_percent: 0, ...refuse } },
      { mentions: { max: 1, outcome: 'ban' } },
      { mentions: { max: 1, outcome: 'timeout', timeout_minutes: 0 } },
      { unknown: {} },
    ]) {
      // A user may try ten times a minute.
      const { channel: own, owner: by } = await stage.channel();
      assertRefused(
        await by.api().patch(`${V1}/channels/${own.id}`, { auto_moderation: rules }),
        400,
        'INVALID_REQUEST',
      );
    }
    const list = Array.from({ length: 1000 }, (_, index) => `${'долгое'.repeat(16)}${index}`);
    await setRules(owner, channel.id, { words: { list, outcome: 'hold' } });
    assert.equal((await heldIn(owner, channel.id)).total, 0);
  });
});
