import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListView, type Rows } from './list-view.js';

const ESTIMATE = 40;

function rows(from: number, to: number): Rows {
  return { count: to - from, keyAt: (index) => `row ${from + index}`, estimateAt: () => ESTIMATE };
}

function view(from: number, to: number): ListView {
  const list = new ListView();
  list.resize(400);
  list.setRows(rows(from, to));
  return list;
}

test('it begins at the end and stays there while rows come', () => {
  const list = view(100, 200);
  assert.equal(list.scrollTop, 100 * ESTIMATE - 400);
  list.setRows(rows(100, 230));
  assert.equal(list.isAtEnd, true);
  assert.equal(list.scrollTop, 130 * ESTIMATE - 400);
});

test('a row that the reader looks at stays in its place when a page comes before it', () => {
  const list = view(100, 200);
  list.scrolled(75);
  const before = list.top(1) - list.scrollTop;
  list.setRows(rows(50, 200));
  assert.equal(list.scrollTop, 50 * ESTIMATE + 75);
  assert.equal(list.top(51) - list.scrollTop, before);
});

test('it stays when a row above turns out to be higher, and when one below does', () => {
  const list = view(0, 100);
  list.scrolled(1010);
  assert.equal(list.measure('row 3', 3, 140), true);
  assert.equal(list.scrollTop, 1110);
  assert.equal(list.measure('row 90', 90, 300), true);
  assert.equal(list.scrollTop, 1110);
  assert.equal(list.measure('row 90', 90, 300.2), false);
});

test('it stays when a page comes before and messages after at once', () => {
  const list = view(100, 200);
  list.scrolled(75);
  list.setRows(rows(50, 207));
  assert.equal(list.scrollTop, 50 * ESTIMATE + 75);
});

test('the end stays the end when its last row grows or the screen shrinks', () => {
  const list = view(0, 100);
  list.measure('row 99', 99, 90);
  assert.equal(list.scrollTop, 100 * ESTIMATE + 50 - 400);
  assert.equal(list.resize(300), true);
  assert.equal(list.scrollTop, 100 * ESTIMATE + 50 - 300);
});

test('when the beginning is cut off with the row in it, the list stands at what is left', () => {
  const list = view(0, 100);
  list.scrolled(200);
  list.setRows(rows(50, 100));
  assert.equal(list.scrollTop, 0);
});

test('a short list stands at the lower edge', () => {
  const list = view(0, 3);
  assert.equal(list.contentHeight, 400);
  assert.equal(list.top(0), 400 - 3 * ESTIMATE);
  assert.deepEqual(list.range(), { start: 0, end: 3 });
});

test('only what is near the screen is drawn', () => {
  const list = view(0, 10_000);
  const atEnd = list.range();
  assert.equal(atEnd.end, 10_000);
  assert.ok(atEnd.end - atEnd.start <= 30);
  list.scrolled(200_000);
  const { start, end } = list.range();
  assert.ok(start <= 5000 - 10 && end >= 5010);
  assert.ok(end - start <= 45);
});

test('a row is brought into sight by the least movement', () => {
  const list = view(0, 100);
  list.scrolled(1000);
  list.reveal(26);
  assert.equal(list.scrollTop, 1000);
  list.reveal(20);
  assert.equal(list.scrollTop, 800);
  list.reveal(40);
  assert.equal(list.scrollTop, 41 * ESTIMATE - 400);
});

test('it lets go of the end when the reader scrolls up, and takes it again', () => {
  const list = view(0, 100);
  list.scrolled(3000);
  assert.equal(list.isAtEnd, false);
  list.setRows(rows(0, 101));
  assert.equal(list.scrollTop, 3000);
  list.scrolled(101 * ESTIMATE - 400 - 10);
  assert.equal(list.isAtEnd, true);
});
