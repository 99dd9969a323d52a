import { ConfigError } from './config.js';
import { StorageUnavailable } from './errors.js';
import type { Logger } from './log.js';

/** How long a shutdown may take after its drain before the process ends all the same. */
const SHUTDOWN_LIMIT_MS = 30_000;

/** Something that runs until it is closed. */
interface Closable {
  close(): Promise<void>;
}

/** A start that failed, with a sentence that says all that a person can use. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
}

/**
 * Makes the function that ends the process in good order: with `code` when the close went well, with 1 when it failed or
 * took longer than the drain window and 30 s. Later calls do nothing.
 *
 * @param starting a start that is called off is waited for, and then closed
 */
export function makeStop(starting: Promise<Closable>, drainWindowMs: number, log: Logger): (code?: number) => void {
  let stopping = false;
  return (code = 0) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      log.error('The shutdown took too long: ending now');
      process.exit(1);
    }, drainWindowMs + SHUTDOWN_LIMIT_MS).unref();
    starting
      .then((server) => server.close())
      .then(
        () => {
          log.info('Stopped');
          process.exit(code);
        },
        (error) => {
          log.error({ err: error }, 'The shutdown failed');
          process.exit(1);
        },
      );
  };
}

/** What a person can act on, in a sentence; the whole error where there is none. */
export function explain(error: unknown): unknown {
  if (error instanceof ConfigError || error instanceof StartFailed) return error.message;
  if (error instanceof StorageUnavailable) {
    return `DATABASE_URL: the database cannot be reached (${reasonOf(error.cause)}): is it running, and is the URL right?`;
  }
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'EADDRINUSE') return `PORT: ${error.message}; set PORT to a free one (0: any).`;
    if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL')
      return `HOST, PORT: ${error.message}; choose others.`;
    if (error.code === 'ENOTSUP') {
      return 'HUBBUB_WORKERS: this system cannot share a port between processes (Linux and FreeBSD can); set it to 1.';
    }
  }
  return error;
}

/** What an error says, in one line; of several that are one, all of them. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ');
  return cause instanceof Error ? cause.message : String(cause);
}
