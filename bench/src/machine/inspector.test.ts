import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Child } from '@hubbub/test/support/processes.js';
import { collectGarbage, INSPECT_OPTION, inspectorUrlOf } from './inspector.js';

const HELD_BYTES = 32 * 2 ** 20;

/** Holds one buffer, and has thrown another one of the same size away. */
const PROGRAM = `
  globalThis.held = Buffer.alloc(${HELD_BYTES}, 1);
  Buffer.alloc(${HELD_BYTES}, 1);
  setInterval(() => {}, 1000);
  console.log('ready');
`;

test('what is held counts, and garbage does not', async (t) => {
  const child = await Child.start(process.execPath, [INSPECT_OPTION, '-e', PROGRAM]);
  t.after(() => child.stop());
  await child.waitForLine((line) => line === 'ready' || undefined, 20_000);
  const { heapBytes, resources } = await collectGarbage(inspectorUrlOf(child.tail));
  assert.ok(heapBytes > HELD_BYTES && heapBytes < 1.5 * HELD_BYTES, `${heapBytes} bytes are live`);
  assert.ok(resources >= 1, `${resources} resources`);
});

test('a process without an inspector is named by its output', () => {
  assert.throws(() => inspectorUrlOf('listening on 80'), /no inspector listens:\nlistening on 80/);
});
