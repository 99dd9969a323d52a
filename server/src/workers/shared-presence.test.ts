import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedPresence } from './shared-presence.js';

const ROOM = 'room';

test('a user is first and last once, through however many workers he is there', () => {
  const presence = new SharedPresence();
  assert.deepEqual(presence.enter(1, ROOM, 'ada', 0), { admitted: true, first: true, online: 1 });
  assert.deepEqual(presence.enter(1, ROOM, 'ada', 0), { admitted: true, first: false, online: 1 });
  assert.deepEqual(presence.enter(2, ROOM, 'ada', 0), { admitted: true, first: false, online: 1 });
  assert.deepEqual(presence.exit(1, ROOM, 'ada'), { last: false, online: 1 });
  assert.deepEqual(presence.exit(1, ROOM, 'ada'), { last: false, online: 1 });
  assert.deepEqual(presence.exit(2, ROOM, 'ada'), { last: true, online: 0 });
  assert.deepEqual(presence.exit(2, ROOM, 'ada'), { last: false, online: 0 });
});

test('a full channel takes in nobody new, and those who are there by another worker', () => {
  const presence = new SharedPresence();
  presence.enter(1, ROOM, 'ada', 2);
  presence.enter(2, ROOM, 'bob', 2);
  assert.deepEqual(presence.enter(2, ROOM, 'cleo', 2), { admitted: false, first: false, online: 2 });
  assert.equal(presence.enter(2, ROOM, 'ada', 2).admitted, true);
  assert.deepEqual(presence.roster(ROOM, 10), { userIds: ['ada', 'bob'], count: 2 });
  presence.exit(2, ROOM, 'bob');
  assert.equal(presence.enter(1, ROOM, 'cleo', 2).admitted, true);
});

test('with a worker go those who are on no other', () => {
  const presence = new SharedPresence();
  presence.enter(1, ROOM, 'ada', 0);
  presence.enter(1, ROOM, 'bob', 0);
  presence.enter(2, ROOM, 'bob', 0);
  presence.enter(1, 'other', 'ada', 0);
  presence.enter(2, 'third', 'cleo', 0);
  assert.deepEqual(
    presence.drop(1),
    new Map([
      [ROOM, ['ada']],
      ['other', ['ada']],
    ]),
  );
  assert.deepEqual(
    presence.counts([ROOM, 'other', 'third']),
    new Map([
      [ROOM, 1],
      ['third', 1],
    ]),
  );
});

test('a roster names no more than are asked for, and counts all', () => {
  const presence = new SharedPresence();
  for (const user of ['ada', 'bob', 'cleo']) presence.enter(1, ROOM, user, 0);
  assert.deepEqual(presence.roster(ROOM, 2), { userIds: ['ada', 'bob'], count: 3 });
  assert.deepEqual(presence.roster('nowhere', 2), { userIds: [], count: 0 });
});
