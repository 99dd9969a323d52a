/** One channel: joined on the client's connection, rejoined after every reconnect from the last place received. */
import type { MemberList } from '@hubbub/protocol/moderation.js';
import type { Channel as ChannelInfo, Message, PresenceList } from '@hubbub/protocol/rest.js';
import { Emitter } from './emitter.js';
import type { Readable } from './store.js';
import type { Timeline } from './timeline.js';
import type {
  CallOptions,
  ChannelEvents,
  ChannelStatus,
  OnlineSnapshot,
  SendOptions,
  SendResult,
  Typist,
} from './types.js';

export interface JoinOptions extends CallOptions {
  /**
   * Last place that the application has, for instance from before its process was restarted: everything after it comes
   * as `message` events. Default: what this object has received, and at first the newest page.
   */
  readonly lastSeq?: number;
}

export interface HistoryOptions extends CallOptions {
  /** The first page ends before this place. Default: the newest page. */
  readonly beforeSeq?: number;
  /** Messages a page, 1 to 100. Default 50. */
  readonly limit?: number | undefined;
}

export class Channel extends Emitter<ChannelEvents> {
  /** UUID in its canonical form. */
  readonly id!: string;
  readonly status!: Readable<ChannelStatus>;
  /** Name, description, modes; null until `refresh` or a change brought them. */
  readonly info!: Readable<ChannelInfo | null>;
  /** The messages, with own ones that are on their way. */
  readonly timeline!: Timeline;
  /** Who is online; kept while joined. */
  readonly online!: Readable<OnlineSnapshot>;
  /** Others who are typing; each for 6 s after his last sign, or until his message comes. */
  readonly typists!: Readable<readonly Typist[]>;

  /** Place of the last event received, for a later `join`; null: none. */
  get lastSeq(): number | null {
    throw new Error('not yet');
  }

  /**
   * Joins, and stays joined over reconnects until `leave`. A second call while joined resolves at once.
   *
   * @throws HubbubClientError why it was refused: `FORBIDDEN`, `CHANNEL_NOT_FOUND`, `CHANNEL_FULL`,
   *     `TOO_MANY_CHANNELS` ...; the signal's reason (and the channel is left then, unless it was joined before)
   */
  join(options: JoinOptions = {}): Promise<void> {
    void options;
    throw new Error('not yet');
  }

  /** Leaves. Messages that were not acknowledged are rejected with `CLOSED`. Nothing happens when it is not joined. */
  leave(): void {}

  /**
   * Sends a message. It shows in `timeline` at once, and under the same id when it is stored.
   * While the connection is away it waits, and is sent again under the same id: never stored twice. `UNAVAILABLE` is
   * tried again by itself. At most 100 messages wait.
   *
   * @returns when the server has stored it, or holds it for review
   * @throws HubbubClientError (the promise): `EMPTY_MESSAGE`, `MESSAGE_TOO_LONG`, `MUTED`, `READ_ONLY`, `RATE_LIMITED` and
   *     `SLOW_MODE` with `retryAfterMs`, `NOT_JOINED`, `OUTBOX_FULL`, `CLOSED`, `BANNED`, `CHANNEL_CLOSED` ...; the signal's reason
   */
  send(content: string, options: SendOptions = {}): Promise<SendResult> {
    void content;
    void options;
    throw new Error('not yet');
  }

  /** Sends a failed message again, under its id. @throws as {@link send}; `NOT_FOUND` (the promise) when there is none */
  retry(messageId: string): Promise<SendResult> {
    void messageId;
    throw new Error('not yet');
  }

  /** Takes a queued or failed message out of the list. */
  discard(messageId: string): void {
    void messageId;
  }

  /** Tells the others that the user is typing: call it at every key, it is sent every 2 s at most. Lost while offline. */
  typing(): void {}

  /**
   * History, a page at a time from the newest to the oldest, oldest first within a page. A page is asked for when the
   * loop comes to it.
   *
   * @throws HubbubClientError `FORBIDDEN`, `CHANNEL_NOT_FOUND`, `NETWORK` ...; the signal's reason
   */
  history(options: HistoryOptions = {}): AsyncGenerator<readonly Message[], void, undefined> {
    void options;
    throw new Error('not yet');
  }

  /** Members, by rank and name. */
  members(
    options: CallOptions & { readonly limit?: number | undefined; readonly offset?: number | undefined } = {},
  ): Promise<MemberList> {
    void options;
    throw new Error('not yet');
  }

  /** Who is online now, asked anew; `online` is kept while joined. */
  presence(options: CallOptions = {}): Promise<PresenceList> {
    void options;
    throw new Error('not yet');
  }

  /** Reads name, description and modes, into `info` as well. */
  refresh(options: CallOptions = {}): Promise<ChannelInfo> {
    void options;
    throw new Error('not yet');
  }
}
