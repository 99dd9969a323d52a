/** What can go wrong, as one class: programs decide by `code`, people read `message`. */
import type { ErrorCode } from '@hubbub/protocol/codes.js';
import type { ErrorFrame } from '@hubbub/protocol/frames.js';
import type { ErrorBody } from '@hubbub/protocol/rest.js';

/**
 * Codes of this side, beside those of the server's table:
 * `NETWORK` the server was not reached · `TIMEOUT` it did not answer in time · `TOKEN_FAILED` `getToken` threw ·
 * `NO_TOKEN` it gave none · `CLOSED` the client was closed, or the channel left, before the
 * answer came · `NOT_JOINED` the channel is neither joined nor being joined · `OUTBOX_FULL` too many messages wait to be
 * sent · `BANNED` banned, timed out or removed · `CHANNEL_CLOSED` the channel was closed or deleted.
 */
export type ClientErrorCode =
  | 'NETWORK'
  | 'TIMEOUT'
  | 'NO_TOKEN'
  | 'TOKEN_FAILED'
  | 'CLOSED'
  | 'NOT_JOINED'
  | 'OUTBOX_FULL'
  | 'BANNED'
  | 'CHANNEL_CLOSED';

/** A newer server may have codes that this SDK does not know. */
export type AnyErrorCode = ErrorCode | ClientErrorCode | (string & {});

export interface ErrorParts {
  /** HTTP status; 0, the default: there was no HTTP answer. */
  readonly status?: number;
  /** How long to wait before the same may succeed, in milliseconds. Default null: not said. */
  readonly retryAfterMs?: number | null | undefined;
  readonly details?: ErrorBody['details'] | undefined;
  readonly cause?: unknown;
}

/** Something was refused, or got no answer. */
export class HubbubClientError extends Error {
  override readonly name = 'HubbubClientError';
  readonly code: AnyErrorCode;
  /** HTTP status of a REST answer; 0 where there was none. */
  readonly status: number;
  /** How long to wait before the same may succeed, in milliseconds; null when that was not said. */
  readonly retryAfterMs: number | null;
  /** What is wrong with which field of a REST request; often empty. */
  readonly details: NonNullable<ErrorBody['details']>;

  constructor(
    code: AnyErrorCode,
    message: string,
    { status = 0, retryAfterMs = null, details = [], ...options }: ErrorParts = {},
  ) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.details = details;
  }
}

/** What an `error` frame says. */
export function errorOf({ code, error, retry_after_ms }: ErrorFrame): HubbubClientError {
  return new HubbubClientError(code, error, { retryAfterMs: retry_after_ms });
}
