import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOSES } from '@hubbub/protocol/codes.js';
import { backoffMs, reconnectAfter } from './reconnect.js';

test("every close code leads to what the protocol's table says", () => {
  for (const { code, reconnect } of Object.values(CLOSES)) assert.equal(reconnectAfter(code), reconnect, `${code}`);
});

test('an unknown close code means to come back after a wait', () => {
  assert.equal(reconnectAfter(1006), 'backoff');
  assert.equal(reconnectAfter(4999), 'backoff');
});

test('the bound of the wait doubles up to 20 seconds, and the wait is anywhere below it', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 6, 1000].map((attempt) => backoffMs(attempt, 1)),
    [500, 1000, 2000, 16_000, 20_000, 20_000],
  );
  assert.equal(backoffMs(3, 0), 0);
  assert.equal(backoffMs(3, 0.5), 2000);
});
