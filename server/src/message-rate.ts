import { HubbubError } from './errors.js';
import type { Rate, RateDecision } from './limiter.js';

/** The limiter's key for a user's messages, over WebSocket and REST alike. */
export function messageRateKey(userId: string): string {
  return `message:${userId}`;
}

/** The refusal of a message past its rate. */
export function rateLimited(rate: Rate, decision: RateDecision): HubbubError {
  const message = `Rate limit exceeded. Maximum ${rate.perMinute} messages per minute.`;
  return new HubbubError('RATE_LIMITED', message, { retryAfterMs: decision.retryAfterMs });
}
