/** What applications load of this package: how much it is, and that nothing else comes with it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Largest core, minified and compressed by gzip. */
const MAX_CORE_BYTES = 8 * 1024;
const PACKAGE = join(import.meta.dirname, '..');

async function bundle(code: string) {
  const result = await build({
    stdin: { contents: code, resolveDir: PACKAGE },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['react'],
    write: false,
    metafile: true,
  });
  const [file] = result.outputFiles;
  assert.ok(file !== undefined);
  const used = Object.values(result.metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return {
    gzippedBytes: gzipSync(file.contents, { level: 9 }).length,
    modules: used.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path),
  };
}

test('the core stays under 8 KiB, and brings neither TypeBox nor what it does not use', async () => {
  const { gzippedBytes, modules } = await bundle(`export { connect } from '@hubbub/client';`);
  assert.ok(gzippedBytes < MAX_CORE_BYTES, `the core has ${gzippedBytes} bytes`);
  for (const path of modules) {
    assert.doesNotMatch(path, /typebox|react|moderation|site|protocol\/dist\/(frames|rest|schemas|limits)/);
  }
});

test('the hooks add little to it, and leave React to the application', async () => {
  const both = `export { connect } from '@hubbub/client'; export * from '@hubbub/client/react';`;
  const { gzippedBytes, modules } = await bundle(both);
  assert.ok(gzippedBytes < MAX_CORE_BYTES + 1024, `core and hooks have ${gzippedBytes} bytes`);
  assert.ok(modules.every((path) => !path.includes('node_modules')));
});

test('what is not used is left out', async () => {
  const { modules } = await bundle(`export { HubbubClientError } from '@hubbub/client';`);
  assert.deepEqual(
    modules.map((path) => path.replace(/.*\//, '')),
    ['errors.js'],
  );
});

test('every path of the package leads to a file with types', () => {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  for (const target of [exports['.'], exports['./react']]) {
    for (const path of [target.types, target.default]) assert.ok(readFileSync(join(PACKAGE, path), 'utf8') !== '');
  }
});
