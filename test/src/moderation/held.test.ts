/** Messages that wait for review. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { AutoModeration } from '@hubbub/protocol/auto-moderation.js';
import type { ServerFrame } from '@hubbub/protocol/frames.js';
import pg from 'pg';
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
import { HubbubProcess } from '../support/hubbub.js';
import { until } from '../support/wait.js';
import { assertChain, lift, member, restrict, trailOf } from './acts.js';
import { decide, heldIn, hitsIn, hold, ruledChannel, send, setRules } from './rules.js';

const HOLD_SPAM: AutoModeration = { words: { list: ['spam'], outcome: 'hold' } };

const isAnyMessage = ({ type }: ServerFrame) => type === 'message';

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('a held message is seen by nobody but the moderators, has no place, and its author is told', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const user = await member(stage, owner, channel.id, 'member', 1);
    const [author, reader] = [await user.join(channel.id, { at: 1 }), await owner.join(channel.id)];
    const messageId = randomUUID();
    author.send({ type: 'message', content: 'some spam', message_id: messageId.toUpperCase() });
    const notice = await author.next('message_held');
    assert.deepEqual([notice.channel_id, notice.message_id, notice.rule], [channel.id, messageId, 'words']);
    author.send({ type: 'message', content: 'and more' });
    assert.equal((await reader.next(isMessage('and more'))).seq, (await author.next(isMessage('and more'))).seq);
    assert.deepEqual(
      (await history(user, channel.id)).messages.map(({ content }) => content),
      ['and more'],
    );
    const { held, total } = await heldIn(owner, channel.id);
    assert.equal(total, 1);
    assert.equal(held[0]?.id, messageId);
    assert.deepEqual([held[0]?.content, held[0]?.user_id, held[0]?.rule], ['some spam', user.id, 'words']);
    assertRefused(await user.api().get(`${V1}/channels/${channel.id}/held`), 403, 'FORBIDDEN');
    assertRefused(await decide(user, channel.id, messageId, 'approve'), 403, 'FORBIDDEN');
    assertRefused(await user.api().delete(`${V1}/messages/${messageId}`), 404, 'MESSAGE_NOT_FOUND');
    const [row] = await hitsIn(owner, channel.id, 1);
    assert.equal(row?.details.outcome, 'hold');
  });

  test('an approved message takes its place as any other, with its id and its author as he is then', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const user = await member(stage, owner, channel.id, 'member', 1);
    const moderator = await member(stage, owner, channel.id, 'moderator', 0);
    const [author, reader] = [await user.join(channel.id, { at: 1 }), await owner.join(channel.id)];
    const messageId = await hold(user, channel.id, 'good spam');
    await owner.api().post(`${V1}/channels/${channel.id}/messages`, { content: 'in between' }, { expect: 201 });
    if (stage.hasSql) await stage.sql('update users set display_name = $2 where id = $1', [user.id, 'A new name']);
    const answer = await decide(moderator, channel.id, messageId, 'approve', { reason: 'fine' });
    assert.deepEqual([answer.status, answer.body.status], [200, 'approved']);
    for (const client of [author, reader]) {
      const before = await client.next(isMessage('in between'));
      const frame = await client.next(isMessage('good spam'));
      assert.deepEqual([frame.message_id, frame.user_id, frame.seq], [messageId, user.id, answer.body.seq]);
      assert.equal(frame.seq, before.seq + 1);
      assert.ok(frame.timestamp >= before.timestamp);
      if (stage.hasSql) assert.equal(frame.display_name, 'A new name');
    }
    const told = await author.next('message_reviewed');
    assert.deepEqual([told.message_id, told.decision, told.reason], [messageId, 'approve', 'fine']);
    await settled(reader);
    await reader.expectNone('message_reviewed', 50);
    const { messages } = await history(user, channel.id);
    assert.deepEqual(
      messages.map(({ content }) => content),
      ['in between', 'good spam'],
    );
    assert.equal((await heldIn(owner, channel.id)).total, 0);
    const again = await send(user, channel.id, 'good spam', messageId);
    assert.equal(again.status, 200, 'a retry is answered with the message');
    const { logs } = await trailOf(owner, channel.id, 'limit=100');
    const row = logs.find(({ action }) => action === 'held_approve');
    assert.deepEqual([row?.moderator_id, row?.target_user_id, row?.reason], [moderator.id, user.id, 'fine']);
    assert.deepEqual(row?.details, { id: messageId, rule: 'words', content: 'good spam', seq: answer.body.seq });
    assertChain([...logs].reverse());
    const resumed = await user.open(`${V1}/channels/${channel.id}/ws?last_seq=0`, { at: 0 });
    const contents = [];
    while (contents.length < 2) {
      const frame = await resumed.next(isAnyMessage);
      contents.push(frame.type === 'message' ? frame.content : '');
    }
    assert.deepEqual(contents, ['in between', 'good spam']);
  });

  test('a rejected message never appears, and a retry of it is told so', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const user = await member(stage, owner, channel.id, 'member', 1);
    const author = await user.join(channel.id, { at: 1 });
    const messageId = await hold(user, channel.id, 'bad spam');
    const answer = await decide(owner, channel.id, messageId, 'reject', { reason: 'spam' });
    assert.deepEqual(answer.body, { status: 'rejected', message_id: messageId });
    const told = await author.next('message_reviewed');
    assert.deepEqual([told.decision, told.reason], ['reject', 'spam']);
    assert.deepEqual((await history(user, channel.id)).messages, []);
    assert.equal((await heldIn(owner, channel.id)).total, 0);
    assertRefused(await send(user, channel.id, 'bad spam', messageId), 403, 'BLOCKED_CONTENT', /reviewed and rejected/);
    await setRules(owner, channel.id, null);
    author.send({ type: 'message', content: 'now without the rule', message_id: messageId });
    await nextError(author, 'BLOCKED_CONTENT');
    assert.deepEqual((await history(user, channel.id)).messages, []);
    for (const decision of ['approve', 'reject'] as const) {
      assertRefused(await decide(owner, channel.id, messageId, decision), 409, 'CONFLICT', /rejected already/);
    }
  });

  test('a repeated id of a held message gets the same answer and never a second message', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const [user, other] = [await member(stage, owner, channel.id), await member(stage, owner, channel.id)];
    const messageId = randomUUID();
    // At once, on both instances and both ways in.
    const [here, there] = [await user.join(channel.id, { at: 0 }), await user.join(channel.id, { at: 1 })];
    const clients = [here, there];
    for (const client of clients) client.send({ type: 'message', content: 'spam', message_id: messageId });
    const answers = await Promise.all([0, 1, 0, 1].map((at) => send(user, channel.id, 'spam', messageId, at)));
    for (const client of clients) assert.equal((await client.next('message_held')).message_id, messageId);
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.message_id, body.rule]),
      Array(4).fill([202, messageId, 'words']),
    );
    assert.equal((await heldIn(owner, channel.id)).total, 1);
    assertRefused(await send(other, channel.id, 'spam', messageId), 409, 'CONFLICT');
    assertRefused(await send(other, channel.id, 'harmless', messageId), 409, 'CONFLICT');
    // Without the rule the journal meets the id.
    await setRules(owner, channel.id, null);
    here.send({ type: 'message', content: 'spam', message_id: messageId });
    assert.equal((await here.next('message_held')).message_id, messageId);
    assert.equal((await send(user, channel.id, 'spam', messageId, 1)).status, 202);
    assert.deepEqual((await history(user, channel.id)).messages, []);
    assert.equal((await decide(owner, channel.id, messageId, 'approve')).status, 200);
    assert.equal((await send(user, channel.id, 'spam', messageId, 1)).status, 200);
    assert.equal((await history(user, channel.id)).messages.length, 1);
  });

  test('of moderators who decide at once one wins, and the others are told', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const user = await member(stage, owner, channel.id);
    const staff = [
      owner,
      await member(stage, owner, channel.id, 'moderator', 1),
      await member(stage, owner, channel.id, 'admin', 0),
    ];
    for (let round = 0; round < 5; round++) {
      const messageId = await hold(user, channel.id, `spam ${round}`);
      const answers = await Promise.all(
        staff.map((by, index) => decide(by, channel.id, messageId, (round + index) % 2 === 0 ? 'approve' : 'reject')),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
      const winner = answers.find(({ status }) => status === 200);
      const shown = (await history(user, channel.id)).messages.filter(({ id }) => id === messageId);
      assert.equal(shown.length, winner?.body.status === 'approved' ? 1 : 0);
    }
  });

  test('a message of one who may not write any more is not approved, and can be once he may', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const user = await member(stage, owner, channel.id, 'member', 1);
    const messageId = await hold(user, channel.id, 'spam');
    for (const what of ['ban', 'mute'] as const) {
      await restrict(owner, channel.id, what, user);
      assertRefused(await decide(owner, channel.id, messageId, 'approve'), 409, 'CONFLICT', /lift that first/);
      await lift(owner, channel.id, what, user);
    }
    assert.equal((await decide(owner, channel.id, messageId, 'approve')).status, 200);
    assertRefused(await decide(owner, channel.id, randomUUID(), 'approve'), 404, 'HELD_NOT_FOUND');
    assertRefused(await decide(owner, channel.id, 'nonsense', 'approve'), 400, 'INVALID_REQUEST');
    const { channel: elsewhere, owner: stranger } = await stage.channel();
    assertRefused(await decide(stranger, elsewhere.id, messageId, 'reject'), 404, 'HELD_NOT_FOUND');
  });

  test('a message of one who was suspended meanwhile is not approved before he is restored', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const [user, boss] = [await member(stage, owner, channel.id, 'member', 1), await stage.user({ role: 'admin' })];
    const messageId = await hold(user, channel.id, 'spam');
    const path = `${V1}/users/${user.id}/suspend`;
    await boss.api().post(path, {}, { expect: 200 });
    const refused = await decide(owner, channel.id, messageId, 'approve');
    assertRefused(refused, 409, 'CONFLICT', /is suspended: lift that first, or reject/);
    assert.deepEqual((await history(owner, channel.id)).messages, []);
    await boss.api().delete(path, { expect: 200 });
    assert.equal((await decide(owner, channel.id, messageId, 'approve')).status, 200);
  });

  test('what waits of a user is cleared with his recent messages, in one row, and he is told of each', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const [user, other] = [await member(stage, owner, channel.id, 'member', 1), await member(stage, owner, channel.id)];
    const author = await user.join(channel.id, { at: 1 });
    const ids = [await hold(user, channel.id, 'spam 1'), await hold(user, channel.id, 'spam 2')];
    const kept = await hold(other, channel.id, 'spam of another');
    assert.equal((await send(user, channel.id, 'harmless')).status, 201);
    const path = `${V1}/channels/${channel.id}/users/${user.id}/messages`;
    const dry = await owner.api().delete(path, { expect: 200, body: { since_minutes: 5, dry_run: true } });
    assert.deepEqual(dry.body, { status: 'counted', count: 3 });
    assert.equal((await heldIn(owner, channel.id)).total, 3);
    const cleared = await owner.api().delete(path, { expect: 200, body: { since_minutes: 5, reason: 'flood' } });
    assert.deepEqual(cleared.body, { status: 'deleted', count: 3 });
    for (const id of ids) {
      const told = await author.next('message_reviewed');
      assert.deepEqual([told.message_id, told.decision, told.reason], [id, 'reject', 'flood']);
      assertRefused(await decide(owner, channel.id, id, 'approve'), 409, 'CONFLICT', /rejected already/);
    }
    assertRefused(await send(user, channel.id, 'spam 1', ids[0]), 403, 'BLOCKED_CONTENT', /reviewed and rejected/);
    assert.deepEqual(
      (await heldIn(owner, channel.id)).held.map(({ id }) => id),
      [kept],
    );
    const { logs, total } = await trailOf(owner, channel.id, 'action=message_delete');
    assert.deepEqual([total, logs[0]?.target_user_id, logs[0]?.reason], [1, user.id, 'flood']);
    assert.deepEqual(logs[0]?.details.held, [
      { id: ids[0], rule: 'words', content: 'spam 1' },
      { id: ids[1], rule: 'words', content: 'spam 2' },
    ]);
    // With nothing but held ones, too.
    await hold(user, channel.id, 'spam 3');
    const again = await owner.api().delete(path, { expect: 200, body: { since_minutes: 5 } });
    assert.deepEqual(again.body, { status: 'deleted', count: 1 });
    if (!stage.hasSql) return;
    const left = await stage.sql<{ content: string }>(
      'select content from chat_messages where channel_id = $1 and user_id = $2',
      [channel.id, user.id],
    );
    assert.deepEqual(
      left.map(({ content }) => content),
      ['', '', '', ''],
    );
  });

  for (const messages of ['delete', 'anonymise'] as const) {
    test(`what waits of a user who is erased (${messages})`, async () => {
      const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
      const [user, boss] = [await member(stage, owner, channel.id), await stage.user({ role: 'admin' })];
      const messageId = await hold(user, channel.id, 'my own spam');
      const erased = await boss.api().post(`${V1}/users/${user.id}/erase`, { messages }, { expect: 200 });
      assert.deepEqual(erased.body, { status: 'erased', messages_deleted: messages === 'delete' ? 1 : 0 });
      const { held } = await heldIn(owner, channel.id);
      const answer = await decide(owner, channel.id, messageId, 'approve');
      const page = await history(owner, channel.id);
      if (messages === 'delete') {
        assert.deepEqual(held, []);
        assertRefused(answer, 409, 'CONFLICT', /rejected already/);
        assert.deepEqual(page.messages, []);
        if (!stage.hasSql) return;
        const rows = await stage.sql<{ content: string }>('select content from chat_messages where id = $1', [
          messageId,
        ]);
        assert.deepEqual(rows, [{ content: '' }]);
        return;
      }
      const name = `erased-${user.id.slice(0, 8)}`;
      assert.deepEqual([held[0]?.username, held[0]?.content], [name, 'my own spam']);
      assert.equal(answer.status, 200);
      assert.deepEqual([page.messages[0]?.username, page.messages[0]?.content], [name, 'my own spam']);
    });
  }

  test('nobody reviews his own message, whatever he has become', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const user = await member(stage, owner, channel.id);
    const messageId = await hold(user, channel.id, 'spam');
    await owner.api().patch(`${V1}/channels/${channel.id}/members/${user.id}`, { role: 'moderator' }, { expect: 200 });
    assertRefused(await decide(user, channel.id, messageId, 'approve'), 403, 'FORBIDDEN', /yourself/);
  });

  test('the queue is read in pages, oldest first, and bounded for each user', async () => {
    const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
    const [user, other] = [await member(stage, owner, channel.id), await member(stage, owner, channel.id)];
    const ids: string[] = [];
    for (let index = 0; index < 20; index++) ids.push(await hold(user, channel.id, `spam ${index}`));
    assertRefused(await send(user, channel.id, 'spam too much'), 409, 'REVIEW_QUEUE_FULL');
    await hold(other, channel.id, 'spam of another');
    const [first, second] = [
      await heldIn(owner, channel.id, 'limit=15'),
      await heldIn(owner, channel.id, 'limit=15&offset=15'),
    ];
    assert.deepEqual([first.total, first.held.length, second.held.length], [21, 15, 6]);
    assert.deepEqual(
      [...first.held, ...second.held].slice(0, 20).map(({ id }) => id),
      ids,
    );
    assert.equal((await decide(owner, channel.id, ids[0] ?? '', 'reject')).status, 200);
    await hold(user, channel.id, 'spam again');
    if (!stage.hasSql) return;
    await stage.sql(
      `with m as (
         insert into chat_messages (id, channel_id, user_id, content, created_at, updated_at)
         select gen_random_uuid(), $1, $2, 'x', now(), now() from generate_series(1, 979) returning id
       )
       insert into held_messages (message_id, channel_id, user_id, rule, held_at) select id, $1, $2, 'words', now() from m`,
      [channel.id, owner.id],
    );
    assertRefused(await send(other, channel.id, 'spam too much'), 409, 'REVIEW_QUEUE_FULL');
  });

  if (stage.hasSql)
    test('a message that is being held when its instance ends is in the queue, and its hit in the trail', async (t) => {
      const { channel, owner } = await ruledChannel(stage, HOLD_SPAM);
      const user = await member(stage, owner, channel.id);
      const leaving = await HubbubProcess.start(stage.pair.env);
      t.after(() => leaving.stop());
      const path = `${V1}/channels/${channel.id}/ws`;
      const client = await stage.open({ url: leaving.url, path, token: user.token });
      await client.next('subscribed');
      const locker = new pg.Client({ connectionString: stage.pair.env.DATABASE_URL });
      await locker.connect();
      t.after(() => locker.end());
      await locker.query('begin');
      await locker.query('select from chat_channels where id = $1 for no key update', [channel.id]);
      const messageId = randomUUID();
      client.send({ type: 'message', content: 'spam', message_id: messageId });
      const waiting = `select from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like '%policy_version%'`;
      await until(async () => (await stage.sql(waiting)).length > 0);
      leaving.signal('SIGTERM');
      assert.equal((await client.closed).code, 1001);
      const hasLeft = () =>
        fetch(`${leaving.url}/healthz`).then(
          () => false,
          () => true,
        );
      await until(hasLeft);
      // One that does not wait for the message is past its last look at the trail by the time it has written its presence.
      const offline = `select from user_presence where channel_id = $1 and user_id = $2 and status = 'offline'`;
      await until(async () => (await stage.sql(offline, [channel.id, user.id])).length > 0, { timeoutMs: 400 }).catch(
        () => undefined,
      );
      await locker.query('commit');
      assert.deepEqual(await leaving.exited, { code: 0, signal: null }, leaving.output.slice(-1000));
      assert.deepEqual(
        (await heldIn(owner, channel.id)).held.map(({ id }) => id),
        [messageId],
      );
      const { logs } = await trailOf(owner, channel.id, 'action=auto_moderation');
      assert.deepEqual(
        logs.map(({ details }) => [details.outcome, details.count]),
        [['hold', 1]],
      );
    });
});
