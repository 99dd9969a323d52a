/** The list of what the server is made of. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, describe, it } from 'node:test';
import { Child, cleanEnvironment } from '../support/processes.js';

const ROOT = resolve(import.meta.dirname, '../../..');

interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly components: readonly { readonly 'bom-ref': string; readonly version: string; readonly purl: string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly version?: string; readonly dev?: boolean; readonly link?: boolean; readonly resolved?: string }
    >
  >;
}

describe('npm run sbom', () => {
  let bom: Bom;
  let lock: Lock;
  before(async () => {
    let text = '';
    const child = await Child.start('npm', ['run', '--silent', 'sbom'], {
      cwd: ROOT,
      env: cleanEnvironment(),
      onLine: (line) => {
        text += `${line}\n`;
      },
    });
    const exit = await child.exited;
    await child.outputEnded;
    assert.equal(exit.code, 0, child.tail);
    bom = JSON.parse(text);
    lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  });

  it('is a CycloneDX document whose references resolve', () => {
    assert.equal(bom.bomFormat, 'CycloneDX');
    assert.match(bom.specVersion, /^1\.[5-9]$/);
    assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f-]{36}$/);
    const refs = bom.components.map((component) => component['bom-ref']);
    assert.equal(new Set(refs).size, refs.length);
    const known = new Set([...refs, ...bom.dependencies.map(({ ref }) => ref)]);
    for (const { ref, dependsOn } of bom.dependencies) {
      for (const each of dependsOn) assert.ok(known.has(each), `${each} of ${ref}`);
    }
    for (const { purl } of bom.components) assert.match(purl, /^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+/);
  });

  it('names every dependency of the server in the version of package-lock.json, and no tool of development', () => {
    const listed = new Set(bom.components.map((component) => component['bom-ref']));
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'server/package.json'), 'utf8'));
    assert.ok(Object.keys(dependencies).length > 10);
    for (const name of Object.keys(dependencies)) {
      const entry = lock.packages[`node_modules/${name}`];
      const version = (entry?.link === true ? lock.packages[entry.resolved ?? ''] : entry)?.version;
      assert.ok(listed.has(`${name}@${version}`), `${name}@${version}`);
    }
    // What only a dependency's dependency needs, and what only builds and tests need.
    for (const name of ['pg-protocol', 'fast-deep-equal']) {
      assert.ok(listed.has(`${name}@${lock.packages[`node_modules/${name}`]?.version}`), name);
    }
    const refs = [...listed];
    for (const name of ['typescript', 'vite', '@types/node', 'playwright-core']) {
      assert.ok(!refs.some((ref) => ref.startsWith(`${name}@`)), name);
    }
  });
});
