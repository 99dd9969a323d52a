import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PresenceFrame } from '@hubbub/protocol/frames.js';
import type { PresenceEntry } from '@hubbub/protocol/rest.js';
import { Roster } from './roster.js';

const AT = '2026-01-31T12:00:00.000Z';

function entry(username: string): PresenceEntry {
  return { user_id: `id of ${username}`, username, status: 'online', last_seen: AT };
}

function frame(username: string, presence_type: 'joined' | 'left'): PresenceFrame {
  return { type: 'presence', channel_id: 'c', user_id: `id of ${username}`, username, presence_type, timestamp: AT };
}

function shown(roster: Roster): string {
  const { count, users, isComplete } = roster.online.get();
  return `${count}: ${users.map(({ username }) => username).join(' ')}${isComplete ? '' : ' ...'}`;
}

function watched(): { roster: Roster; asked: () => number } {
  let asked = 0;
  const roster = new Roster(() => asked++);
  roster.online.subscribe(() => {});
  return { roster, asked: () => asked };
}

test('without a watcher it is counted, and nobody is asked for names', () => {
  let asked = 0;
  const roster = new Roster(() => asked++);
  roster.joined(3);
  roster.presence(frame('bob', 'joined'));
  roster.presence(frame('bob', 'joined'));
  assert.equal(shown(roster), '4: bob ...');
  roster.presence(frame('someone who was there before', 'left'));
  assert.equal(roster.online.get().count, 3);
  assert.equal(asked, 0);
});

test('the first watcher has the names asked for, and so has every join while there is one', () => {
  const { roster, asked } = watched();
  assert.equal(asked(), 1);
  roster.joined(2);
  assert.equal(asked(), 2);
  roster.take({ online: [entry('bob'), entry('ada')], count: 2 }, []);
  assert.equal(shown(roster), '2: ada bob');
  roster.presence(frame('cem', 'joined'));
  roster.presence(frame('ada', 'left'));
  roster.presence(frame('ada', 'left'));
  assert.equal(shown(roster), '2: bob cem');
});

test('after the last watcher nobody asks', () => {
  let asked = 0;
  const roster = new Roster(() => asked++);
  const unwatch = roster.online.subscribe(() => {});
  unwatch();
  unwatch();
  const second = roster.online.subscribe(() => {});
  second();
  roster.joined(1);
  assert.equal(asked, 2);
});

test('what came while the list was on its way counts', () => {
  const { roster } = watched();
  roster.joined(2);
  roster.take({ online: [entry('ada'), entry('bob')], count: 2 }, [frame('bob', 'left'), frame('cem', 'joined')]);
  assert.equal(shown(roster), '2: ada cem');
});

test('of a large channel the count is right and the names are not all', () => {
  const { roster } = watched();
  roster.joined(5000);
  roster.take({ online: [entry('ada')], count: 5000 }, []);
  assert.equal(shown(roster), '5000: ada ...');
  roster.counted(5001);
  assert.equal(shown(roster), '5001: ada ...');
});

test('who stops, leaves or is out of reach does not type', () => {
  const { roster } = watched();
  roster.joined(3);
  for (const username of ['bob', 'cem', 'dee']) {
    roster.typing({ type: 'typing', channel_id: 'c', user_id: `id of ${username}`, username, timestamp: AT });
  }
  roster.stopped('id of bob');
  roster.presence(frame('cem', 'left'));
  assert.deepEqual(
    roster.typists.get().map(({ username }) => username),
    ['dee'],
  );
  roster.lost();
  assert.deepEqual(roster.typists.get(), []);
  roster.close();
});
