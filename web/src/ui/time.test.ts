import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOf, isSameDay, waitOf } from './time.js';

const NOON = new Date(2026, 2, 12, 12).getTime();

test('a day is named as people name it', () => {
  assert.equal(dayOf(new Date(2026, 2, 12, 0, 0).getTime(), NOON), 'Today');
  assert.equal(dayOf(new Date(2026, 2, 11, 23, 59).getTime(), NOON), 'Yesterday');
  assert.match(dayOf(new Date(2026, 2, 9).getTime(), NOON), /^\p{L}+$/u);
  assert.match(dayOf(new Date(2026, 1, 9).getTime(), NOON), /9/);
  assert.match(dayOf(new Date(2024, 2, 9).getTime(), NOON), /2024/);
});

test('days end at midnight, also on the day that has 23 hours', () => {
  assert.equal(isSameDay(new Date(2026, 2, 29, 0, 1).getTime(), new Date(2026, 2, 29, 23, 59).getTime()), true);
  assert.equal(isSameDay(new Date(2026, 2, 29, 23, 59).getTime(), new Date(2026, 2, 30, 0, 0).getTime()), false);
});

test('a wait is as exact as it is short', () => {
  assert.deepEqual([0, 1, 59_000, 60_000, 185_000, 7_200_000, 3 * 86_400_000].map(waitOf), [
    '0 s',
    '1 s',
    '59 s',
    '1:00 min',
    '3:05 min',
    '2 h',
    '3 days',
  ]);
});
