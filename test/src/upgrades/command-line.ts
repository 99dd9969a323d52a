/** `hubbub`, as an operator runs it. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { cleanEnvironment } from '../support/processes.js';

const COMMAND = resolve(import.meta.dirname, '../../../server/dist/hubbub.js');

/** @returns what it printed. @throws when it fails */
export async function hubbub(env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, ...args], { env: cleanEnvironment(env) });
  return stdout;
}
