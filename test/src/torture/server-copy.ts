import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** A change to a compiled file of the server. */
export interface Patch {
  /** Path below server/dist. */
  readonly file: string;
  /** Text that stands there exactly once. */
  readonly from: string;
  readonly to: string;
}

/**
 * Copies the compiled server into a folder, with some of its text changed; what it needs of the workspace is linked.
 *
 * @returns path of its main.js
 * @throws when a patch does not fit: the server has changed, and the patch has to follow
 */
export function copyServer(folder: string, patches: readonly Patch[] = []): string {
  const server = join(folder, 'server');
  mkdirSync(server);
  cpSync(join(ROOT, 'server/dist'), join(server, 'dist'), { recursive: true });
  for (const name of ['migrations', 'package.json']) symlinkSync(join(ROOT, 'server', name), join(server, name));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, from, to } of patches) {
    const path = join(server, 'dist', file);
    const parts = readFileSync(path, 'utf8').split(from);
    if (parts.length !== 2) throw new Error(`${file} holds this ${parts.length - 1} times, not once:\n${from}`);
    writeFileSync(path, parts.join(to));
  }
  return join(server, 'dist/main.js');
}
