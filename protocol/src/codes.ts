/**
 * The two closed tables of what can go wrong: replies to a command or request, and reasons for a closed socket.
 * Clients decide by these codes, never by a sentence.
 */

interface ErrorEntry {
  /** HTTP status of the REST answer. */
  readonly status: number;
  /** Whether the same command may succeed later without being changed. */
  readonly retryable: boolean;
  /** The sentence that is sent where no more exact one is given. */
  readonly message: string;
}

export const ERRORS = {
  // REST requests and WebSocket upgrades
  INVALID_REQUEST: { status: 400, retryable: false, message: 'Invalid request' },
  UNAUTHORIZED: { status: 401, retryable: false, message: 'A valid access token is required' },
  FORBIDDEN: { status: 403, retryable: false, message: 'You are not allowed to do this' },
  NOT_FOUND: { status: 404, retryable: false, message: 'No such route' },
  CHANNEL_NOT_FOUND: { status: 404, retryable: false, message: 'Channel not found' },
  USER_NOT_FOUND: { status: 404, retryable: false, message: 'User not found: he has to have used a token once' },
  MEMBER_NOT_FOUND: { status: 404, retryable: false, message: 'This user is not a member of the channel' },
  MESSAGE_NOT_FOUND: { status: 404, retryable: false, message: 'Message not found' },
  BAN_NOT_FOUND: { status: 404, retryable: false, message: 'This user is not banned from the channel' },
  MUTE_NOT_FOUND: { status: 404, retryable: false, message: 'This user is not muted in the channel' },
  HELD_NOT_FOUND: { status: 404, retryable: false, message: 'No such message waits for review' },
  REPORT_NOT_FOUND: { status: 404, retryable: false, message: 'Report not found' },
  CONFLICT: { status: 409, retryable: false, message: 'Conflict with an existing resource' },
  CHANNEL_FULL: { status: 409, retryable: true, message: 'This channel is full' },
  PAYLOAD_TOO_LARGE: { status: 413, retryable: false, message: 'The request body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, message: 'The request body must be application/json' },
  RATE_LIMITED: { status: 429, retryable: true, message: 'Rate limit exceeded' },
  INTERNAL: { status: 500, retryable: true, message: 'Internal server error' },
  UNAVAILABLE: { status: 503, retryable: true, message: 'The server cannot do this right now; try again shortly' },
  // WebSocket commands
  INVALID_FRAME: { status: 400, retryable: false, message: 'Invalid frame: send one JSON object as a text frame' },
  UNKNOWN_TYPE: { status: 400, retryable: false, message: 'Unknown message type' },
  INVALID_CHANNEL_ID: { status: 400, retryable: false, message: 'Invalid channel ID' },
  INVALID_MESSAGE_ID: { status: 400, retryable: false, message: 'Invalid message ID' },
  EMPTY_MESSAGE: { status: 400, retryable: false, message: 'Message content cannot be empty' },
  MESSAGE_TOO_LONG: { status: 400, retryable: false, message: 'Message content exceeds the maximum size' },
  READ_ONLY: { status: 403, retryable: false, message: 'You may read this channel, but not write in it' },
  SLOW_MODE: { status: 429, retryable: true, message: 'Slow mode is on in this channel' },
  MUTED: { status: 403, retryable: false, message: 'You are muted in this channel' },
  BLOCKED_CONTENT: { status: 403, retryable: false, message: 'The rules of this channel do not allow this message' },
  REVIEW_QUEUE_FULL: { status: 409, retryable: true, message: 'Too many messages wait for review: try again later' },
  TOO_MANY_CHANNELS: { status: 409, retryable: false, message: 'Too many channels joined on this connection' },
} as const satisfies Record<string, ErrorEntry>;

/** A code of the error table, as it stands in `code` of a REST error or of an `error` frame. */
export type ErrorCode = keyof typeof ERRORS;

interface CloseEntry {
  /** WebSocket close code (RFC 6455, section 7.4). */
  readonly code: number;
  /** Close reason, under 123 bytes. */
  readonly reason: string;
  /** What the client should do: come back at once, come back after a wait, first get a new token, or stay away. */
  readonly reconnect: 'at-once' | 'backoff' | 'new-token' | 'never';
}

export const CLOSES = {
  DRAINING: { code: 1001, reason: 'draining', reconnect: 'at-once' },
  TOO_BIG: { code: 1009, reason: 'frame too big', reconnect: 'backoff' },
  INTERNAL: { code: 1011, reason: 'internal error', reconnect: 'backoff' },
  TOKEN_EXPIRED: { code: 4001, reason: 'token expired or invalid', reconnect: 'new-token' },
  BANNED: { code: 4003, reason: 'banned or removed', reconnect: 'never' },
  CHANNEL_CLOSED: { code: 4004, reason: 'channel closed or deleted', reconnect: 'never' },
  TOO_SLOW: { code: 4008, reason: 'too slow, resume by last_seq', reconnect: 'at-once' },
  FLOODING: { code: 4029, reason: 'flooding', reconnect: 'backoff' },
} as const satisfies Record<string, CloseEntry>;

/** A reason for which the server closes a connection. */
export type CloseReason = keyof typeof CLOSES;
