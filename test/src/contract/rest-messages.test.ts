/** Messages over REST: posting and history, to the letter of the contract. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Message, MessagePage, PresenceList } from '@hubbub/protocol/rest.js';
import {
  assertRefused,
  forEachPair,
  history,
  isMessage,
  nextMessages,
  post,
  RFC3339_MS_UTC,
  range,
  type Stage,
  seqs,
  type User,
  UUID,
  V1,
} from './stage.js';

const MESSAGE_FIELDS = [
  'avatar_url',
  'channel_id',
  'content',
  'created_at',
  'display_name',
  'id',
  'is_deleted',
  'seq',
  'updated_at',
  'user_id',
  'username',
];

function messagesOf(channelId: string): string {
  return `${V1}/channels/${channelId}/messages`;
}

/** All messages, page by page from the newest back, oldest first; each page is checked to be in order. */
async function pageBack(user: User, channelId: string, limit: number, first = ''): Promise<Message[]> {
  const messages: Message[] = [];
  let query = `limit=${limit}${first}`;
  for (;;) {
    const { messages: page, cursor } = await history(user, channelId, query);
    assert.deepEqual(
      seqs(page),
      seqs(page).toSorted((a, b) => a - b),
      'oldest first',
    );
    messages.unshift(...page);
    if (cursor === null) return messages;
    assert.equal(page.length, limit, 'a page with another before it is full');
    query = `limit=${limit}&cursor=${encodeURIComponent(cursor)}`;
  }
}

/** A channel with messages 1 to `count`, many of them of one instant. */
async function channelWithMessages(stage: Stage, count: number) {
  const { channel, owner } = await stage.channel();
  const client = await owner.join(channel.id);
  for (const seq of range(1, count)) client.send({ type: 'message', content: `message ${seq}` });
  assert.deepEqual(seqs(await nextMessages(client, count)), range(1, count));
  await client.close();
  return { channel, owner };
}

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('a posted message has the fields of the contract, and reaches everyone who is connected', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    const clients = await Promise.all([0, 1].map((at) => other.join(channel.id, { at })));
    const id = randomUUID();
    const { body } = await owner
      .api()
      .post<Message>(messagesOf(channel.id), { content: 'hello', message_id: id }, { expect: 201 });
    assert.deepEqual(Object.keys(body).sort(), MESSAGE_FIELDS);
    assert.match(body.created_at, RFC3339_MS_UTC);
    assert.deepEqual(body, {
      id,
      channel_id: channel.id,
      user_id: owner.id,
      username: owner.name,
      display_name: null,
      avatar_url: null,
      content: 'hello',
      seq: 1,
      is_deleted: false,
      created_at: body.created_at,
      updated_at: body.created_at,
    });
    for (const client of clients) {
      assert.deepEqual(await client.next('message'), {
        type: 'message',
        channel_id: channel.id,
        user_id: owner.id,
        username: owner.name,
        display_name: null,
        avatar_url: null,
        content: 'hello',
        message_id: id,
        timestamp: body.created_at,
        seq: 1,
      });
    }
    assert.deepEqual(await history(other, channel.id), { messages: [body], cursor: null, limit: 50 });
  });

  test('a message without an id gets one', async () => {
    const { channel, owner } = await stage.channel();
    const [first, second] = await post(owner, channel.id, ['one', 'two']);
    assert.match(first?.id ?? '', UUID);
    assert.notEqual(first?.id, second?.id);
    assert.deepEqual([first?.seq, second?.seq], [1, 2]);
  });

  test('a repeated message_id is answered with 200 and the first message, on any instance', async () => {
    const { channel, owner } = await stage.channel();
    const message_id = randomUUID();
    const path = messagesOf(channel.id);
    const first = await owner.api().post<Message>(path, { content: 'once', message_id }, { expect: 201 });
    const spellings = [message_id, message_id.toUpperCase(), message_id.replaceAll('-', '')];
    for (const at of [0, 1]) {
      for (const spelling of spellings) {
        const body = { content: 'another text', message_id: spelling };
        const again = await owner.api(at).post<Message>(path, body, { expect: 200 });
        assert.deepEqual(again.body, first.body);
      }
    }
    assert.deepEqual(await history(owner, channel.id), { messages: [first.body], cursor: null, limit: 50 });
  });

  test('the same message_id sent many times at once is stored once', async () => {
    const { channel, owner } = await stage.channel();
    const message_id = randomUUID();
    const answers = await Promise.all(
      range(0, 9).map((at) => owner.api(at).post<Message>(messagesOf(channel.id), { content: 'once', message_id })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [...new Array(9).fill(200), 201]);
    for (const { body } of answers) assert.deepEqual(body, answers[0]?.body);
    await post(owner, channel.id, ['next']);
    assert.deepEqual(seqs((await history(owner, channel.id)).messages), [1, 2]);
  });

  test("an id of another user's message, or of another channel's, is a conflict", async () => {
    const { channel, owner } = await stage.channel();
    const { channel: elsewhere } = await stage.channel({}, owner);
    const [other] = await stage.users(1);
    const [message] = await post(owner, channel.id, ['mine']);
    assert.ok(other !== undefined && message !== undefined);
    const body = { content: 'theirs', message_id: message.id };
    assertRefused(await other.api().post(messagesOf(channel.id), body), 409, 'CONFLICT');
    assertRefused(await other.api().post(messagesOf(elsewhere.id), body), 409, 'CONFLICT');
    assertRefused(await owner.api().post(messagesOf(elsewhere.id), body), 409, 'CONFLICT');
    assert.deepEqual((await history(owner, channel.id)).messages, [message]);
    assert.deepEqual((await history(owner, elsewhere.id)).messages, []);
    const [next] = await post(owner, elsewhere.id, ['first here']);
    assert.equal(next?.seq, 1);
  });

  test('content is refused when it is empty, too long, or holds what cannot be shown', async () => {
    const { channel, owner } = await stage.channel();
    const refuse = async (body: unknown, sentence?: string | RegExp) => {
      const answer = await owner.api().post(messagesOf(channel.id), JSON.stringify(body));
      assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 80));
      assertRefused(answer, 400, 'INVALID_REQUEST', sentence);
    };
    for (const content of ['', ' ', '\n\t \r\n', '\u00a0\u3000', '\u200b\u200d', '\ufeff']) {
      await refuse({ content }, 'Message content cannot be empty');
    }
    const tooLong = 'Message content exceeds maximum size of 500 characters';
    await refuse({ content: 'x'.repeat(501) }, tooLong);
    await refuse({ content: '😀'.repeat(501) }, tooLong);
    await refuse({ content: 'x'.repeat(20_000) }, tooLong);
    for (const control of ['\u0000', '\u0007', '\u001b', '\u007f', '\u0085', 'a\rb']) {
      await refuse({ content: `a${control}b` });
    }
    for (const surrogate of ['\ud800', '\udc00', 'a\ud83d', '\ude00\ud83d']) await refuse({ content: surrogate });
    for (const content of [5, null, {}, ['x'], true]) await refuse({ content });
    for (const message_id of ['', 'nope', `${randomUUID()}0`])
      await refuse({ content: 'x', message_id }, 'Invalid message ID');
    for (const message_id of [5, null, {}]) await refuse({ content: 'x', message_id });
    await refuse({});
    await refuse([]);
    await refuse({ content: 'x', channel_id: channel.id });
    await refuse({ content: 'x', user_id: randomUUID() });
    assert.deepEqual(await history(owner, channel.id), { messages: [], cursor: null, limit: 50 });
  });

  test('content is stored as it was given, normalised and trimmed', async () => {
    const { channel, owner } = await stage.channel();
    const cases: [string, string][] = [
      ['x'.repeat(500), 'x'.repeat(500)],
      ['😀'.repeat(500), '😀'.repeat(500)],
      [`  ${'x'.repeat(500)}\n`, 'x'.repeat(500)],
      ['e\u0301'.repeat(500), 'é'.repeat(500)],
      ['\n two\n\tlines \t', 'two\n\tlines'],
      ['👩‍👩‍👧‍👦 🇩🇪', '👩‍👩‍👧‍👦 🇩🇪'],
      ['<b>&amp; "quoted" \\ /</b>', '<b>&amp; "quoted" \\ /</b>'],
      ['مرحبا \u200fעולם', 'مرحبا \u200fעולם'],
      ['\u2028\u2029 x', 'x'],
    ];
    const posted = await post(
      owner,
      channel.id,
      cases.map(([given]) => given),
    );
    const stored = cases.map(([, content]) => content);
    assert.deepEqual(
      posted.map(({ content }) => content),
      stored,
    );
    assert.deepEqual((await history(owner, channel.id)).messages, posted);
  });

  test('history goes page by page without skipping or repeating any, also among messages of one instant', async () => {
    const { channel } = await channelWithMessages(stage, 130);
    if (stage.hasSql) {
      await stage.sql('update chat_messages set created_at = $2 where channel_id = $1 and seq between 20 and 110', [
        channel.id,
        new Date(Date.now() - 60_000),
      ]);
    }
    const [reader] = await stage.users(1);
    assert.ok(reader !== undefined);
    for (const limit of [1, 7, 13, 50, 65, 100]) {
      const all = await pageBack(reader, channel.id, limit);
      assert.deepEqual(seqs(all), range(1, 130), `limit ${limit}`);
      if (limit === 1) continue;
      assert.equal(all[0]?.content, 'message 1');
    }
    const newest = await history(reader, channel.id);
    assert.deepEqual(seqs(newest.messages), range(81, 130));
    assert.equal(newest.limit, 50);
    assert.notEqual(newest.cursor, null);
  });

  test('history before and after a place', async () => {
    const { channel, owner } = await channelWithMessages(stage, 20);
    const read = async (query: string) => await history(owner, channel.id, query);
    assert.deepEqual(seqs((await read('before_seq=11&limit=5')).messages), range(6, 10));
    assert.deepEqual(seqs((await read('before_seq=4')).messages), range(1, 3));
    assert.deepEqual(seqs((await read('before_seq=999')).messages), range(1, 20));
    assert.deepEqual(await read('before_seq=1'), { messages: [], cursor: null, limit: 50 });
    assert.deepEqual(seqs((await read('after_seq=0')).messages), range(1, 20));
    assert.deepEqual(seqs((await read('after_seq=0&limit=5')).messages), range(1, 5));
    assert.deepEqual(seqs((await read('after_seq=15')).messages), range(16, 20));
    assert.deepEqual((await read('after_seq=20')).messages, []);
    assert.deepEqual((await read('after_seq=999')).messages, []);
    // The cursor always names the page before this one.
    const middle = await read('before_seq=11&limit=5');
    assert.deepEqual(seqs((await read(`cursor=${middle.cursor}&limit=5`)).messages), range(1, 5));
    assert.equal((await read(`cursor=${middle.cursor}&limit=5`)).cursor, null);
    assert.equal((await read('before_seq=6&limit=5')).cursor, null);
    const later = await read('after_seq=10&limit=5');
    assert.deepEqual(seqs((await read(`cursor=${later.cursor}&limit=3`)).messages), [8, 9, 10]);
  });

  test('a cursor is null at the end also when changes of the channel took places before the first message', async () => {
    const { channel, owner } = await stage.channel();
    await owner.api().patch(`${V1}/channels/${channel.id}`, { description: 'first' }, { expect: 200 });
    await post(owner, channel.id, ['a', 'b']);
    const page = await history(owner, channel.id, 'after_seq=0');
    assert.deepEqual(seqs(page.messages), [2, 3]);
    assert.equal(page.cursor, null);
    assert.equal((await history(owner, channel.id)).cursor, null);
  });

  test('a timestamp is a cursor, too', async () => {
    const { channel, owner } = await stage.channel();
    const messages: Message[] = [];
    // Of different instants: each is posted after the one before was committed.
    while (messages.length < 8) {
      const [message] = await post(owner, channel.id, [`number ${messages.length + 1}`]);
      assert.ok(message !== undefined);
      messages.push(message);
    }
    const fifth = messages[4];
    assert.ok(fifth !== undefined);
    const before = messages.filter(({ created_at }) => created_at < fifth.created_at);
    const read = async (time: string, limit = 50) =>
      await history(owner, channel.id, `cursor=${encodeURIComponent(time)}&limit=${limit}`);
    assert.deepEqual((await read(fifth.created_at)).messages, before);
    assert.deepEqual((await read(fifth.created_at, 2)).messages, before.slice(-2));
    const inBerlin = new Date(Date.parse(fifth.created_at) + 2 * 3_600_000).toISOString().replace('Z', '+02:00');
    assert.deepEqual((await read(inBerlin)).messages, before);
    assert.deepEqual((await read('2999-01-01T00:00:00Z')).messages, messages);
    assert.deepEqual(await read('2000-01-01T00:00:00.000Z'), { messages: [], cursor: null, limit: 50 });
    const tail = await pageBack(owner, channel.id, 3, `&cursor=${encodeURIComponent('2999-01-01T00:00:00Z')}`);
    assert.deepEqual(tail, messages);
  });

  test('history refuses what is out of bounds', async () => {
    const { channel, owner } = await stage.channel();
    const bad = ['limit=0', 'limit=101', 'limit=x', 'limit=-1', 'before_seq=0', 'before_seq=x', 'after_seq=-1'];
    bad.push('after_seq=1.5', 'cursor=', 'cursor=nonsense!', 'cursor=2026-13-45T00:00:00Z', 'cursor=2026-01-01');
    bad.push(
      'limit=1e400',
      'before_seq=1e400',
      'after_seq=99999999999999999999',
      'before_seq=1&after_seq=1',
      'before_seq=1&cursor=2026-01-01T00:00:00Z',
      'cursor=%00',
      'after_seq=1e400',
    );
    for (const query of bad) {
      const answer = await owner.api().get(`${messagesOf(channel.id)}?${query}`);
      assert.equal(answer.status, 400, `${query} ${JSON.stringify(answer.body)}`);
      assertRefused(answer, 400, 'INVALID_REQUEST');
    }
  });

  test('only members read and write a private channel', async () => {
    const { channel, owner } = await stage.channel({ channel_type: 'private' });
    await post(owner, channel.id, ['among us']);
    const [other] = await stage.users(1);
    const admin = await stage.user({ role: 'admin' });
    assert.ok(other !== undefined);
    assertRefused(await other.api().get(messagesOf(channel.id)), 404, 'CHANNEL_NOT_FOUND');
    assertRefused(await other.api().post(messagesOf(channel.id), { content: 'x' }), 404, 'CHANNEL_NOT_FOUND');
    assertRefused(await other.api().get(`${V1}/channels/${channel.id}/presence`), 404, 'CHANNEL_NOT_FOUND');
    assert.equal((await history(admin, channel.id)).messages.length, 1);
    if (!stage.hasSql) return;
    await stage.addMember(channel.id, other, 'member');
    assert.equal((await history(other, channel.id)).messages.length, 1);
    await post(other, channel.id, ['thanks']);
  });

  test('an inactive channel is read and not written', async () => {
    const { channel, owner } = await stage.channel();
    await post(owner, channel.id, ['last words']);
    await owner.api().patch(`${V1}/channels/${channel.id}`, { is_active: false }, { expect: 200 });
    assertRefused(await owner.api(1).post(messagesOf(channel.id), { content: 'x' }), 404, 'CHANNEL_NOT_FOUND');
    assert.equal((await history(owner, channel.id)).messages.length, 1);
    await owner.api().patch(`${V1}/channels/${channel.id}`, { is_active: true }, { expect: 200 });
    const [message] = await post(owner, channel.id, ['again']);
    assert.equal(message?.seq, 4);
  });

  test('presence tells who is online', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${V1}/channels/${channel.id}/presence`;
    assert.deepEqual((await owner.api().get(path, { expect: 200 })).body, { online: [], count: 0 });
    await owner.join(channel.id);
    for (const at of [0, 1]) {
      const { body } = await owner.api(at).get<PresenceList>(path, { expect: 200 });
      assert.equal(body.count, 1);
      const [entry] = body.online;
      assert.ok(entry !== undefined);
      assert.match(entry.last_seen, RFC3339_MS_UTC);
      assert.deepEqual(entry, {
        user_id: owner.id,
        username: owner.name,
        status: 'online',
        last_seen: entry.last_seen,
      });
    }
  });

  if (stage.hasSql) {
    test('the banned neither read nor write, the muted read; an ended ban or mute does not count', async () => {
      const { channel, owner } = await stage.channel();
      await post(owner, channel.id, ['hello']);
      const [banned, muted, formerly] = await stage.users(3);
      assert.ok(banned !== undefined && muted !== undefined && formerly !== undefined);
      const soon = new Date(Date.now() + 3_600_000);
      const past = new Date(Date.now() - 1000);
      await stage.punish('chat_bans', channel.id, banned);
      await stage.punish('chat_mutes', channel.id, muted, soon);
      await stage.punish('chat_bans', channel.id, formerly, past);
      await stage.punish('chat_mutes', channel.id, formerly, past);
      const path = messagesOf(channel.id);
      const sentence = 'You are banned from this channel';
      for (const at of [0, 1]) {
        assertRefused(await banned.api(at).get(path), 403, 'FORBIDDEN', sentence);
        assertRefused(await banned.api(at).post(path, { content: 'x' }), 403, 'FORBIDDEN', sentence);
        const presence = await banned.api(at).get(`${V1}/channels/${channel.id}/presence`);
        assertRefused(presence, 403, 'FORBIDDEN', sentence);
        await muted.api(at).get(path, { expect: 200 });
        const answer: { status: number; body: unknown } = await muted.api(at).post(path, { content: 'x' });
        assert.equal(answer.status, 403);
        assert.match(JSON.stringify(answer.body), /You are muted in this channel/);
        await formerly.api(at).post(path, { content: `back ${at}` }, { expect: 201 });
      }
      const { body } = await owner.api().get<MessagePage>(path, { expect: 200 });
      assert.deepEqual(
        body.messages.map(({ content }) => content),
        ['hello', 'back 0', 'back 1'],
      );
    });

    test('a deleted message keeps its place and loses its content', async () => {
      const { channel, owner } = await stage.channel();
      const posted = await post(owner, channel.id, ['a', 'secret', 'c']);
      await stage.sql('update chat_messages set is_deleted = true where id = $1', [posted[1]?.id]);
      const { messages } = await history(owner, channel.id);
      assert.deepEqual(
        messages.map(({ seq, content, is_deleted }) => [seq, content, is_deleted]),
        [
          [1, 'a', false],
          [2, '', true],
          [3, 'c', false],
        ],
      );
      const client = await (await stage.user()).open(`${V1}/channels/${channel.id}/ws`);
      const frames = await nextMessages(client, 3);
      assert.deepEqual(
        frames.map(({ content }) => content),
        ['a', '', 'c'],
      );
      assert.ok(!client.frames.some(({ frame }) => isMessage('secret')(frame)));
    });

    test('claims of a token name the author, and later ones rename him', async () => {
      const { channel, owner } = await stage.channel();
      await post(owner, channel.id, ['plain']);
      const claims = { display_name: 'Ada Lovelace', avatar_url: 'https://example.com/ada.png' };
      const token = await stage.pair.token(owner.name, claims);
      const headers = { authorization: `Bearer ${token}` };
      await owner.api().post(messagesOf(channel.id), { content: 'named' }, { headers, expect: 201 });
      // Read by another: the owner's plain token would rename him back.
      const named = (await history(await stage.user(), channel.id)).messages.at(-1);
      assert.deepEqual(
        [named?.username, named?.display_name, named?.avatar_url],
        [owner.name, ...Object.values(claims)],
      );
    });
  }
});
