import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { findTestFiles } from './discover.js';

const root = mkdtempSync(join(tmpdir(), 'hubbub-discover-'));
after(() => rmSync(root, { recursive: true }));

for (const path of [
  'server/src/hub.test.ts',
  'server/dist/hub.test.js',
  'server/dist/hub.js',
  'server/dist/gone.test.js',
  'server/src/new.test.ts',
  'server/src/store/db.test.ts',
  'server/dist/store/db.test.js',
  'protocol/src/codec.test.ts',
  'protocol/dist/codec.test.js',
  'elsewhere/src/a.test.ts',
  'elsewhere/dist/a.test.js',
]) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), '');
}

test('compiled test files with a source are found, in order', () => {
  assert.deepEqual(findTestFiles(root, []), [
    { source: 'protocol/src/codec.test.ts', compiled: join(root, 'protocol/dist/codec.test.js') },
    { source: 'server/src/hub.test.ts', compiled: join(root, 'server/dist/hub.test.js') },
    { source: 'server/src/store/db.test.ts', compiled: join(root, 'server/dist/store/db.test.js') },
  ]);
});

test('a file counts when it matches one of the filters', () => {
  const names = (...filters: string[]) => findTestFiles(root, filters).map(({ source }) => source);
  assert.deepEqual(names('hub', 'codec'), ['protocol/src/codec.test.ts', 'server/src/hub.test.ts']);
  assert.deepEqual(names('nothing'), []);
});
