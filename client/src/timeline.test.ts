import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import type { Message, MessagePage } from '@hubbub/protocol/rest.js';
import { idOf, settled } from './fake-socket.js';
import { Timeline } from './timeline.js';

let timeline: Timeline;
let read: (beforeSeq: number, limit: number) => Promise<MessagePage>;
let asked: string[];

beforeEach(() => {
  asked = [];
  read = async (beforeSeq, limit) => page(range(Math.max(1, beforeSeq - limit), beforeSeq - 1));
  timeline = new Timeline({
    maxMessages: 5,
    readBefore: (beforeSeq, limit) => {
      asked.push(`${limit} before ${beforeSeq}`);
      return read(beforeSeq, limit);
    },
    outgoing: () => [],
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function message(seq: number): Message {
  const at = '2026-01-31T12:00:00.000Z';
  const who = { user_id: 'u', username: 'ada', display_name: null, avatar_url: null };
  return {
    id: idOf(seq),
    channel_id: 'c',
    ...who,
    content: `text ${seq}`,
    seq,
    is_deleted: false,
    created_at: at,
    updated_at: at,
  };
}

function page(seqs: readonly number[]): MessagePage {
  return { messages: seqs.map(message), cursor: (seqs[0] ?? 1) > 1 ? 'more' : null, limit: 100 };
}

/** The list after a join that brought these. */
function begin(from: number, to: number): void {
  timeline.begin(from - 1);
  for (const seq of range(from, to)) timeline.append(message(seq));
}

function places(): number[] {
  return timeline.get().messages.map(({ seq }) => seq);
}

test('older pages lie directly before what is here, down to the beginning', async () => {
  begin(8, 10);
  assert.equal(await timeline.loadOlder({ limit: 4 }), 4);
  assert.deepEqual(places(), range(4, 10));
  assert.ok(timeline.get().hasOlder);
  assert.equal(await timeline.loadOlder({ limit: 4 }), 3);
  assert.deepEqual(places(), range(1, 10));
  assert.equal(timeline.get().hasOlder, false);
  assert.equal(await timeline.loadOlder(), 0);
  assert.deepEqual(asked, ['4 before 8', '4 before 4']);
});

test('a list that began without a message asks for what is before its beginning', async () => {
  begin(8, 7);
  assert.ok(timeline.get().hasOlder);
  read = async () => page([]);
  assert.equal(await timeline.loadOlder(), 0);
  assert.deepEqual(asked, ['50 before 8']);
  assert.equal(timeline.get().hasOlder, false);
});

test('one page is asked for at a time', async () => {
  begin(8, 10);
  const both = [timeline.loadOlder({ limit: 2 }), timeline.loadOlder({ limit: 2 })];
  assert.ok(timeline.get().isLoadingOlder);
  assert.deepEqual(await Promise.all(both), [2, 2]);
  assert.deepEqual(asked, ['2 before 8']);
  assert.equal(timeline.get().isLoadingOlder, false);
});

test('who does not wait for a page any more gets it all the same later', async () => {
  begin(8, 10);
  const waiting = new AbortController();
  const loading = timeline.loadOlder({ limit: 2, signal: waiting.signal });
  waiting.abort(new Error('scrolled away'));
  await assert.rejects(loading, { message: 'scrolled away' });
  await settled();
  assert.deepEqual(places(), range(6, 10));
});

test('a page that could not be read leaves everything as it was', async () => {
  begin(8, 10);
  read = () => Promise.reject(new Error('away'));
  await assert.rejects(timeline.loadOlder(), { message: 'away' });
  assert.deepEqual(places(), [8, 9, 10]);
  const { hasOlder, isLoadingOlder } = timeline.get();
  assert.deepEqual([hasOlder, isLoadingOlder], [true, false]);
});

test('a page for a list that began anew meanwhile is not taken', async () => {
  begin(8, 10);
  const loading = timeline.loadOlder({ limit: 2 });
  begin(100, 101);
  assert.equal(await loading, 0);
  assert.deepEqual(places(), [100, 101]);
});

test('the list keeps so many as new ones come, and what was asked for until it is trimmed', async () => {
  begin(1, 7);
  assert.deepEqual(places(), range(3, 7));
  assert.ok(timeline.get().hasOlder);
  await timeline.loadOlder({ limit: 100 });
  assert.deepEqual(places(), range(1, 7));
  timeline.append(message(8));
  assert.deepEqual(places(), range(2, 8));
  timeline.trim();
  assert.deepEqual(places(), range(4, 8));
});

test('what is held stays while new ones come, until it is trimmed', () => {
  begin(1, 5);
  timeline.hold();
  for (const seq of range(6, 20)) timeline.append(message(seq));
  assert.deepEqual(places(), range(1, 20));
  timeline.trim();
  assert.deepEqual(places(), range(16, 20));
  timeline.append(message(21));
  assert.deepEqual(places(), range(17, 21));
});

test('a deletion empties the message, also on a page that was read before it', async () => {
  begin(8, 10);
  timeline.delete(9);
  const loading = timeline.loadOlder({ limit: 2 });
  timeline.delete(6);
  timeline.delete(3);
  await loading;
  const shown = timeline.get().messages.map(({ seq, content, is_deleted }) => [seq, content, is_deleted]);
  assert.deepEqual(shown, [
    [6, '', true],
    [7, 'text 7', false],
    [8, 'text 8', false],
    [9, '', true],
    [10, 'text 10', false],
  ]);
});

test('a snapshot is the same until something changes, and never changes itself', () => {
  begin(1, 2);
  const first = timeline.get();
  assert.equal(timeline.get(), first);
  timeline.append(message(3));
  assert.notEqual(timeline.get(), first);
  assert.equal(first.messages.length, 2);
  timeline.delete(77);
  const second = timeline.get();
  timeline.delete(78);
  assert.equal(timeline.get(), second);
});

test('listeners hear of a burst twice: at once, and at its end', async (context) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  context.after(() => mock.timers.reset());
  begin(1, 1);
  await settled();
  let heard = 0;
  const unsubscribe = timeline.subscribe(() => heard++);
  mock.timers.tick(16);
  for (const seq of range(2, 50)) timeline.append(message(seq));
  await settled();
  assert.equal(heard, 1);
  for (const seq of range(51, 100)) timeline.append(message(seq));
  mock.timers.tick(15);
  assert.equal(heard, 1);
  mock.timers.tick(1);
  assert.equal(heard, 2);
  unsubscribe();
  timeline.append(message(101));
  mock.timers.tick(100);
  await settled();
  assert.equal(heard, 2);
});
