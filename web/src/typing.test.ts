import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TypingGate, Typists, typingSentence } from './typing.js';

test('typing is said at most every three seconds, and at once after a message', () => {
  const gate = new TypingGate();
  assert.deepEqual(
    [0, 1000, 2999, 3000, 4000].map((nowMs) => gate.strike(nowMs)),
    [true, false, false, true, false],
  );
  gate.reset();
  assert.equal(gate.strike(4001), true);
});

test('a typist is shown for five seconds after his last frame', () => {
  const typists = new Typists();
  typists.add('a', 'Ada', 0);
  typists.add('a', 'Ada', 2000);
  typists.add('b', 'Bob', 1000);
  assert.equal(typists.nextChangeMs(1000), 5000);
  assert.deepEqual(typists.names(6000), ['Ada']);
  assert.equal(typists.nextChangeMs(6999), 1);
  assert.equal(typists.nextChangeMs(7000), null);
});

test('a typist is gone with his message', () => {
  const typists = new Typists();
  typists.add('a', 'Ada', 0);
  assert.equal(typists.remove('a'), true);
  assert.deepEqual(typists.names(1), []);
});

test('the sentence names two people and counts the others', () => {
  assert.equal(typingSentence([]), '');
  assert.equal(typingSentence(['Ada']), 'Ada is typing');
  assert.equal(typingSentence(['Ada', 'Bob']), 'Ada and Bob are typing');
  assert.equal(typingSentence(['Ada', 'Bob', 'Cem']), 'Ada, Bob and 1 other are typing');
  assert.equal(typingSentence(['Ada', 'Bob', 'Cem', 'Dora']), 'Ada, Bob and 2 others are typing');
});
