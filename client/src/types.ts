/** What an application sees. Things of the wire keep the names and shapes that they have there. */
import type {
  ChannelDeletedFrame,
  ChannelUpdatedFrame,
  MessageDeletedFrame,
  MessageHeldFrame,
  MessageReviewedFrame,
  ModerationFrame,
  PresenceCountFrame,
  PresenceFrame,
  SubscribedFrame,
  TypingFrame,
} from '@hubbub/protocol/frames.js';
import type { Message } from '@hubbub/protocol/rest.js';
import type { HubbubClientError } from './errors.js';

/** Whose token the client holds, as the token says. */
export interface Self {
  readonly id: string;
  readonly username: string;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  /** Role on the whole site. */
  readonly role: 'user' | 'moderator' | 'admin';
}

/** How the one connection stands. */
export type ConnectionStatus =
  /** A token is asked for, or a socket is being opened; `attempt` counts from 1 since it was last online. */
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'online' }
  /** Lost, refused or sent away; the next attempt is at `retryAtMs` (milliseconds since the epoch). */
  | { readonly state: 'waiting'; readonly retryAtMs: number; readonly error: HubbubClientError }
  /** The browser says that there is no network; the next attempt comes when it is back. */
  | { readonly state: 'offline' }
  /** Nothing is tried any more: `close` was called (`error` null), or trying again would not help. */
  | { readonly state: 'closed'; readonly error: HubbubClientError | null };

/** How the user stands in a channel. */
export type ChannelStatus =
  /** Not joined, or left. */
  | { readonly state: 'idle' }
  /** Wanted, and not yet there; also while the connection is lost. What was received before stays. */
  | { readonly state: 'joining' }
  | { readonly state: 'joined' }
  /**
   * Refused, or cut off: `FORBIDDEN`, `BANNED`, `CHANNEL_NOT_FOUND`, `CHANNEL_CLOSED`, `CHANNEL_FULL` ... It is not tried
   * again until `join` is called. `moderation`: what was done to the user, where the server said so.
   */
  | { readonly state: 'ended'; readonly error: HubbubClientError; readonly moderation: ModerationFrame | null };

/** A message that the user wrote and that is not stored yet, as far as is known here. */
export interface OutgoingMessage {
  /** The `message_id`: the stored message has the same, so that a list can keep its element. */
  readonly id: string;
  readonly content: string;
  /** When it was written, in milliseconds since the epoch. */
  readonly atMs: number;
  /**
   * `queued` waits for the connection or for a pause to end · `sending` waits for its acknowledgement ·
   * `held` was accepted and waits for a moderator · `failed` was refused: `retry` or `discard` it.
   */
  readonly state: 'queued' | 'sending' | 'held' | 'failed';
  /** Why it failed; null otherwise. */
  readonly error: HubbubClientError | null;
}

/** What became of a message that was sent. */
export type SendResult =
  | { readonly status: 'sent'; readonly message: Message }
  /** It waits for a moderator. Should it be let through it comes as a `message` with this id. */
  | { readonly status: 'held'; readonly id: string };

export interface SendOptions {
  /** UUID of the message. Default: a new one. The same id is never stored twice, so a retry after a restart is safe. */
  readonly messageId?: string;
  /**
   * True: when a rate limit or slow mode refuses the message, wait as long as the server says, then send it again; those
   * written after it wait behind it. Default false: `send` rejects with `RATE_LIMITED` or `SLOW_MODE` and `retryAfterMs`.
   */
  readonly waitWhenLimited?: boolean;
  /** Takes the message back while it is queued. One that is on its way may be stored all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** The messages of a channel, as a list shows them. Immutable: a change makes a new one. */
export interface TimelineSnapshot {
  /** Stored messages, ordered by `seq`, each once, without a gap. Deleted ones stay, without content. */
  readonly messages: readonly Message[];
  /** Own messages that are not stored yet, in the order in which they were written; to be shown after `messages`. */
  readonly outgoing: readonly OutgoingMessage[];
  /** Whether there are messages before the first one here. */
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
  /** False until the first join has brought the newest page. */
  readonly isLoaded: boolean;
}

export interface Typist {
  readonly user_id: string;
  readonly username: string;
}

export interface OnlineUser {
  readonly user_id: string;
  readonly username: string;
}

/** Who is in a channel. */
export interface OnlineSnapshot {
  /** Distinct users online. */
  readonly count: number;
  /** Those known by name, by name; in a large channel not all, and not followed one by one. */
  readonly users: readonly OnlineUser[];
  /** Whether `users` are all of them. */
  readonly isComplete: boolean;
}

export interface MessageEvent {
  readonly message: Message;
  /** True: it was written before the (re)join that brought it, and is not news to someone who was there. */
  readonly isReplay: boolean;
}

/** Events of the client. */
export interface ClientEvents {
  /** Also in `client.status`. */
  status: ConnectionStatus;
  /** An `error` frame that belongs to no channel and no message. */
  error: HubbubClientError;
  /** Every frame as it came, unknown types too; before the SDK acts on it. For logs and for newer servers. */
  frame: { readonly type: string } & Readonly<Record<string, unknown>>;
}

/** Events of a channel, named as the frames that bring them. */
export interface ChannelEvents {
  /** Also in `channel.status`. */
  status: ChannelStatus;
  /** After each join and rejoin. */
  subscribed: SubscribedFrame;
  /** Every message once, in the order of `seq`: history, missed and new ones. */
  message: MessageEvent;
  message_deleted: MessageDeletedFrame;
  channel_updated: ChannelUpdatedFrame;
  channel_deleted: ChannelDeletedFrame;
  typing: TypingFrame;
  presence: PresenceFrame;
  presence_count: PresenceCountFrame;
  /** Something was done to the user himself. */
  moderation: ModerationFrame;
  /** A message of the user waits for a moderator; `send` resolved with `held`. */
  message_held: MessageHeldFrame;
  /** What became of it. One that was let through has come as `message` before. */
  message_reviewed: MessageReviewedFrame;
  /**
   * The user was away for so long that the server did not bring everything: nothing between these two places comes as a
   * `message` event, and the timeline has begun anew with the newest page. `loadOlder` goes back over it, and so does
   * `history({ beforeSeq, afterSeq })`. After a backup was restored `afterSeq` is 0: what the application keeps of the
   * channel by `seq` is of another life, and to be dropped.
   */
  gap: { readonly afterSeq: number; readonly beforeSeq: number };
  /** An `error` frame about this channel that belongs to no message. */
  error: HubbubClientError;
}

export interface CallOptions {
  /** Ends the wait; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface JoinOptions extends CallOptions {
  /**
   * Last place that the application has, for instance from before its process was restarted: everything after it comes
   * as `message` events. Default: what this object has received, and at first the newest page.
   */
  readonly lastSeq?: number | undefined;
  /** `channel.epoch` of then: should a backup have been restored since, it is a `gap` and not messages passed over. */
  readonly epoch?: string | undefined;
}
