import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The commands of a document: its blocks of type `sh` in one script. @param path from the root of the workspace */
export function commandsOf(path: string): string {
  const text = readFileSync(resolve(ROOT, path), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
}
