/**
 * Makes the package that people install: one tarball of @hubbub/server that holds the workspace's other packages, so that
 * it can be installed without a registry that knows them. Dependencies of others come from the registry as always, the
 * direct ones in the very versions that the tests ran with.
 *
 *     node server/dist/tools/pack.js [folder]      the folder for the tarball; default: dist/ of the workspace
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  dependencies: Record<string, string>;
  devDependencies?: Record<string, string>;
  bundleDependencies?: string[];
}

interface Packed {
  readonly name: string;
  readonly filename: string;
}

const ROOT = resolve(import.meta.dirname, '../../..');
const SERVER = '@hubbub/server';
const BUNDLED = ['@hubbub/protocol', '@hubbub/client', '@hubbub/web'];
/** Types and source maps are for those who build on a package; nobody builds on this one. */
const LEFT_OUT = '**/*.{d.ts,map}';

const target = resolve(process.argv[2] ?? join(ROOT, 'dist'));
mkdirSync(target, { recursive: true });
const staging = mkdtempSync(join(tmpdir(), 'hubbub-pack-'));
try {
  console.log(pack(staging));
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** @returns path of the tarball */
function pack(folder: string): string {
  const place = join(folder, 'package');
  const workspaces = [SERVER, ...BUNDLED].flatMap((name) => ['--workspace', name]);
  // What belongs to each package its own `files` say.
  for (const { name, filename } of npmPack(workspaces, folder)) {
    const to = name === SERVER ? place : join(place, 'node_modules', name);
    mkdirSync(to, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, filename), '-C', to, '--strip-components=1']);
  }
  for (const path of globSync(LEFT_OUT, { cwd: place })) rmSync(join(place, path));
  for (const name of ['README.md', 'LICENSE']) copyFileSync(join(ROOT, name), join(place, name));
  const file = join(place, 'package.json');
  const manifest: Manifest = JSON.parse(readFileSync(file, 'utf8'));
  manifest.dependencies = pinned(manifest.dependencies);
  manifest.bundleDependencies = BUNDLED;
  delete manifest.devDependencies;
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  const [packed] = npmPack([place], target);
  if (packed === undefined) throw new Error('npm pack made nothing');
  return join(target, packed.filename);
}

function npmPack(what: readonly string[], destination: string): Packed[] {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination, ...what];
  const output = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(output) as Packed[];
}

/** The versions of the lockfile. */
function pinned(dependencies: Readonly<Record<string, string>>): Record<string, string> {
  const lock: { packages: Record<string, { version?: string }> } = JSON.parse(
    readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
  );
  const exact = Object.keys(dependencies).map((name) => {
    const entry = lock.packages[`server/node_modules/${name}`] ?? lock.packages[`node_modules/${name}`];
    // Packages of the workspace are links there.
    return [name, entry?.version ?? dependencies[name] ?? '*'] as const;
  });
  return Object.fromEntries(exact);
}
