import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PresenceFrame } from '@hubbub/protocol/frames.js';
import type { PresenceEntry } from '@hubbub/protocol/rest.js';
import { Presence } from './presence.js';

const timestamp = '2026-01-15T12:00:00.000Z';

function frame(name: string, presence_type: 'joined' | 'left'): PresenceFrame {
  return { type: 'presence', channel_id: 'c', user_id: name, username: name, presence_type, timestamp };
}

function online(...names: string[]): PresenceEntry[] {
  return names.map((name) => ({ user_id: name, username: name, status: 'online', last_seen: timestamp }));
}

function names(presence: Presence): string[] {
  return presence.people('me').map(({ name }) => name);
}

test('the user himself comes first, the others by name', () => {
  const presence = new Presence();
  presence.take({ online: online('cem', 'me', 'ada'), count: 3 });
  assert.deepEqual(names(presence), ['me', 'ada', 'cem']);
  assert.equal(presence.count, 3);
});

test('who comes and goes changes list and count once, however often it is said', () => {
  const presence = new Presence();
  presence.take({ online: online('me'), count: 1 });
  for (const _ of [1, 2]) presence.apply(frame('ada', 'joined'));
  assert.equal(presence.count, 2);
  for (const _ of [1, 2]) presence.apply(frame('ada', 'left'));
  assert.equal(presence.count, 1);
  assert.deepEqual(names(presence), ['me']);
});

test('a frame that comes while the snapshot is on its way counts after it', () => {
  const presence = new Presence();
  presence.expect();
  presence.apply(frame('ada', 'left'));
  presence.apply(frame('bob', 'joined'));
  presence.take({ online: online('me', 'ada'), count: 2 });
  assert.deepEqual(names(presence), ['me', 'bob']);
  assert.equal(presence.count, 2);
});

test('without a snapshot the frames alone count', () => {
  const presence = new Presence();
  presence.expect();
  presence.apply(frame('bob', 'joined'));
  presence.take(null);
  assert.deepEqual(names(presence), ['bob']);
});

test('in a large channel the count is more than the names', () => {
  const presence = new Presence();
  presence.take({ online: online('me', 'ada'), count: 5000 });
  presence.setCount(5001);
  assert.equal(presence.count, 5001);
  assert.equal(names(presence).length, 2);
});
