import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalId, countCharacters, initials, newId } from './text.js';
import { inPlainWords, inSeconds } from './words.js';

test('characters are code points of the text as the server will store it', () => {
  assert.equal(countCharacters('  hi \n'), 2);
  assert.equal(countCharacters('\u{1f600}\u{1f600}'), 2);
  assert.equal(countCharacters('e\u0301'), 1);
});

test('a name is stood for by one or two letters', () => {
  assert.deepEqual(['ada', 'Grace Hopper', 'jean-luc van d', '  ', '\u{1f600}x'].map(initials), [
    'A',
    'GH',
    'JD',
    '?',
    '\u{1f600}',
  ]);
});

test('an address names a channel by a UUID in any case', () => {
  const id = newId();
  assert.equal(canonicalId(id.toUpperCase()), id);
  assert.equal(canonicalId('general'), null);
});

test('errors are said in plain words, with the wait if there is one', () => {
  assert.equal(inSeconds(1), '1 second');
  assert.equal(inSeconds(2001), '3 seconds');
  const message = 'Rate limit exceeded. Maximum 20 messages per minute.';
  assert.equal(
    inPlainWords({ code: 'RATE_LIMITED', message, retryAfterMs: 2500 }),
    'That was too fast. Wait 3 seconds and try again.',
  );
  assert.equal(inPlainWords({ code: 'SOMETHING_NEW', message: 'It rains' }), 'It rains.');
});
