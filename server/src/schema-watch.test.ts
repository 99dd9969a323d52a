import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './log.js';
import { SchemaWatch } from './schema-watch.js';

test('a schema that this program must not run on is told of until it is taken back', async (t) => {
  let answer: () => Promise<string | null> = () => Promise.resolve(null);
  const watch = new SchemaWatch({ readRefusal: () => answer(), log: createLogger('silent') });
  t.after(() => watch.close());
  await watch.look();
  assert.equal(watch.refusal, null);
  answer = () => Promise.resolve('step 16 is breaking');
  await watch.look();
  assert.equal(watch.refusal, 'step 16 is breaking');
  answer = () => Promise.reject(new Error('away'));
  await watch.look();
  assert.equal(watch.refusal, 'step 16 is breaking', 'what is not known does not change it');
  answer = () => Promise.resolve(null);
  await watch.look();
  assert.equal(watch.refusal, null);
});
