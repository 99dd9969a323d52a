import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from './ports.js';

test('free ports lie below those of outgoing connections', async () => {
  const port = await freePort();
  assert.ok(port >= 15_000 && port < 32_768);
});
