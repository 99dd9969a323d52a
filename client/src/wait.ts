/** Waiting, with an end to it. */

/** Longest wait between two attempts, in milliseconds. */
export const MAX_BACKOFF_MS = 30_000;
const FIRST_BACKOFF_MS = 500;

/**
 * Exponential backoff with full jitter: anything between nothing and a bound that doubles from half a second to 30 s, so
 * that those who failed together do not come back together.
 *
 * @param failures in a row before this wait, from 0
 * @returns milliseconds
 */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures);
}

/** What `promise` settles to, or a rejection with the signal's reason when that comes first. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
