import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, Timeline } from './timeline.js';

function entry(seq: number, isDeleted = false): Entry {
  return {
    id: `m${seq}`,
    seq,
    userId: 'u',
    name: 'Ada',
    content: isDeleted ? '' : `text ${seq}`,
    atMs: seq,
    isDeleted,
  };
}

function seqs(timeline: Timeline): number[] {
  return timeline.entries.map(({ seq }) => seq);
}

test('messages stand in the order of seq, however they come', () => {
  const timeline = new Timeline();
  for (const seq of [5, 9, 2, 7, 1, 12]) assert.equal(timeline.add(entry(seq)), true);
  assert.deepEqual(seqs(timeline), [1, 2, 5, 7, 9, 12]);
  assert.equal(timeline.oldestSeq, 1);
});

test('a message that comes twice stands once, by its seq and by its id', () => {
  const timeline = new Timeline();
  timeline.add(entry(3));
  assert.equal(timeline.add(entry(3)), false);
  assert.equal(timeline.add({ ...entry(4), id: 'm3' }), false);
  assert.deepEqual(seqs(timeline), [3]);
});

test('a deleted message keeps its place and loses its text', () => {
  const timeline = new Timeline();
  for (const seq of [1, 2, 3]) timeline.add(entry(seq));
  assert.equal(timeline.delete(2), true);
  assert.equal(timeline.delete(2), false);
  assert.deepEqual(timeline.entries[1], entry(2, true));
});

test('a page that was read before a deletion and comes after it does not bring the text back', () => {
  const timeline = new Timeline();
  timeline.add(entry(9));
  assert.equal(timeline.delete(4), false);
  timeline.add(entry(4));
  assert.deepEqual(timeline.entries[0], entry(4, true));
});

test('a copy that says deleted deletes the message, and one that does not leaves it deleted', () => {
  const timeline = new Timeline();
  timeline.add(entry(1));
  timeline.add(entry(1, true));
  timeline.add(entry(1));
  assert.deepEqual(timeline.entries, [entry(1, true)]);
});

test('what was let go can be read back', () => {
  const timeline = new Timeline();
  for (let seq = 1; seq <= 10; seq++) timeline.add(entry(seq));
  assert.equal(timeline.trim(4), 6);
  assert.equal(timeline.trim(4), 0);
  assert.equal(timeline.add(entry(6)), true);
  assert.deepEqual(seqs(timeline), [6, 7, 8, 9, 10]);
});
