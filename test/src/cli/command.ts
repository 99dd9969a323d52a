/** The command line as people run it: a process with arguments and an environment. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { cleanEnvironment } from '../support/processes.js';

/** The compiled command of this workspace. */
export const HUBBUB = resolve(import.meta.dirname, '../../../server/dist/hubbub.js');
const TIMEOUT_MS = 60_000;

export interface Ended {
  /** -1: it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. @param env what it is given beside what any program needs */
export function hubbub(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((settle) => {
    const options = { env: cleanEnvironment(env), timeout: TIMEOUT_MS };
    execFile(process.execPath, [HUBBUB, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      settle({ code, stdout, stderr });
    });
  });
}
