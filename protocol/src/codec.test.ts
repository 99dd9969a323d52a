import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import Format from 'typebox/format';
import { encodeAuthor, encodeMessage, parseClientFrame } from './codec.js';
import { MessageFrame } from './frames.js';

const CHANNEL = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const USER = '11111111-2222-4333-8444-555555555555';
const MESSAGE = '99999999-2222-4333-8444-555555555555';
const AT = '2026-01-31T12:00:00.000Z';

const messageFrame = Compile(MessageFrame);

/** Parses what {@link encodeMessage} made and checks it against the schema that clients are told of. */
function decodeMessage(text: string): MessageFrame {
  const value: unknown = JSON.parse(text);
  assert.ok(messageFrame.Check(value), text);
  return value;
}

test('every frame of a client is understood', () => {
  for (const frame of [
    { type: 'message', content: 'hi' },
    { type: 'message', channel_id: CHANNEL, content: 'hi', message_id: MESSAGE },
    { type: 'message', channel_id: CHANNEL, content: '' },
    { type: 'typing' },
    { type: 'typing', channel_id: CHANNEL },
    { type: 'join', channel_id: CHANNEL },
    { type: 'join', channel_id: CHANNEL, last_seq: 0 },
    { type: 'join', channel_id: CHANNEL, last_seq: Number.MAX_SAFE_INTEGER },
    { type: 'leave', channel_id: CHANNEL },
    { type: 'auth', token: 'a.b.c' },
    { type: 'ping' },
  ]) {
    assert.deepEqual(parseClientFrame(JSON.stringify(frame)), frame);
  }
});

test('unknown fields are ignored, so that newer clients can talk to older servers', () => {
  const frame = parseClientFrame('{"type":"ping","id":7,"nested":{"a":[1]}}');
  assert.ok(typeof frame === 'object');
  assert.equal(frame.type, 'ping');
});

test('ids and content are not looked at here: they have error codes of their own', () => {
  for (const frame of [
    { type: 'message', content: ' ', channel_id: 'nonsense', message_id: '' },
    { type: 'leave', channel_id: '' },
    { type: 'typing', channel_id: 'x'.repeat(3000) },
  ]) {
    assert.deepEqual(parseClientFrame(JSON.stringify(frame)), frame);
  }
});

test('a field of the wrong type makes the frame invalid', () => {
  for (const text of [
    '{"type":"message"}',
    '{"type":"message","content":null}',
    '{"type":"message","content":1}',
    '{"type":"message","content":["hi"]}',
    '{"type":"message","content":{"toString":"hi"}}',
    '{"type":"message","content":"hi","channel_id":1}',
    '{"type":"message","content":"hi","channel_id":null}',
    '{"type":"message","content":"hi","message_id":null}',
    '{"type":"message","content":"hi","message_id":{}}',
    '{"type":"typing","channel_id":false}',
    '{"type":"join"}',
    '{"type":"join","channel_id":null}',
    '{"type":"join","channel_id":"x","last_seq":"1"}',
    '{"type":"join","channel_id":"x","last_seq":null}',
    '{"type":"join","channel_id":"x","last_seq":-1}',
    '{"type":"join","channel_id":"x","last_seq":1.5}',
    '{"type":"join","channel_id":"x","last_seq":1e999}',
    '{"type":"join","channel_id":"x","last_seq":9007199254740992}',
    '{"type":"leave"}',
    '{"type":"leave","channel_id":[]}',
    '{"type":"auth"}',
    '{"type":"auth","token":{}}',
  ]) {
    assert.equal(parseClientFrame(text), 'INVALID_FRAME', text);
  }
});

test('an unknown type is told apart from a broken frame', () => {
  for (const type of ['', 'Message', 'MESSAGE', 'message ', 'subscribed', 'error', 'pong', 'x'.repeat(1000)]) {
    assert.equal(parseClientFrame(JSON.stringify({ type, content: 'hi' })), 'UNKNOWN_TYPE', type);
  }
});

test('names that every object inherits are unknown types like any other', () => {
  for (const type of Object.getOwnPropertyNames(Object.prototype)) {
    assert.equal(parseClientFrame(JSON.stringify({ type })), 'UNKNOWN_TYPE', type);
  }
});

test('fields are never taken from a __proto__ in the frame', () => {
  assert.equal(parseClientFrame('{"__proto__":{"type":"ping"}}'), 'INVALID_FRAME');
  assert.equal(parseClientFrame('{"type":"message","__proto__":{"content":"hi"}}'), 'INVALID_FRAME');
  assert.equal(parseClientFrame('{"constructor":{"prototype":{"type":"ping"}}}'), 'INVALID_FRAME');
  assert.ok(!('content' in {}) && !('type' in {}));
});

test('what is no JSON object with a type is an invalid frame', () => {
  for (const text of [
    '',
    ' ',
    'null',
    'true',
    '1',
    '"message"',
    '[]',
    '["message"]',
    '[{"type":"ping"}]',
    '{}',
    '{"type":null}',
    '{"type":1}',
    '{"type":["ping"]}',
    '{"type":{"type":"ping"}}',
    '{type:"ping"}',
    "{'type':'ping'}",
    '{"type":"ping"',
    '{"type":"ping"}}',
    '{"type":"ping"}{"type":"ping"}',
    '\ufeff{"type":"ping"}',
    'NaN',
    '\u0000',
  ]) {
    assert.equal(parseClientFrame(text), 'INVALID_FRAME', JSON.stringify(text));
  }
});

test('deep nesting neither throws nor takes long', () => {
  const depth = 100_000;
  assert.equal(parseClientFrame('['.repeat(depth)), 'INVALID_FRAME');
  assert.equal(parseClientFrame(`${'['.repeat(depth)}${']'.repeat(depth)}`), 'INVALID_FRAME');
  assert.equal(parseClientFrame('{"type":'.repeat(depth)), 'INVALID_FRAME');
  const nested = `{"type":"ping","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const frame = parseClientFrame(nested);
  assert.ok(frame === 'INVALID_FRAME' || (typeof frame === 'object' && frame.type === 'ping'));
});

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
      const frame = parseClientFrame(text);
      assert.ok(typeof frame === 'object' || frame === 'INVALID_FRAME' || frame === 'UNKNOWN_TYPE');
    }),
  );
  const known = fc.constantFrom('message', 'typing', 'join', 'leave', 'auth', 'ping');
  const keys = fc.constantFrom('channel_id', 'content', 'message_id', 'last_seq', 'token', 'x');
  fc.assert(
    fc.property(known, fc.dictionary(keys, fc.jsonValue()), (type, fields) => {
      const frame = parseClientFrame(JSON.stringify({ ...fields, type }));
      assert.ok(frame === 'INVALID_FRAME' || (typeof frame === 'object' && frame.type === type));
    }),
  );
});

test('an encoded message is the JSON of a message frame with every field', () => {
  const author = encodeAuthor({ userId: USER, username: 'ada', displayName: 'Ada L.', avatarUrl: 'https://a.test/x' });
  assert.deepEqual(JSON.parse(encodeMessage(CHANNEL, author, 'hi', MESSAGE, AT, 7)), {
    type: 'message',
    channel_id: CHANNEL,
    user_id: USER,
    username: 'ada',
    display_name: 'Ada L.',
    avatar_url: 'https://a.test/x',
    content: 'hi',
    message_id: MESSAGE,
    timestamp: AT,
    seq: 7,
  });
});

test('a missing display name and avatar are null, not absent', () => {
  const author = encodeAuthor({ userId: USER, username: 'ada', displayName: null, avatarUrl: null });
  const frame = decodeMessage(encodeMessage(CHANNEL, author, 'hi', MESSAGE, AT, 7));
  assert.equal(frame.display_name, null);
  assert.equal(frame.avatar_url, null);
  assert.ok(!('is_deleted' in frame));
});

test('a deleted message says so', () => {
  const author = encodeAuthor({ userId: USER, username: 'ada', displayName: null, avatarUrl: null });
  assert.equal(decodeMessage(encodeMessage(CHANNEL, author, '', MESSAGE, AT, 7, true)).is_deleted, true);
});

test('quotes, backslashes, newlines and line separators survive in names and content', () => {
  for (const text of [
    '"',
    '\\',
    '\\"',
    '","seq":0,"x":"',
    '\n\t\r',
    '\u2028\u2029',
    '</script>',
    '\u{1f600}',
    '\u0000',
  ]) {
    const author = encodeAuthor({ userId: USER, username: text, displayName: text, avatarUrl: text });
    const frame = decodeMessage(encodeMessage(CHANNEL, author, text, MESSAGE, AT, 7));
    assert.deepEqual(
      [frame.username, frame.display_name, frame.avatar_url, frame.content, frame.seq],
      [text, text, text, text, 7],
    );
  }
});

test('any well-formed name and content comes back as it was', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, fc.option(text), fc.maxSafeNat(), fc.boolean(), (content, username, name, seq, deleted) => {
      const author = encodeAuthor({ userId: USER, username, displayName: name, avatarUrl: name });
      const frame = decodeMessage(encodeMessage(CHANNEL, author, content, MESSAGE, AT, seq, deleted));
      assert.equal(frame.content, content);
      assert.equal(frame.username, username);
      assert.equal(frame.display_name, name);
      assert.equal(frame.avatar_url, name);
      assert.equal(frame.seq, seq);
      assert.equal(frame.is_deleted === true, deleted);
    }),
  );
});

test('the schema used here checks formats', () => {
  assert.equal(Format.IsUuid(CHANNEL), true);
  const author = encodeAuthor({ userId: 'nonsense', username: 'ada', displayName: null, avatarUrl: null });
  assert.equal(messageFrame.Check(JSON.parse(encodeMessage(CHANNEL, author, 'hi', MESSAGE, AT, 7))), false);
});
