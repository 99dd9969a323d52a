import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from './outbox.js';
import { toRows } from './rows.js';
import type { Entry } from './timeline.js';

const SELF = { userId: 'ada', name: 'Ada' };
const NOON_MS = new Date(2026, 0, 15, 12).getTime();
const MINUTE_MS = 60_000;

function entry(userId: string, atMs: number): Entry {
  return { id: `${userId}${atMs}`, seq: atMs, userId, name: userId, content: 'x', atMs, isDeleted: false };
}

function shape(entries: Entry[], drafts: Draft[] = []): string[] {
  return toRows(entries, drafts, SELF, NOON_MS).map((row) =>
    row.kind === 'day' ? row.label : `${row.isFirst ? 'first' : 'next'} ${row.userId}`,
  );
}

test('messages of one author within five minutes stand in one group', () => {
  const entries = [
    entry('ada', NOON_MS),
    entry('ada', NOON_MS + MINUTE_MS),
    entry('bob', NOON_MS + 2 * MINUTE_MS),
    entry('ada', NOON_MS + 3 * MINUTE_MS),
    entry('ada', NOON_MS + 9 * MINUTE_MS),
  ];
  assert.deepEqual(shape(entries), ['Today', 'first ada', 'next ada', 'first bob', 'first ada', 'first ada']);
});

test('a new day begins with a separator and a new group', () => {
  const midnightMs = new Date(2026, 0, 15).getTime();
  const rows = shape([entry('bob', midnightMs - MINUTE_MS), entry('bob', midnightMs + MINUTE_MS)]);
  assert.deepEqual(rows, ['Yesterday', 'first bob', 'Today', 'first bob']);
});

test('messages on their way come last and join the group above', () => {
  const draft: Draft = { id: 'd', content: 'y', atMs: NOON_MS + 1, state: 'sending', problem: '', canRetry: true };
  assert.deepEqual(shape([entry('ada', NOON_MS)], [draft]), ['Today', 'first ada', 'next ada']);
  const row = toRows([], [draft], SELF, NOON_MS).at(-1);
  assert.equal(row?.kind === 'message' && row.isOwn && row.draft === draft, true);
});

test('no two rows share a key', () => {
  const entries = [entry('ada', NOON_MS), entry('ada', NOON_MS - 90_000_000), entry('ada', NOON_MS + 1)];
  const keys = toRows(entries, [], SELF, NOON_MS).map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
});
