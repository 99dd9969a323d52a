/**
 * Builds the site into dist/site: the page, and embed.js with the <hubbub-chat> element. Nothing is done when it has been
 * built from the same sources before, so that a start which changes nothing waits for nothing.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compiled, this file stands in dist/tools. */
const WEB = join(import.meta.dirname, '../..');
const ROOT = join(WEB, '..');
const STAMP = join(WEB, 'dist/.site-sources');
const SOURCES = ['web/{src,public}/**/*.*', 'web/*.*', '{client,protocol}/src/**/*.ts', 'package-lock.json'];

const sources = hashOf(SOURCES.flatMap((pattern) => globSync(pattern, { cwd: ROOT })));
if (stamp() !== sources) {
  const started = performance.now();
  // Loaded only where it is needed: it takes a while itself.
  const { build } = await import('vite');
  await build({ root: WEB, logLevel: 'warn' });
  await build({
    configFile: false,
    root: WEB,
    logLevel: 'warn',
    publicDir: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      outDir: 'dist/site',
      emptyOutDir: false,
      target: 'baseline-widely-available',
      lib: { entry: 'src/embed/main.ts', formats: ['iife'], name: 'Hubbub', fileName: () => 'embed.js' },
    },
  });
  writeFileSync(STAMP, sources);
  console.log(`The web page was built in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}

/** Of names and contents. */
function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files.toSorted())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex');
}

/** Of what the site was built from; null: it is not there. */
function stamp(): string | null {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return null;
  }
}
