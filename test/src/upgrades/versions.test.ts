/** One version for everything that is released, and a row of docs/upgrades.md for it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
const { version } = JSON.parse(read('server/package.json')) as { version: string };

test('all packages have one version', () => {
  for (const name of workspaces) assert.equal(JSON.parse(read(`${name}/package.json`)).version, version, name);
});

test('the table of versions ends with this one, and names its schema', () => {
  const rows = [...read('docs/upgrades.md').matchAll(/^\| (\d+\.\d+\.\d+)[^|]*\| (\d+) /gm)];
  const newest = readdirSync(join(ROOT, 'server/migrations')).filter((name) => name.endsWith('.up.sql')).length;
  assert.deepEqual(rows.at(-1)?.slice(1), [version, String(newest)]);
});

test('the changelog says what is not released yet, then the releases from the newest on', () => {
  const headings = [...read('CHANGELOG.md').matchAll(/^## (\S+)/gm)].map(([, heading]) => heading);
  assert.equal(headings[0], 'Unreleased');
  assert.ok(headings.length > 1);
});
