/** The documented numbers of the wire contract that no setting changes. */

/** Largest WebSocket frame a client may send, in bytes, at the default message length. A larger one: close 1009. */
export const MAX_CLIENT_FRAME_BYTES = 4096;

/** Channels that one many-channel connection may have joined at a time. */
export const MAX_CHANNELS_PER_CONNECTION = 100;

/** Messages that a resume brings at most; a client further behind is told so and pages back over REST. */
export const MAX_RESUME_MESSAGES = 1000;

/** Online users of a channel past which single join and leave frames give way to a count. */
export const LARGE_CHANNEL_ONLINE = 200;

/** Users that `GET /channels/:id/presence` names at most; its `count` is always the whole number. */
export const MAX_PRESENCE_ROSTER = 1000;

export const MAX_CHANNEL_NAME_CHARS = 100;
export const MAX_CHANNEL_DESCRIPTION_CHARS = 500;
export const MAX_REASON_CHARS = 1000;
export const MAX_DELETE_REASON_CHARS = 500;
/** Longest slow mode: six hours. */
export const MAX_SLOW_MODE_SECONDS = 21_600;
/** Longest ban or mute, a hundred years: longer ones are better given without an end. */
export const MAX_RESTRICTION_MINUTES = 52_560_000;
/** Longest timeout: thirty days. */
export const MAX_TIMEOUT_MINUTES = 43_200;
/** Longest time for which messages are kept where that is bounded at all: a hundred years. */
export const MAX_RETENTION_DAYS = 36_500;
/** Words and phrases that a channel may block, and the longest of them. */
export const MAX_BLOCKED_WORDS = 1000;
export const MAX_BLOCKED_WORD_CHARS = 100;
/** Hosts on a channel's allow-list of links. */
export const MAX_ALLOWED_HOSTS = 100;
/** Messages that may wait for review, in a channel and of one user in it; further ones are refused. */
export const MAX_HELD_MESSAGES = 1000;
export const MAX_HELD_MESSAGES_OF_USER = 20;
export const MAX_PAGE_SIZE = 100;
export const DEFAULT_PAGE_SIZE = 50;

/** Time between two pings of the server, and the silence after which a connection counts as dead. */
export const PING_INTERVAL_MS = 25_000;
export const PONG_TIMEOUT_MS = 60_000;

/** How long before a token's expiry its connection is warned. */
export const TOKEN_WARNING_MS = 60_000;
