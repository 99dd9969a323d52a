/** What others have written, on its way to a terminal. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printable, printableJson, printableLines } from './printable.js';
import { transcribe } from './transcript.js';

const TIMESTAMP = '2026-01-02T03:04:05.678Z';
const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
/** Clears the screen, sets the title, the same by C1, goes back, erases, turns the direction around, hides, splits. */
const ATTACKS = [
  '\u001b[2J',
  '\u001b]0;mine\u0007',
  '\u009b2J',
  '\u009d0;mine\u009c',
  '\r',
  '\b',
  '\u007f',
  '\u0000',
  '\u0085',
  '\u2028',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u{e0041}',
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]|\udb40/;

function message(extra: object = {}) {
  return {
    type: 'message',
    channel_id: ID,
    user_id: ID,
    username: 'ada',
    display_name: null,
    avatar_url: null,
    content: 'Hello',
    message_id: ID,
    timestamp: TIMESTAMP,
    seq: 7,
    ...extra,
  };
}

describe('text of others', () => {
  test('keeps its letters, and loses whatever a terminal takes as an order', () => {
    for (const attack of ATTACKS) {
      assert.doesNotMatch(printable(`a${attack}b`), RAW);
      assert.match(printable(`a${attack}b`), /^a(\\u[0-9a-f]{4})+.*b$/);
    }
    assert.equal(printable('\u001b[31mred'), '\\u001b[31mred');
    for (const plain of ['Größe 漢字 עברית', '👩‍👩‍👧 é', 'C:\\temp']) assert.equal(printable(plain), plain);
    assert.deepEqual(printableLines('a\n\tb\rc'), ['a', '    b\\u000dc']);
  });

  test('is the same value in JSON, without a raw control character', () => {
    for (const attack of ATTACKS) {
      const json = printableJson({ content: attack });
      assert.doesNotMatch(json, RAW);
      assert.deepEqual(JSON.parse(json), { content: attack });
    }
  });
});

describe('a frame as lines', () => {
  test('has its place, the name and the text; later lines cannot pass for other messages', () => {
    const [first = '', ...more] = transcribe(message({ content: 'one\n2026-01-02 03:04:05  8  bob: two' }));
    assert.match(first, /^2026-01-0\d \d\d:\d\d:05 {2}7 {2}ada: one$/);
    assert.deepEqual(more, ['    | 2026-01-02 03:04:05  8  bob: two']);
  });

  test('is clean in whatever field an order to the terminal stands', () => {
    for (const attack of ATTACKS) {
      const lines = [
        ...transcribe(message({ content: attack, username: attack, display_name: attack, timestamp: attack })),
        ...transcribe({ type: 'moderation', action: 'muted', reason: attack, timestamp: TIMESTAMP }),
        ...transcribe({ type: 'channel_updated', channel: { name: attack, updated_at: TIMESTAMP }, seq: 8 }),
      ];
      assert.equal(lines.length, 3);
      for (const line of lines) assert.doesNotMatch(line, RAW);
    }
  });

  test('tells of deletions, and nothing of what comes and goes', () => {
    const [deleted] = transcribe(message({ is_deleted: true, content: '' }));
    assert.match(deleted ?? '', /7 {2}ada: \[deleted\]$/);
    const [deletion] = transcribe({ type: 'message_deleted', message_seq: 7, seq: 9, timestamp: TIMESTAMP });
    assert.match(deletion ?? '', /9 {2}\* message 7 was deleted$/);
    assert.deepEqual(transcribe({ type: 'typing', username: 'ada' }), []);
  });
});
