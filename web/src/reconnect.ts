/** When a closed connection comes back: what each close code asks for, and how long to wait. */

/** Come back at once, come back after a wait, first get a new token, or stay away. */
export type Reconnect = 'at-once' | 'backoff' | 'new-token' | 'never';

// The protocol package's close table. It is repeated here because the browser loads these modules as they are;
// a unit test compares the two.
const BY_CLOSE_CODE: Readonly<Record<number, Reconnect>> = {
  1001: 'at-once',
  1009: 'backoff',
  1011: 'backoff',
  4001: 'new-token',
  4003: 'never',
  4004: 'never',
  4008: 'at-once',
  4029: 'backoff',
};

/** @param code WebSocket close code; 1006 when the network or the server was gone. An unknown one means `backoff`. */
export function reconnectAfter(code: number): Reconnect {
  return BY_CLOSE_CODE[code] ?? 'backoff';
}

/** Longest wait of the first attempt and of any attempt, in milliseconds. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;

/**
 * Exponential backoff with full jitter: any wait from 0 to the bound is equally likely, so that the clients of a
 * server that went down do not return together.
 *
 * @param attempt attempts that failed before this one, from 0
 * @param random a number from 0 (included) to 1
 * @returns the wait in milliseconds
 */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 16)));
}
