/** docs/security.md names tests; each of them has to exist. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../../..');
const CITED = /`([\w./-]+\.test\.ts)`: “([^”]+)”/g;
const TEST_NAME = /\b(?:test|it)\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Names of the tests in a source, as they stand there: those made of parts with their `${…}`. */
function testNames(source: string): Set<string> {
  return new Set([...source.matchAll(TEST_NAME)].map(([, , name = '']) => name.replaceAll(/\\(['"`])/g, '$1')));
}

function missing(page: string, read: (path: string) => string | null): string[] {
  return [...page.matchAll(CITED)]
    .filter(([, path = '', name = '']) => !testNames(read(path) ?? '').has(name))
    .map(([, path, name]) => `${path}: ${name}`);
}

const read = (path: string) => (existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : null);

test('every test that docs/security.md names exists', () => {
  const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
  const points = page.split('\n## What does not hold')[0]?.match(/^- \*\*.*(\n {2}.*)*/gm) ?? [];
  assert.ok(points.length > 30);
  for (const point of points) assert.match(point, /\.test\.ts`: “/, `without a test: ${point}`);
  assert.deepEqual(missing(page, read), []);
});

test('a test that is renamed, or a file that is gone, is missed', () => {
  const source = "test('it\\'s new', () => {}); it(`plain`, () => {});";
  const page = "`a.test.ts`: “it's new” `a.test.ts`: “plain” `a.test.ts`: “old” `b.test.ts`: “it's new”";
  assert.deepEqual(
    missing(page, (path) => (path === 'a.test.ts' ? source : null)),
    ['a.test.ts: old', "b.test.ts: it's new"],
  );
});
