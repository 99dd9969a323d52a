/** Waiting for a condition, always with a deadline. */
import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** Time after which the wait fails, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  /** Time between two looks, in milliseconds. Default 20. */
  readonly intervalMs?: number;
  /** What was waited for; stands in the error. */
  readonly message?: string;
}

/**
 * Looks at `condition` again and again until it holds.
 *
 * @param condition holds when it gives anything but `false`, `null` or `undefined`; what it throws counts as "not yet"
 * @returns the value that `condition` gave
 * @throws when the time is over; the cause is what `condition` threw last
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { timeoutMs = 5000, intervalMs = 20, message = 'the condition' } = options;
  const deadlineAtMs = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined)
        return value as Exclude<T, false | null | undefined>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadlineAtMs) throw new Error(`Waited ${timeoutMs} ms in vain for ${message}`, { cause });
    await delay(intervalMs);
  }
}

/**
 * `promise`, but not for longer than `timeoutMs`. The work behind it is not cancelled.
 *
 * @param message makes the error's text; called only when the time is over
 * @throws what `promise` throws, or an error with that text
 */
export async function withTimeout<T>(promise: Promise<T>, timeoutMs: number, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
