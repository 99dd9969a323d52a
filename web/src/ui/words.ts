/** What went wrong, in words for people. */
import { HubbubClientError } from '@hubbub/client';
import { waitOf } from './time.js';

const WORDS: Readonly<Record<string, string>> = {
  NETWORK: 'The server cannot be reached.',
  TIMEOUT: 'The server did not answer in time.',
  UNAVAILABLE: 'The server cannot store anything right now.',
  INTERNAL: 'Something went wrong on the server.',
  FORBIDDEN: 'You are not allowed to do this.',
  UNAUTHORIZED: 'Your sign-in has ended.',
  CHANNEL_NOT_FOUND: 'There is no such channel.',
  USER_NOT_FOUND: 'There is no such user here yet.',
  CHANNEL_FULL: 'This channel is full.',
  MUTED: 'You are muted in this channel.',
  READ_ONLY: 'You may read here, but not write.',
  NOT_JOINED: 'You are not in this channel any more.',
  OUTBOX_FULL: 'Too many messages wait to be sent.',
  REVIEW_QUEUE_FULL: 'Too many messages wait for a moderator: try again later.',
  CLOSED: 'It was not sent.',
};

/** One sentence. What is no error of the server or the connection is thrown again: it is a fault of the page. */
export function wordsFor(error: unknown): string {
  if (!(error instanceof HubbubClientError)) throw error;
  const { code, retryAfterMs, message, details } = error;
  if (retryAfterMs !== null && retryAfterMs > 0 && (code === 'RATE_LIMITED' || code === 'SLOW_MODE')) {
    const what = code === 'SLOW_MODE' ? 'Slow mode is on' : 'Too many at once';
    return `${what}: try again in ${waitOf(retryAfterMs)}.`;
  }
  // The server's own sentence says more than the code where it was written for the case.
  if (code === 'FORBIDDEN' && message !== '') return sentence(message);
  if (details[0] !== undefined) return sentence(`${details[0].field} ${details[0].message}`);
  return WORDS[code] ?? sentence(message);
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
