/** Deleted messages: everyone learns of it in the channel's one sequence, and nobody is shown what they said again. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Message } from '@hubbub/protocol/rest.js';
import {
  assertRefused,
  forEachPair,
  history,
  isMessage,
  nextMessages,
  post,
  range,
  type Stage,
  seqs,
  type User,
  V1,
} from '../contract/stage.js';
import { api } from '../support/rest.js';
import { member, seen, trailOf } from './acts.js';

const SECRET = 'a secret that has to go';

async function remove(by: User, message: Pick<Message, 'id'> | undefined, body?: object): Promise<void> {
  const answer = await by.api().delete(`${V1}/messages/${message?.id}`, { expect: 200, body });
  assert.deepEqual(answer.body, { status: 'deleted' });
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0', CHAT_HISTORY_ON_JOIN: '5' } }, (stage: Stage) => {
  test('a deletion has its own place, reaches everyone, and a resume brings it', async () => {
    const { channel, owner } = await stage.channel();
    const author = await seen(stage);
    const readers = await Promise.all([0, 1].map((at) => owner.join(channel.id, { at })));
    const [, message] = await post(author, channel.id, ['one', SECRET, 'three']);
    for (const reader of readers) await reader.next(isMessage('three'));
    await remove(author, message);
    for (const reader of readers) {
      const frame = await reader.next('message_deleted');
      assert.deepEqual(
        [frame.message_id, frame.message_seq, frame.seq, frame.deleted_by],
        [message?.id, 2, 4, author.id],
      );
    }
    for (const at of [0, 1]) {
      const resumed = await owner.open(`${V1}/channels/${channel.id}/ws`, { at, lastSeq: 3 });
      assert.deepEqual(await resumed.next('subscribed').then(({ seq, recovered }) => [seq, recovered]), [4, true]);
      assert.equal((await resumed.next('message_deleted')).message_id, message?.id);
    }
    assert.deepEqual((await trailOf(owner, channel.id)).logs, [], 'what an author takes back is nobody’s business');
    // Once more changes nothing, and nobody is told again.
    await remove(author, message);
    await post(owner, channel.id, ['after']);
    for (const reader of readers) assert.equal((await reader.next(isMessage('after'))).seq, 5);
  });

  test('what was deleted is never shown again, from memory or the database, on any instance', async () => {
    const { channel, owner } = await stage.channel();
    const author = await seen(stage);
    // Both instances have the channel's recent past in memory.
    const readers = await Promise.all([0, 1].map((at) => owner.join(channel.id, { at })));
    const messages = await post(author, channel.id, ['one', SECRET, 'three']);
    for (const reader of readers) await reader.next(isMessage('three'));
    await remove(owner, messages[1]);
    for (const reader of readers) await reader.next('message_deleted');
    for (const at of [0, 1]) {
      const joined = await owner.join(channel.id, { at });
      const page = await nextMessages(joined, 3);
      assert.deepEqual(
        page.map(({ content, seq }) => [seq, content]),
        [
          [1, 'one'],
          [2, ''],
          [3, 'three'],
        ],
      );
      for (const lastSeq of [0, 1]) {
        const resumed = await owner.join(channel.id, { at, lastSeq });
        assert.deepEqual(seqs(await nextMessages(resumed, 3 - lastSeq)), range(lastSeq + 1, 3));
        await resumed.next('message_deleted');
        assert.ok(!JSON.stringify(resumed.frames).includes(SECRET));
      }
    }
    const { messages: stored } = await history(owner, channel.id);
    assert.deepEqual(
      stored.map(({ content, is_deleted }) => [content, is_deleted]),
      [
        ['one', false],
        ['', true],
        ['three', false],
      ],
    );
  });

  test('moderators delete what those below them wrote, and the trail keeps what it was', async () => {
    const { channel, owner } = await stage.channel();
    const [moderator, plain] = [
      await member(stage, owner, channel.id, 'moderator'),
      await member(stage, owner, channel.id),
    ];
    const siteModerator = await stage.user({ role: 'moderator' });
    const [own] = await post(owner, channel.id, ['of the owner']);
    const [first, second] = await post(plain, channel.id, ['first', 'second']);
    assertRefused(await moderator.api().delete(`${V1}/messages/${own?.id}`), 403, 'FORBIDDEN');
    assertRefused(await plain.api().delete(`${V1}/messages/${own?.id}`), 403, 'FORBIDDEN');
    await remove(moderator, first, { reason: 'rude' });
    await remove(siteModerator, second);
    await remove(owner, own);
    const { logs } = await trailOf(owner, channel.id, 'action=message_delete');
    assert.deepEqual(
      logs.map(({ moderator_id, reason, target_user_id }) => [moderator_id, reason, target_user_id]),
      [
        [siteModerator.id, null, plain.id],
        [moderator.id, 'rude', plain.id],
      ],
    );
    assert.deepEqual(logs[1]?.details, { messages: [{ id: first?.id, seq: 2, content: 'first' }] });
  });

  test('two who delete one message at once make one event and one row', async () => {
    const { channel, owner } = await stage.channel();
    const author = await seen(stage);
    const [message] = await post(author, channel.id, ['hello']);
    await Promise.all(range(0, 7).map((at) => owner.api(at).delete(`${V1}/messages/${message?.id}`, { expect: 200 })));
    assert.equal((await trailOf(owner, channel.id, 'action=message_delete')).total, 1);
    const reader = await owner.open(`${V1}/channels/${channel.id}/ws`, { lastSeq: 0 });
    assert.equal((await reader.next('subscribed')).seq, 3 - 1);
  });

  test('the recent messages of one user are counted and cleared as one action', async () => {
    const { channel, owner } = await stage.channel();
    const author = await seen(stage);
    const readers = await Promise.all([0, 1].map((at) => owner.join(channel.id, { at })));
    await post(author, channel.id, ['a', 'b']);
    await post(owner, channel.id, ['stays']);
    await post(author, channel.id, ['c']);
    const path = `${V1}/channels/${channel.id}/users/${author.id}/messages`;
    const dry = await owner.api().delete(path, { expect: 200, body: { since_minutes: 5, dry_run: true } });
    assert.deepEqual(dry.body, { status: 'counted', count: 3 });
    const cleared = await owner.api().delete(path, { expect: 200, body: { since_minutes: 5, reason: 'flood' } });
    assert.deepEqual(cleared.body, { status: 'deleted', count: 3 });
    for (const reader of readers) {
      const frames = [];
      for (let count = 0; count < 3; count++) frames.push(await reader.next('message_deleted'));
      assert.deepEqual(
        frames.map(({ message_seq, seq }) => [message_seq, seq]),
        [
          [1, 5],
          [2, 6],
          [4, 7],
        ],
      );
    }
    const again = await owner.api().delete(path, { expect: 200, body: { since_minutes: 5 } });
    assert.deepEqual(again.body, { status: 'deleted', count: 0 });
    const { logs, total } = await trailOf(owner, channel.id);
    assert.deepEqual([total, logs[0]?.action, logs[0]?.reason], [1, 'message_delete', 'flood']);
    const { messages } = await history(owner, channel.id);
    assert.deepEqual(
      messages.map(({ content }) => content),
      ['', '', 'stays', ''],
    );
    for (const body of [{}, { since_minutes: 0 }, { since_minutes: 1, extra: 1 }, { since_minutes: 'all' }])
      assertRefused(await owner.api().delete(path, { body }), 400, 'INVALID_REQUEST');
    const stranger = await seen(stage);
    assertRefused(await stranger.api().delete(path, { body: { since_minutes: 5 } }), 403, 'FORBIDDEN');
  });

  test('bad calls are refused', async () => {
    const { channel, owner } = await stage.channel();
    const [message] = await post(owner, channel.id, ['hello']);
    const path = `${V1}/messages/${message?.id}`;
    assertRefused(await api(stage.instance(0).url).delete(path), 401, 'UNAUTHORIZED');
    assertRefused(await owner.api().delete(`${V1}/messages/${randomUUID()}`), 404, 'MESSAGE_NOT_FOUND');
    assertRefused(await owner.api().delete(`${V1}/messages/odd`), 400, 'INVALID_REQUEST');
    for (const body of [{ reason: 'x'.repeat(501) }, { reason: 1 }, { odd: 1 }])
      assertRefused(await owner.api().delete(path, { body }), 400, 'INVALID_REQUEST');
    const hidden = await stage.channel({ channel_type: 'private' });
    const [secret] = await post(hidden.owner, hidden.channel.id, ['hidden']);
    assert.equal((await owner.api().delete(`${V1}/messages/${secret?.id}`)).status, 404);
  });
});
