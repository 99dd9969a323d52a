/** What clients send and what comes back, frame by frame. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import type { ChatClient } from '../support/chat-client.js';
import { userClaims } from '../support/tokens.js';
import { until } from '../support/wait.js';
import {
  assertRefused,
  forEachPair,
  headerOf,
  history,
  isMessage,
  nextError,
  nextMessages,
  RFC3339_MS_UTC,
  range,
  type Stage,
  seqs,
  settled,
  UUID,
  V1,
} from './stage.js';

const RATE_SENTENCE = 'Rate limit exceeded. Maximum 20 messages per minute.';
/** Long enough for a frame that must not come to have come. */
const QUIET_MS = 300;

/** A joined many-channel connection. */
async function joinMany(client: ChatClient, channelId: string, lastSeq?: number) {
  client.send({ type: 'join', channel_id: channelId, ...(lastSeq === undefined ? {} : { last_seq: lastSeq }) });
  return await client.next('subscribed');
}

/** Frames of a type that a client has got so far. */
function countOf(client: ChatClient, type: string): number {
  return client.frames.filter(({ frame }) => frame.type === type).length;
}

forEachPair({}, (stage: Stage) => {
  test('a message goes to everyone in the channel, the sender too, with the fields of the contract', async () => {
    const { channel, owner } = await stage.channel();
    const others = await stage.users(3);
    const sender = await owner.join(channel.id);
    const clients = [sender, ...(await Promise.all(others.map((user) => user.join(channel.id))))];
    const message_id = randomUUID();
    sender.send({ type: 'message', channel_id: channel.id, content: 'hello', message_id });
    const received = await Promise.all(clients.map((client) => client.next('message')));
    const [first] = received;
    assert.ok(first !== undefined);
    assert.match(first.timestamp, RFC3339_MS_UTC);
    assert.ok(Math.abs(Date.parse(first.timestamp) - Date.now()) < 60_000);
    for (const frame of received) {
      assert.deepEqual(frame, {
        type: 'message',
        channel_id: channel.id,
        user_id: owner.id,
        username: owner.name,
        display_name: null,
        avatar_url: null,
        content: 'hello',
        message_id,
        timestamp: first.timestamp,
        seq: 1,
      });
    }
    const [stored] = (await history(owner, channel.id)).messages;
    assert.deepEqual([stored?.id, stored?.created_at, stored?.seq], [message_id, first.timestamp, 1]);
  });

  test('channel_id and message_id may be left out on a one-channel connection', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    client.send({ type: 'message', content: 'short' });
    const frame = await client.next('message');
    assert.equal(frame.channel_id, channel.id);
    assert.match(frame.message_id, UUID);
    client.send({ type: 'message', content: 'spelt otherwise', channel_id: channel.id.toUpperCase() });
    assert.equal((await client.next('message')).channel_id, channel.id);
    client.send({ type: 'message', content: 'of a newer client', channel_id: channel.id, mood: 'good' });
    await client.next('message');
  });

  test('messages of one sender keep their order', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    const sender = await owner.join(channel.id);
    const reader = await other?.join(channel.id);
    assert.ok(reader !== undefined);
    const contents = range(1, 20).map((number) => `number ${number}`);
    for (const content of contents) sender.send({ type: 'message', content });
    for (const client of [sender, reader]) {
      const frames = await nextMessages(client, 20);
      assert.deepEqual(
        frames.map(({ content }) => content),
        contents,
      );
      assert.deepEqual(seqs(frames), range(1, 20));
    }
  });

  test('a repeated message_id is answered to its sender alone, with the first seq and timestamp', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    const sender = await owner.join(channel.id, { at: 0 });
    const reader = await other?.join(channel.id, { at: 0 });
    assert.ok(reader !== undefined);
    const message_id = randomUUID();
    sender.send({ type: 'message', content: 'once', message_id });
    const first = await sender.next('message');
    await reader.next('message');
    // Again on the same connection, and on another one of the sender's, on the other instance.
    sender.send({ type: 'message', content: 'changed', message_id });
    assert.deepEqual(await sender.next('message'), first);
    const elsewhere = await owner.join(channel.id, { at: 1 });
    await elsewhere.next('message');
    elsewhere.send({ type: 'message', content: 'once', message_id: message_id.toUpperCase() });
    assert.deepEqual(await elsewhere.next('message'), first);
    sender.send({ type: 'message', content: 'next' });
    const next = await reader.next('message');
    assert.deepEqual([next.content, next.seq], ['next', 2]);
    assert.deepEqual([(await sender.next('message')).seq, (await elsewhere.next('message')).seq], [2, 2]);
    assert.equal(countOf(reader, 'message'), 2);
    assert.equal(countOf(elsewhere, 'message'), 3);
    assert.equal((await history(owner, channel.id)).messages.length, 2);
  });

  test('many copies of one message at once are stored once, and each is acknowledged', async () => {
    const { channel, owner } = await stage.channel();
    const clients = [await owner.join(channel.id, { at: 0 }), await owner.join(channel.id, { at: 1 })];
    const message_id = randomUUID();
    for (const client of clients)
      for (const _ of range(1, 5)) client.send({ type: 'message', content: 'x', message_id });
    for (const client of clients) {
      // One of the copies on all connections is live; on its own connection it is the acknowledgement.
      const frames = await nextMessages(client, 5);
      for (const frame of frames) assert.deepEqual([frame.seq, frame.message_id], [1, message_id]);
      assert.equal(new Set(frames.map(({ timestamp }) => timestamp)).size, 1);
    }
    assert.deepEqual(seqs((await history(owner, channel.id)).messages), [1]);
  });

  test('the id of another user’s message is an error, and nothing is stored', async () => {
    const { channel, owner } = await stage.channel();
    const { channel: elsewhere } = await stage.channel({}, owner);
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    const sender = await owner.join(channel.id);
    const thief = await other.join(channel.id);
    const message_id = randomUUID();
    sender.send({ type: 'message', content: 'mine', message_id });
    await sender.next('message');
    await thief.next('message');
    thief.send({ type: 'message', content: 'stolen', message_id });
    const error = await nextError(thief, 'INVALID_MESSAGE_ID');
    assert.equal(error.message_id, message_id);
    const mine = await owner.join(elsewhere.id);
    mine.send({ type: 'message', content: 'elsewhere', message_id });
    await nextError(mine, 'INVALID_MESSAGE_ID');
    assert.equal((await history(owner, channel.id)).messages.length, 1);
    assert.deepEqual((await history(owner, elsewhere.id)).messages, []);
  });

  test('a malformed message_id is an error that repeats it', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    for (const message_id of ['', 'nope', '42', `${randomUUID()}x`]) {
      client.send({ type: 'message', content: 'x', message_id });
      const error = await nextError(client, 'INVALID_MESSAGE_ID', 'Invalid message ID');
      assert.equal(error.message_id, message_id);
      assert.equal(error.channel_id, channel.id);
      assert.match(error.timestamp, RFC3339_MS_UTC);
    }
    assert.deepEqual((await history(owner, channel.id)).messages, []);
  });

  test('nobody writes where he has not joined', async () => {
    const { channel, owner } = await stage.channel();
    const { channel: victim } = await stage.channel();
    const [watcher] = await stage.users(1);
    assert.ok(watcher !== undefined);
    const watching = await watcher.join(victim.id);
    const single = await owner.join(channel.id);
    const many = await owner.open('/ws/chat');
    await joinMany(many, channel.id);
    for (const client of [single, many]) {
      for (const channel_id of [victim.id, victim.id.toUpperCase(), randomUUID(), 'nonsense', '']) {
        client.send({ type: 'message', channel_id, content: 'injected' });
        await nextError(client, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
        client.send({ type: 'typing', channel_id });
        await nextError(client, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
      }
    }
    // A one-channel connection stays one.
    single.send({ type: 'join', channel_id: victim.id });
    await nextError(single, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
    many.send({ type: 'message', content: 'to whom?' });
    await nextError(many, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
    many.send({ type: 'leave', channel_id: victim.id });
    await nextError(many, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
    await watching.expectNone((frame) => frame.type === 'message' || frame.type === 'typing', QUIET_MS);
    assert.deepEqual((await history(watcher, victim.id)).messages, []);
    assert.deepEqual((await history(watcher, channel.id)).messages, []);
  });

  test('typing goes to the others only, and is throttled', async () => {
    const { channel, owner } = await stage.channel();
    const others = await stage.users(2);
    const typist = await owner.join(channel.id, { at: 0 });
    const own = await owner.join(channel.id, { at: 1 });
    const readers = await Promise.all(others.map((user) => user.join(channel.id)));
    for (const _ of range(1, 10)) typist.send({ type: 'typing', channel_id: channel.id });
    await settled(typist);
    for (const reader of readers) {
      const frame = await reader.next('typing');
      assert.match(frame.timestamp, RFC3339_MS_UTC);
      assert.deepEqual(frame, {
        type: 'typing',
        channel_id: channel.id,
        user_id: owner.id,
        username: owner.name,
        timestamp: frame.timestamp,
      });
    }
    await Promise.all([...readers, typist, own].map((client) => client.expectNone('typing', QUIET_MS)));
    await typist.expectNone('error', 0);
  });

  test('ping is answered by pong', async () => {
    const { channel, owner } = await stage.channel();
    for (const client of [await owner.join(channel.id), await owner.open('/ws/chat')]) {
      client.send({ type: 'ping' });
      assert.deepEqual(await client.next('pong'), { type: 'pong' });
    }
  });

  test('what is no frame, or one of an unknown type, is told so and costs no connection', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    const invalid = ['', ' ', '{', 'nope', '[]', '1', 'null', 'true', '"message"', '{}', '{"type":5}', '{"type":null}'];
    invalid.push('{"type":"message"}', '{"type":"message","content":5}', '{"type":"message","content":null}');
    invalid.push(
      '{"type":"message","content":"x","message_id":5}',
      '{"type":"message","content":"x","channel_id":null}',
    );
    invalid.push(
      '{"type":"typing","channel_id":5}',
      '{"type":"join"}',
      '{"type":"join","channel_id":{}}',
      '{"type":"leave"}',
    );
    invalid.push(
      '{"type":"auth"}',
      '{"type":"auth","token":7}',
      `{"type":"join","channel_id":"${channel.id}","last_seq":"5"}`,
    );
    for (const last_seq of [-1, 1.5, '1e400', 2 ** 60]) {
      invalid.push(`{"type":"join","channel_id":"${channel.id}","last_seq":${last_seq}}`);
    }
    for (const text of invalid) {
      client.send(text);
      const error = await nextError(client, 'INVALID_FRAME').catch((cause: unknown) => {
        throw new Error(`for ${text}`, { cause });
      });
      assert.ok(error.error.length > 0);
      assert.equal(error.channel_id, channel.id);
    }
    for (const type of ['', 'unknown', 'MESSAGE', 'subscribed', 'constructor', '__proto__', 'toString']) {
      client.send({ type, content: 'x', channel_id: channel.id });
      await nextError(client, 'UNKNOWN_TYPE', 'Unknown message type');
    }
    client.send(Buffer.from(JSON.stringify({ type: 'message', content: 'binary' })));
    await nextError(client, 'INVALID_FRAME');
    client.send(Buffer.alloc(0));
    await nextError(client, 'INVALID_FRAME');
    client.send({ type: 'message', content: 'still here' });
    await client.next(isMessage('still here'));
    assert.equal((await history(owner, channel.id)).messages.length, 1);
  });

  test('content is refused with the sentences of the contract', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    const message_id = randomUUID();
    for (const content of ['', '   ', '\n\t\n', '\u00a0', '\u200b']) {
      client.send({ type: 'message', content, message_id });
      const error = await nextError(client, 'EMPTY_MESSAGE', 'Message content cannot be empty');
      assert.deepEqual([error.channel_id, error.message_id], [channel.id, message_id]);
    }
    for (const content of ['x'.repeat(501), '😀'.repeat(501), `${'x'.repeat(500)}é`]) {
      client.send({ type: 'message', content, message_id });
      const error = await nextError(
        client,
        'MESSAGE_TOO_LONG',
        'Message content exceeds maximum size of 500 characters',
      );
      assert.equal(error.message_id, message_id);
    }
    for (const content of ['a\u0000b', '\u0007!', 'a\u001b[31m', 'x\u007f', 'x\u0085y', 'a\rb', '\ud800', 'a\udc00b']) {
      client.send({ type: 'message', content, message_id });
      const error = await client.next('error');
      assert.match(error.code, /^[A-Z_]+$/);
    }
    assert.deepEqual((await history(owner, channel.id)).messages, []);
  });

  test('content is normalised and trimmed, and five hundred emoji are no more than five hundred letters', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    const cases: [string, string][] = [
      ['x'.repeat(500), 'x'.repeat(500)],
      ['😀'.repeat(500), '😀'.repeat(500)],
      [` ${'ü'.repeat(500)} `, 'ü'.repeat(500)],
      ['e\u0301'.repeat(500), 'é'.repeat(500)],
      ['\n tabs\tand\nlines \n', 'tabs\tand\nlines'],
      ['"quotes" \\ </script> \u2028', '"quotes" \\ </script>'],
    ];
    for (const [given, stored] of cases) {
      client.send({ type: 'message', content: given });
      assert.equal((await client.next('message')).content, stored);
    }
    assert.deepEqual(
      (await history(owner, channel.id)).messages.map(({ content }) => content),
      cases.map(([, stored]) => stored),
    );
  });

  test('the twenty-first message at once is refused with the time to wait', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    const client = await owner.join(channel.id);
    const ids = range(1, 21).map(() => randomUUID());
    for (const message_id of ids) client.send({ type: 'message', content: 'fast', message_id });
    const error = await nextError(client, 'RATE_LIMITED', RATE_SENTENCE);
    assert.equal(error.message_id, ids.at(-1));
    assert.equal(error.channel_id, channel.id);
    const wait = error.retry_after_ms ?? 0;
    assert.ok(Number.isInteger(wait) && wait > 0 && wait <= 3000, String(error.retry_after_ms));
    assert.deepEqual(seqs(await nextMessages(client, 20)), range(1, 20));
    // Others are not concerned, and neither is what is no message.
    const free = await other?.join(channel.id);
    free?.send({ type: 'message', content: 'mine' });
    await client.next(isMessage('mine'));
    await settled(client);
  });

  test('the limit is one for all connections of a user, on all instances', async () => {
    const { channel, owner } = await stage.channel();
    const { channel: second } = await stage.channel({}, owner);
    const clients = [
      await owner.join(channel.id, { at: 0 }),
      await owner.join(channel.id, { at: 1 }),
      await owner.join(second.id, { at: 1 }),
    ];
    for (const client of clients) for (const _ of range(1, 8)) client.send({ type: 'message', content: 'x' });
    await Promise.all(clients.map(settled));
    // Decisions are made in the order of the frames, so all of them are behind the pongs; the storing may not be.
    const refused = clients.reduce((sum, client) => sum + countOf(client, 'error'), 0);
    assert.equal(refused, 4);
    await until(async () => {
      const pages = await Promise.all([channel, second].map(({ id }) => history(owner, id)));
      return pages.reduce((sum, { messages }) => sum + messages.length, 0) === 20;
    });
    for (const client of clients) {
      for (const { frame } of client.frames) if (frame.type === 'error') assert.equal(frame.error, RATE_SENTENCE);
    }
  });

  test('REST and WebSocket share the limit', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id, { at: 0 });
    for (const _ of range(1, 20)) client.send({ type: 'message', content: 'x' });
    await nextMessages(client, 20);
    const path = `${V1}/channels/${channel.id}/messages`;
    const answer = await owner.api(1).post(path, { content: 'by REST' });
    assertRefused(answer, 429, 'RATE_LIMITED', RATE_SENTENCE);
    const wait = Number(headerOf(answer, 'retry-after'));
    assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 3, String(wait));
    assert.equal(headerOf(answer, 'ratelimit-limit'), '20');
    assert.equal(headerOf(answer, 'ratelimit-remaining'), '0');
    const user = await stage.user();
    const first = await user.api().post(path, { content: 'x' }, { expect: 201 });
    assert.equal(headerOf(first, 'ratelimit-limit'), '20');
    assert.equal(headerOf(first, 'ratelimit-remaining'), '19');
  });

  test('a frame of 4 KiB is read, a larger one closes with 1009', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    const frame = (bytes: number) => {
      const empty = JSON.stringify({ type: 'ping', pad: '' }).length;
      return JSON.stringify({ type: 'ping', pad: 'x'.repeat(bytes - empty) });
    };
    client.send(frame(4096));
    await client.next('pong');
    client.send(frame(4097));
    assert.equal((await client.closed).code, 1009);
    const other = await owner.join(channel.id);
    other.send(Buffer.alloc(1024 * 1024));
    assert.equal((await other.closed).code, 1009);
  });

  test('a flood of errors closes with 4029', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    for (const _ of range(1, 500)) client.send('nonsense');
    const { code, reason } = await client.closed;
    assert.equal(code, 4029);
    assert.notEqual(reason, '');
    assert.ok(countOf(client, 'error') >= 10, 'errors below the flood are answered');
    await owner.join(channel.id);
  });

  test('a flood that begins before the channel is joined is closed as promptly', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.open(`${V1}/channels/${channel.id}/ws`);
    for (const _ of range(1, 500)) client.send('nonsense');
    const startedAtMs = performance.now();
    assert.equal((await client.closed).code, 4029);
    const tookMs = performance.now() - startedAtMs;
    assert.ok(tookMs < 1500, `the close took ${Math.round(tookMs)} ms`);
  });

  test('frames behind a join wait for it', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.open('/ws/chat');
    client.send({ type: 'join', channel_id: channel.id });
    client.send({ type: 'message', channel_id: channel.id, content: 'at once' });
    client.send({ type: 'leave', channel_id: channel.id });
    client.send({ type: 'message', channel_id: channel.id, content: 'too late' });
    await client.next('subscribed');
    await client.next('left');
    await nextError(client, 'INVALID_CHANNEL_ID');
    // The sender has left, and is not told when his message is stored.
    const stored = await until(async () => {
      const { messages } = await history(owner, channel.id);
      return messages.length > 0 && messages;
    });
    assert.deepEqual(
      stored.map(({ content }) => content),
      ['at once'],
    );
    const single = await owner.open(`/ws/chat/${channel.id}`);
    single.send({ type: 'message', content: 'before subscribed' });
    await single.next(isMessage('before subscribed'));
    assert.equal(single.frames[0]?.frame.type, 'subscribed');
  });

  test('one connection joins and leaves many channels', async () => {
    const { channel: one, owner } = await stage.channel();
    const { channel: two } = await stage.channel({}, owner);
    const [writer] = await stage.users(1);
    assert.ok(writer !== undefined);
    const many = await owner.open('/ws/chat');
    const subscribed = await joinMany(many, one.id);
    assert.deepEqual([subscribed.channel_id, subscribed.seq, subscribed.online], [one.id, 0, 1]);
    await joinMany(many, two.id);
    const writers = [await writer.join(one.id), await writer.join(two.id)];
    writers[0]?.send({ type: 'message', content: 'in one' });
    writers[1]?.send({ type: 'message', content: 'in two' });
    assert.equal((await many.next(isMessage('in one'))).channel_id, one.id);
    assert.equal((await many.next(isMessage('in two'))).channel_id, two.id);
    many.send({ type: 'message', channel_id: two.id, content: 'from many' });
    await many.next(isMessage('from many'));
    await writers[1]?.next(isMessage('from many'));

    many.send({ type: 'leave', channel_id: one.id.toUpperCase() });
    assert.equal((await many.next('left')).channel_id, one.id);
    many.send({ type: 'message', channel_id: one.id, content: 'after leaving' });
    const error = await nextError(many, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
    assert.equal(error.channel_id, one.id);
    many.send({ type: 'leave', channel_id: one.id });
    await nextError(many, 'INVALID_CHANNEL_ID');
    writers[0]?.send({ type: 'message', content: 'unheard' });
    await writers[0]?.next(isMessage('unheard'));
    await many.expectNone(isMessage('unheard'), QUIET_MS);

    // Coming back brings what was missed; joining what is joined starts again and doubles nothing.
    const back = await joinMany(many, one.id, 1);
    assert.deepEqual([back.seq, back.recovered], [2, true]);
    await many.next(isMessage('unheard'));
    const again = await joinMany(many, one.id, 2);
    assert.deepEqual([again.seq, again.recovered], [2, true]);
    writers[0]?.send({ type: 'message', content: 'heard once' });
    await many.next(isMessage('heard once'));
    await many.expectNone(isMessage('heard once'), QUIET_MS);
  });

  test('a channel that cannot be joined is told of, and the connection stays', async () => {
    const [user] = await stage.users(1);
    const client = await user?.open('/ws/chat');
    assert.ok(client !== undefined);
    const unknown = randomUUID();
    client.send({ type: 'join', channel_id: unknown });
    const error = await nextError(client, 'CHANNEL_NOT_FOUND');
    assert.equal(error.channel_id, unknown);
    client.send({ type: 'join', channel_id: 'nonsense' });
    await nextError(client, 'INVALID_CHANNEL_ID', 'Invalid channel ID');
    await settled(client);
  });

  test('one connection joins at most a hundred channels', async () => {
    const owners = await stage.users(11);
    const channels = (
      await Promise.all(
        owners.map(async (owner, index) => {
          const made: Channel[] = [];
          while (made.length < (index < 10 ? 10 : 1)) made.push((await stage.channel({}, owner)).channel);
          return made;
        }),
      )
    ).flat();
    const client = await owners[0]?.open('/ws/chat');
    assert.ok(client !== undefined && channels.length === 101);
    for (const { id } of channels) client.send({ type: 'join', channel_id: id });
    for (const { id } of channels.slice(0, 100)) {
      assert.equal((await client.next('subscribed')).channel_id, id);
    }
    const error = await client.next('error');
    assert.equal(error.channel_id, channels[100]?.id);
    client.send({ type: 'leave', channel_id: channels[0]?.id });
    await client.next('left');
    await joinMany(client, channels[100]?.id ?? '');
  });

  test('a refused command may bear a field of any type that is not its own', async () => {
    const [user] = await stage.users(1);
    assert.ok(user !== undefined);
    const client = await user.open('/ws/chat');
    for (const stray of [5, null, {}, ['x'], true]) {
      client.send({ type: 'auth', token: 'nonsense', channel_id: stray, message_id: stray });
      await nextError(client, 'UNAUTHORIZED');
    }
    await settled(client);
  });

  test('a fresh token of the same user is taken, one of another is not', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    const client = await owner.join(channel.id);
    for (const token of [other?.token, 'nonsense', '', `${owner.token}x`]) {
      client.send({ type: 'auth', token });
      await nextError(client, 'UNAUTHORIZED');
    }
    client.send({ type: 'auth', token: await stage.pair.token(owner.name) });
    await settled(client);
    await client.expectNone('error', 0);
    client.send({ type: 'message', content: 'still me' });
    assert.equal((await client.next('message')).user_id, owner.id);
  });

  if (stage.kind === 'cluster') {
    test('a token’s end is announced, and closes with 4001 unless a fresh one comes', async () => {
      const { channel, owner } = await stage.channel();
      const exp = Math.floor(Date.now() / 1000) + 3;
      const token = stage.pair.key.sign(userClaims(owner.name, { exp }));
      const expires_at = new Date(exp * 1000).toISOString();
      const path = `${V1}/channels/${channel.id}/ws`;
      const [lapsing, renewed, brief] = await Promise.all([0, 1, 0].map((at) => owner.open(path, { token, at })));
      assert.ok(lapsing !== undefined && renewed !== undefined && brief !== undefined);
      for (const client of [lapsing, renewed, brief]) {
        assert.deepEqual(await client.next('token_expiring', 2500), { type: 'token_expiring', expires_at });
      }
      renewed.send({ type: 'auth', token: await stage.pair.token(owner.name, { display_name: 'Ada L.' }) });
      const soon = exp + 2;
      brief.send({ type: 'auth', token: stage.pair.key.sign(userClaims(owner.name, { exp: soon })) });
      assert.equal((await brief.next('token_expiring')).expires_at, new Date(soon * 1000).toISOString());
      assert.equal((await lapsing.closed).code, 4001);
      assert.ok(Date.now() >= exp * 1000, 'not before its time');
      renewed.send({ type: 'message', content: 'renewed' });
      assert.equal((await renewed.next(isMessage('renewed'))).display_name, 'Ada L.');
      await brief.next(isMessage('renewed'));
      assert.equal((await brief.closed).code, 4001);
      await settled(renewed);
    });

    test('the muted are told so, and read', async () => {
      const { channel, owner } = await stage.channel();
      const [muted, brief] = await stage.users(2);
      assert.ok(muted !== undefined && brief !== undefined);
      await stage.punish('chat_mutes', channel.id, muted);
      await stage.punish('chat_mutes', channel.id, brief, new Date(Date.now() + 1500));
      const client = await muted.join(channel.id);
      const message_id = randomUUID();
      client.send({ type: 'message', content: 'let me', message_id });
      const error = await nextError(client, 'MUTED', 'You are muted in this channel');
      assert.deepEqual([error.channel_id, error.message_id], [channel.id, message_id]);
      const speaker = await owner.join(channel.id);
      speaker.send({ type: 'message', content: 'listen' });
      await client.next(isMessage('listen'));
      // A mute ends by itself, also on an open connection.
      const waiting = await brief.join(channel.id);
      waiting.send({ type: 'message', content: 'too early' });
      await nextError(waiting, 'MUTED');
      await waiting.expectNone('pong', 1600);
      waiting.send({ type: 'message', content: 'now' });
      await speaker.next(isMessage('now'));
      assert.deepEqual(
        (await history(owner, channel.id)).messages.map(({ content }) => content),
        ['listen', 'now'],
      );
    });
  }
});
