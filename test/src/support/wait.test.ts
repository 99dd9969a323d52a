import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, withTimeout } from './wait.js';

test('until gives the value of the first look that holds', async () => {
  let looks = 0;
  const value = await until(() => (++looks < 3 ? null : looks), { intervalMs: 1 });
  assert.equal(value, 3);
});

test('until says what it waited for, and keeps what the condition threw last', async () => {
  const failing = until(() => Promise.reject(new Error('not there')), {
    timeoutMs: 20,
    intervalMs: 1,
    message: 'the moon',
  });
  await assert.rejects(failing, (error: Error) => {
    assert.equal(error.message, 'Waited 20 ms in vain for the moon');
    assert.equal((error.cause as Error).message, 'not there');
    return true;
  });
});

test('withTimeout passes a result on, and an error, and gives up in time', async () => {
  assert.equal(await withTimeout(Promise.resolve(1), 1000, () => 'late'), 1);
  await assert.rejects(
    withTimeout(Promise.reject(new Error('own')), 1000, () => 'late'),
    /own/,
  );
  await assert.rejects(
    withTimeout(new Promise(() => {}), 5, () => 'late'),
    /late/,
  );
});
