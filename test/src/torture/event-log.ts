import { closeSync, openSync, writeSync } from 'node:fs';
import type { ClientEvent } from './events.js';

const FLUSH_INTERVAL_MS = 200;

/** Events of this process on their way to a file, one JSON object a line. */
export class EventLog {
  readonly #file: number;
  readonly #timer: NodeJS.Timeout;
  #lines: string[] = [];

  constructor(path: string) {
    this.#file = openSync(path, 'w');
    this.#timer = setInterval(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  write(event: ClientEvent): void {
    this.#lines.push(JSON.stringify(event));
  }

  /** Settles nothing: when it returns, everything is in the file. */
  close(): void {
    clearInterval(this.#timer);
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    writeSync(this.#file, `${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }
}
