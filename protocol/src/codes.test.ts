import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOSES, ERRORS } from './codes.js';

test('every error has an HTTP error status and a sentence', () => {
  for (const [code, { status, message }] of Object.entries(ERRORS)) {
    assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
    assert.ok(status >= 400 && status < 600, code);
    assert.ok(message.length > 0 && !message.endsWith('.'), code);
  }
});

test('the sentences that the wire contract fixes are the documented ones', () => {
  assert.equal(ERRORS.UNKNOWN_TYPE.message, 'Unknown message type');
  assert.equal(ERRORS.INVALID_CHANNEL_ID.message, 'Invalid channel ID');
  assert.equal(ERRORS.INVALID_MESSAGE_ID.message, 'Invalid message ID');
  assert.equal(ERRORS.EMPTY_MESSAGE.message, 'Message content cannot be empty');
  assert.equal(ERRORS.MUTED.message, 'You are muted in this channel');
});

test('the close codes are the documented ones, each its own, with a reason that fits into a close frame', () => {
  assert.deepEqual(Object.fromEntries(Object.entries(CLOSES).map(([name, { code }]) => [name, code])), {
    DRAINING: 1001,
    TOO_BIG: 1009,
    INTERNAL: 1011,
    TOKEN_EXPIRED: 4001,
    BANNED: 4003,
    CHANNEL_CLOSED: 4004,
    TOO_SLOW: 4008,
    FLOODING: 4029,
  });
  for (const { reason } of Object.values(CLOSES)) assert.ok(new TextEncoder().encode(reason).length <= 123);
});
