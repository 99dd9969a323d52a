/** Error codes in plain words, for people. Decided by the code, never by the server's sentence. */

/** What went wrong: a REST error or an `error` frame, seen alike. */
export interface Problem {
  readonly code: string;
  /** The server's own sentence, said where there is no plainer one. */
  readonly message: string;
  /** How long to wait, in milliseconds; null or 0: not said. */
  readonly retryAfterMs?: number | null;
}

const WORDS: Readonly<Record<string, string>> = {
  NETWORK: 'The server cannot be reached. Check your connection.',
  UNAUTHORIZED: 'You have been signed out. Sign in again.',
  CHANNEL_NOT_FOUND: 'This channel does not exist any more.',
  MESSAGE_NOT_FOUND: 'This message does not exist any more.',
  CHANNEL_FULL: 'This channel is full at the moment.',
  INTERNAL: 'Something went wrong on the server. Try again in a moment.',
  UNAVAILABLE: 'The server cannot store messages at the moment. Try again shortly.',
  EMPTY_MESSAGE: 'The message has no text.',
  MESSAGE_TOO_LONG: 'The message is too long.',
  MUTED: 'You are muted in this channel: you can read, but not write.',
  // After a rate limit without a wait; with one, see below.
  RATE_LIMITED: 'That was too fast. Wait a moment and try again.',
};

/** Codes after which the very same message may pass later. */
const RETRYABLE = new Set(['NETWORK', 'RATE_LIMITED', 'UNAVAILABLE', 'INTERNAL', 'MUTED', 'NO_ANSWER', 'UNAUTHORIZED']);

/** One sentence or two that say what is wrong and what to do. */
export function inPlainWords(problem: Problem): string {
  if (problem.code === 'RATE_LIMITED' && problem.retryAfterMs) {
    return `That was too fast. Wait ${inSeconds(problem.retryAfterMs)} and try again.`;
  }
  const words = WORDS[problem.code];
  if (words !== undefined) return words;
  return /[.!?]$/.test(problem.message) ? problem.message : `${problem.message}.`;
}

/** Whether sending the same message again can help. */
export function canRetry(code: string): boolean {
  return RETRYABLE.has(code);
}

/** A wait in whole seconds, at least one: `1 second`, `12 seconds`. */
export function inSeconds(waitMs: number): string {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}
