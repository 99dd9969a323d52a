import { HubbubError } from './errors.js';
import type { Limiter, Rate, RateDecision } from './limiter.js';

/** The limiter's key for a user's messages, over WebSocket and REST alike. */
export function messageRateKey(userId: string): string {
  return `message:${userId}`;
}

/** The refusal of a message past its rate. */
export function rateLimited(rate: Rate, decision: RateDecision): HubbubError {
  const message = `Rate limit exceeded. Maximum ${rate.perMinute} messages per minute.`;
  return new HubbubError('RATE_LIMITED', message, { retryAfterMs: decision.retryAfterMs });
}

/** Takes a user's message from a channel's slow mode: one in so many seconds, over WebSocket and REST alike. */
export function takeSlowMode(
  limiter: Limiter,
  channelId: string,
  userId: string,
  seconds: number,
): RateDecision | Promise<RateDecision> {
  // The seconds are part of the key: a rate that is changed begins anew.
  return limiter.take(`slow:${channelId}:${seconds}:${userId}`, { perMinute: 60 / seconds, burst: 1 });
}

/** @throws HubbubError `SLOW_MODE` */
export function assertSlowMode(decision: RateDecision): undefined {
  if (decision.allowed) return;
  const seconds = Math.ceil(decision.retryAfterMs / 1000);
  const message = `Slow mode is on in this channel: you can write again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  throw new HubbubError('SLOW_MODE', message, { retryAfterMs: decision.retryAfterMs });
}
