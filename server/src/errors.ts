import { ERRORS, type ErrorCode } from '@hubbub/protocol/codes.js';

interface HubbubErrorOptions {
  /** Which fields of a body or query are wrong. */
  readonly details?: readonly { readonly field: string; readonly message: string }[];
  /** How long the client should wait before it tries again, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A refusal with a code of the closed error table. Thrown anywhere, translated once at each edge (HTTP, WebSocket). */
export class HubbubError extends Error {
  override readonly name = 'HubbubError';
  readonly code: ErrorCode;
  readonly details: HubbubErrorOptions['details'];
  readonly retryAfterMs: number | undefined;

  /** @param message a sentence for people; the code's own sentence when absent */
  constructor(code: ErrorCode, message?: string, options: HubbubErrorOptions = {}) {
    super(message ?? ERRORS[code].message, { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** A token that was good once: whoever brings it does not guess. */
export class ExpiredToken extends HubbubError {
  constructor(cause: unknown) {
    super('UNAUTHORIZED', 'The access token has expired', { cause });
  }
}

/** What storage could not do. `outcome` tells whether a write may have happened all the same. */
export class StorageUnavailable extends HubbubError {
  readonly outcome: 'not-applied' | 'unknown';

  constructor(outcome: 'not-applied' | 'unknown', cause: unknown) {
    super('UNAVAILABLE', 'Storage is unavailable right now; try again shortly', { cause, retryAfterMs: 1000 });
    this.outcome = outcome;
  }
}

/**
 * Any thrown value as a {@link HubbubError}: what is not one already becomes `INTERNAL`, with the original as its cause,
 * so that nothing of an unforeseen error reaches a client.
 */
export function asHubbubError(error: unknown): HubbubError {
  return error instanceof HubbubError ? error : new HubbubError('INTERNAL', undefined, { cause: error });
}
