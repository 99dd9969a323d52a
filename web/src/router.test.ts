import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, parseRoute, type Route } from './router.js';

const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

test('every place has an address, which leads back to it', () => {
  const routes: Route[] = [
    { view: 'home' },
    { view: 'channel', channelId: ID },
    { view: 'moderation', channelId: ID, tab: 'log' },
    { view: 'operator' },
  ];
  for (const route of routes) assert.deepEqual(parseRoute(hashOf(route)), route);
});

test('an address that is not known leads home, and a spelling of an id is the same place', () => {
  for (const hash of ['', '#', '#/c/', '#/c/no-id', '#/nowhere', '#javascript:alert(1)']) {
    assert.deepEqual(parseRoute(hash), { view: 'home' });
  }
  assert.deepEqual(parseRoute(`#/c/${ID.toUpperCase()}`), { view: 'channel', channelId: ID });
  assert.deepEqual(parseRoute(`#/c/${ID}/moderation/else`), { view: 'moderation', channelId: ID, tab: 'review' });
});
