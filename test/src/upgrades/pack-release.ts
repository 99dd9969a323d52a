/** `npm run release:fixture -- v0.1.0`: builds that release from the history, and keeps what the tests need of it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { FIXTURE, MANIFEST, type Release } from './release.js';

const [ref] = process.argv.slice(2);
if (ref === undefined) {
  console.error('Name the release: npm run release:fixture -- v0.1.0');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'hubbub-release-'));
const checkout = join(folder, 'checkout');
const packed = join(folder, 'packed');
try {
  run('git', 'worktree', 'add', '--detach', checkout, ref);
  runIn(checkout, 'npm', 'ci', '--ignore-scripts');
  runIn(checkout, 'npx', 'tsc', '-b', 'server');
  for (const path of ['server/dist', 'server/migrations', 'protocol/dist']) copy(path, isNeeded);
  for (const name of ['server', 'protocol', 'web']) copy(`${name}/package.json`);
  const release: Release = {
    version: JSON.parse(readFileSync(join(checkout, 'server/package.json'), 'utf8')).version,
    commit: execFileSync('git', ['rev-parse', '--short=10', 'HEAD'], { cwd: checkout, encoding: 'utf8' }).trim(),
    schema: readdirSync(join(checkout, 'server/migrations')).filter((name) => name.endsWith('.up.sql')).length,
  };
  writeFileSync(join(packed, MANIFEST), `${JSON.stringify(release, null, 2)}\n`);
  // The same release gives the same bytes.
  const steady = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  run('tar', ...steady, '--use-compress-program=gzip -n9', '-cf', FIXTURE, '-C', packed, '.');
  console.log(`${FIXTURE} holds ${release.version} of ${release.commit}.`);
} finally {
  run('git', 'worktree', 'remove', '--force', checkout);
  rmSync(folder, { recursive: true, force: true });
}

function copy(path: string, filter: (source: string) => boolean = () => true): void {
  cpSync(join(checkout, path), join(packed, path), { recursive: true, filter });
}

function isNeeded(source: string): boolean {
  const name = basename(source);
  return !name.includes('.') || /(?<!\.test)\.js$|\.sql$/.test(name);
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'inherit' });
}

function runIn(cwd: string, command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}
