/**
 * What a test file leaves for the runner: the logs of the servers that it started, and the secrets that must not stand in
 * them. The runner looks when the file has ended.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the records of a test file go; not set: nobody looks at them. */
export const RECORDS_VARIABLE = 'HUBBUB_TEST_RECORDS';
export const LOG_SUFFIX = '.log';
export const SECRETS_SUFFIX = '.secrets';

const FLUSH_CHARS = 64 * 1024;

class RecordFile {
  readonly #path: string;
  #pending = '';

  constructor(path: string) {
    this.#path = path;
    process.once('exit', () => this.#flush());
  }

  add(line: string): void {
    this.#pending += `${line}\n`;
    if (this.#pending.length >= FLUSH_CHARS) this.#flush();
  }

  #flush(): void {
    if (this.#pending !== '') appendFileSync(this.#path, this.#pending);
    this.#pending = '';
  }
}

const folder = process.env[RECORDS_VARIABLE];
const fileOf = (suffix: string) =>
  folder === undefined ? null : new RecordFile(join(folder, `${process.pid}${suffix}`));
const logs = fileOf(LOG_SUFFIX);
const secrets = fileOf(SECRETS_SUFFIX);

/** Keeps a line that a server of Hubbub wrote, on standard output or standard error. */
export function recordLog(line: string): void {
  logs?.add(line);
}

/** Remembers a token, key or password that no server may write. */
export function recordSecret(secret: string): void {
  secrets?.add(JSON.stringify(secret));
}
