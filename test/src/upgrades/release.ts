/**
 * The release before this one, as it is kept in test/fixtures: the compiled server with its migrations and the protocol, without
 * what they depend on. It runs on the packages of the workspace.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

export const FIXTURE = join(ROOT, 'test/fixtures/previous-release.tar.gz');
/** In the archive: what it is of. */
export const MANIFEST = 'release.json';

export interface Release {
  readonly version: string;
  readonly commit: string;
  /** Version of the schema that it makes. */
  readonly schema: number;
}

/** Unpacks the release into an empty folder. @returns what it is, and the file that starts its server */
export function unpackRelease(folder: string): { readonly release: Release; readonly main: string } {
  execFileSync('tar', ['-xzf', FIXTURE, '-C', folder]);
  const modules = join(ROOT, 'node_modules');
  const own = join(folder, 'node_modules');
  mkdirSync(join(own, '@hubbub'), { recursive: true });
  for (const entry of readdirSync(modules)) {
    if (entry !== '@hubbub' && entry !== '.bin') symlinkSync(join(modules, entry), join(own, entry));
  }
  for (const name of ['protocol', 'web']) symlinkSync(join(folder, name), join(own, '@hubbub', name));
  // The page is not part of the fixture.
  mkdirSync(join(folder, 'web/dist/site'), { recursive: true });
  const release: Release = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  return { release, main: join(folder, 'server/dist/main.js') };
}
