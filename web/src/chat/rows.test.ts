import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutgoingMessage } from '@hubbub/client';
import type { Message } from '@hubbub/protocol/rest.js';
import { firstAfter, keyAt, rowAt, rowCount } from './rows.js';

const SELF = 'ada';

function message(seq: number, by: string, at: string, isDeleted = false): Message {
  const who = { user_id: by, username: by, display_name: null, avatar_url: null };
  const created_at = `${at}.000`;
  const rest = { content: 'text', is_deleted: isDeleted, created_at, updated_at: created_at };
  return { id: `id ${seq}`, channel_id: 'c', ...who, seq, ...rest };
}

function outgoing(id: string): OutgoingMessage {
  return { id, content: 'text', atMs: 0, state: 'sending', error: null };
}

/** Which rows name their author (a), begin a day (d) or stand with the one before (-). */
function shapeOf(messages: Message[], own: OutgoingMessage[] = []): string {
  const source = { messages, outgoing: own };
  const rows = Array.from({ length: rowCount(source) }, (_, index) => rowAt(source, index, SELF));
  return rows
    .map((row) => (row.kind === 'head' ? 'h' : 'startsDay' in row && row.startsDay ? 'd' : row.startsGroup ? 'a' : '-'))
    .join('');
}

test('messages stand together by author, and by five minutes, and by day', () => {
  const messages = [
    message(1, 'ada', '2026-03-01T12:00:00'),
    message(2, 'ada', '2026-03-01T12:04:59'),
    message(3, 'bob', '2026-03-01T12:05:00'),
    message(4, 'bob', '2026-03-01T12:10:00'),
    message(5, 'bob', '2026-03-01T23:59:00'),
    message(6, 'bob', '2026-03-02T00:00:00'),
  ];
  assert.equal(shapeOf(messages), 'hd-aaad');
});

test('a deleted message stands alone', () => {
  const at = '2026-03-01T12:00:00';
  assert.equal(shapeOf([message(1, 'ada', at), message(2, 'ada', at, true), message(3, 'ada', at)]), 'hdaa');
});

test('own messages on their way go on where the own ones end', () => {
  const at = '2026-03-01T12:00:00';
  assert.equal(shapeOf([message(1, 'ada', at)], [outgoing('x'), outgoing('y')]), 'hd--');
  assert.equal(shapeOf([message(1, 'bob', at)], [outgoing('x'), outgoing('y')]), 'hda-');
  assert.equal(shapeOf([], [outgoing('x')]), 'ha');
});

test('a message keeps its key when it is stored', () => {
  const stored = message(1, 'ada', '2026-03-01T12:00:00');
  assert.equal(
    keyAt({ messages: [], outgoing: [outgoing('id 1')] }, 1),
    keyAt({ messages: [stored], outgoing: [] }, 1),
  );
});

test('the first message after a place, also where the sequence has places without one', () => {
  const messages = [2, 3, 7].map((seq) => message(seq, 'ada', '2026-03-01T12:00:00'));
  assert.deepEqual(
    [0, 2, 3, 6, 7].map((seq) => firstAfter(messages, seq)),
    [0, 1, 2, 2, 3],
  );
});
