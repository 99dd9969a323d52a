import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import type { Message, MessagePage } from '@hubbub/protocol/rest.js';
import { History } from './history.js';
import type { Entry } from './timeline.js';

const AT = '2026-01-15T12:00:00.000Z';

function message(seq: number): Message {
  const author = { user_id: 'u', username: 'ada', display_name: null, avatar_url: null };
  return {
    id: `m${seq}`,
    channel_id: 'c',
    ...author,
    content: `text ${seq}`,
    seq,
    is_deleted: false,
    created_at: AT,
    updated_at: AT,
  };
}

function entry(seq: number): Entry {
  return { id: `m${seq}`, seq, userId: 'u', name: 'ada', content: '', atMs: 0, isDeleted: false };
}

/** A history whose pages the test answers. */
function setUp() {
  const asked: { beforeSeq: number; answer: (page: MessagePage) => void; refuse: (error: Error) => void }[] = [];
  const history = new History({
    readPage: (beforeSeq) =>
      new Promise((answer, refuse) => {
        asked.push({ beforeSeq, answer, refuse });
      }),
    onChange: () => undefined,
  });
  const seqs = () => history.entries.map(({ seq }) => seq);
  return { history, asked, seqs };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
});

test('the page before the oldest message is asked for once, when the newest page is complete', async () => {
  const { history, asked, seqs } = setUp();
  history.begin(5);
  history.add(entry(4));
  history.loadOlder();
  assert.equal(asked.length, 0);
  history.add(entry(5));
  const loaded = history.loadOlder();
  history.loadOlder();
  assert.deepEqual(
    asked.map(({ beforeSeq }) => beforeSeq),
    [4],
  );
  asked[0]?.answer({ messages: [message(2), message(3)], cursor: 'more', limit: 2 });
  await loaded;
  assert.deepEqual(seqs(), [2, 3, 4, 5]);
  assert.equal(history.hasOlder, true);
});

test('the last page ends it', async () => {
  const { history, asked } = setUp();
  history.begin(1);
  history.add(entry(1));
  const loaded = history.loadOlder();
  asked[0]?.answer({ messages: [], cursor: null, limit: 50 });
  await loaded;
  assert.equal(history.hasOlder, false);
});

test('a join that brings no messages reads the newest page after a while', () => {
  const { history, asked } = setUp();
  history.begin(9);
  mock.timers.tick(500);
  history.loadOlder();
  assert.deepEqual(
    asked.map(({ beforeSeq }) => beforeSeq),
    [10],
  );
});

test('a page that was asked for before everything began anew is left out', async () => {
  const { history, asked, seqs } = setUp();
  history.begin(5);
  history.add(entry(5));
  const loaded = history.loadOlder();
  history.begin(4000);
  history.add(entry(4000));
  asked[0]?.answer({ messages: [message(4)], cursor: null, limit: 50 });
  await loaded;
  assert.deepEqual(seqs(), [4000]);
  assert.equal(history.hasOlder, true);
});

test('a page that cannot be read says why and can be asked for again', async () => {
  const { history, asked } = setUp();
  history.begin(5);
  history.add(entry(5));
  const loaded = history.loadOlder();
  asked[0]?.refuse(Object.assign(new Error('gone'), { code: 'NETWORK' }));
  await loaded;
  assert.equal(history.problem, 'The server cannot be reached. Check your connection.');
  history.loadOlder();
  assert.equal(history.problem, null);
  assert.equal(asked.length, 2);
});

test('only what comes after the join is live, and only once', () => {
  const { history } = setUp();
  history.begin(5);
  assert.equal(history.add(entry(5)), false);
  assert.equal(history.add(entry(6)), true);
  assert.equal(history.add(entry(6)), false);
});

test('an empty channel is known to be empty, one whose messages are on their way is not', () => {
  const { history } = setUp();
  history.begin(0);
  assert.equal(history.isEmpty, true);
  history.begin(3);
  assert.equal(history.isEmpty, false);
});

test('messages let go at the newest end can be read back', () => {
  const { history } = setUp();
  history.begin(0);
  for (let seq = 1; seq <= 601; seq++) history.add(entry(seq));
  history.hasOlder = false;
  history.trim(false);
  assert.equal(history.entries.length, 601);
  history.trim(true);
  assert.equal(history.entries.length, 300);
  assert.equal(history.hasOlder, true);
});
