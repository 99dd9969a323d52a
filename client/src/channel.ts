/** One channel as an application uses it. */
import type { ErrorFrame, MessageFrame, PresenceFrame, ServerFrame, TypingFrame } from '@hubbub/protocol/frames.js';
import type { MemberList } from '@hubbub/protocol/moderation.js';
import type { Channel as ChannelInfo, Message, PresenceList } from '@hubbub/protocol/rest.js';
import { Emitter } from './emitter.js';
import { errorOf, HubbubClientError } from './errors.js';
import { type AnyFrame, known, toMessage } from './frames.js';
import { Outbox } from './outbox.js';
import type { ListOptions, Rest } from './rest.js';
import { Roster } from './roster.js';
import { type Readable, Store } from './store.js';
import { type Line, Subscription } from './subscription.js';
import { Timeline } from './timeline.js';
import type {
  CallOptions,
  ChannelEvents,
  ChannelStatus,
  JoinOptions,
  OnlineSnapshot,
  SendOptions,
  SendResult,
  Typist,
} from './types.js';
import { randomUuid } from './uuid.js';

export interface HistoryOptions extends CallOptions {
  /** The first page ends before this place. Default: the newest page. */
  readonly beforeSeq?: number | undefined;
  /** Where this place is reached the loop ends; messages at it and before it are left out. Default 0: the beginning. */
  readonly afterSeq?: number | undefined;
  /** Messages a page, 1 to 100. Default 50. */
  readonly limit?: number | undefined;
}

interface ChannelOptions {
  readonly id: string;
  readonly rest: Rest;
  readonly line: Line;
  readonly maxMessages: number;
}

/** How often others are told that the user is typing, at most, in milliseconds. */
const TYPING_INTERVAL_MS = 2000;

export class Channel extends Emitter<ChannelEvents> {
  /** UUID in its canonical form. */
  readonly id: string;
  readonly status: Readable<ChannelStatus>;
  /** Name, description, modes; null until `refresh` or a change brought them. */
  readonly info: Readable<ChannelInfo | null>;
  /** The messages, with own ones that are on their way. */
  readonly timeline: Timeline;
  /** Who is online; kept while joined. Names are asked for when the first listener subscribes. */
  readonly online: Readable<OnlineSnapshot>;
  /** Others who are typing; each for 6 s after his last sign, or until his message comes. */
  readonly typists: Readable<readonly Typist[]>;

  readonly #rest: Rest;
  readonly #line: Line;
  readonly #info = new Store<ChannelInfo | null>(null);
  readonly #subscription: Subscription;
  readonly #outbox: Outbox;
  readonly #roster: Roster;
  #typedAtMs = 0;
  /** Presence frames since the list was asked for; null: it is not being asked for. */
  #missedPresence: PresenceFrame[] | null = null;

  /** @internal */
  constructor({ id, rest, line, maxMessages }: ChannelOptions) {
    super();
    this.id = id;
    this.#rest = rest;
    this.#line = line;
    this.info = this.#info;
    this.#outbox = new Outbox({
      transmit: (message_id, content) => line.send({ type: 'message', channel_id: id, content, message_id }),
      onChange: () => this.timeline.changed(),
    });
    this.timeline = new Timeline({
      maxMessages,
      readBefore: (before_seq, limit) => rest.listMessages(id, { before_seq, limit }),
      outgoing: () => this.#outbox.messages,
    });
    // Without the list the count is still there.
    this.#roster = new Roster(() => void this.presence().catch(() => {}));
    this.online = this.#roster.online;
    this.typists = this.#roster.typists;
    this.#subscription = new Subscription({
      channelId: id,
      line,
      onBegin: (afterSeq) => this.timeline.begin(afterSeq),
      onGap: (afterSeq, beforeSeq) => this.emit('gap', { afterSeq, beforeSeq }),
      onJoined: (isComplete) => {
        this.timeline.loaded();
        this.#outbox.ready(isComplete);
      },
      onLost: () => {
        this.#outbox.lost();
        this.#roster.lost();
      },
      onStopped: (error) => this.#outbox.rejectAll(error),
    });
    this.status = this.#subscription.status;
    this.status.subscribe(() => this.emit('status', this.status.get()));
  }

  /** Place of the last event received, for a later `join`; null: none. */
  get lastSeq(): number | null {
    return this.#subscription.lastSeq;
  }

  /** Life of the data in which `lastSeq` was reached, to be kept beside it; undefined: not known. */
  get epoch(): string | undefined {
    return this.#subscription.epoch;
  }

  /**
   * Joins, and stays joined over reconnects until `leave`. Resolves when what was missed, or the newest page, is here; at
   * once when the channel is joined.
   *
   * @throws HubbubClientError why it was refused: `FORBIDDEN`, `CHANNEL_NOT_FOUND`, `CHANNEL_FULL`, `TOO_MANY_CHANNELS` ...;
   *     `CLOSED` when it is left or the client closed first; the signal's reason: it is left then, unless it was joined
   */
  join(options: JoinOptions = {}): Promise<void> {
    return this.#subscription.join(options);
  }

  /** Leaves. Messages that were not acknowledged are rejected with `CLOSED`. Nothing happens when it is not joined. */
  leave(): void {
    this.#subscription.leave();
  }

  /**
   * Sends a message. It shows in `timeline` at once, and under the same id when it is stored.
   * While the connection is away it waits, and is sent again under the same id: never stored twice. `UNAVAILABLE` is
   * tried again by itself. At most 100 messages wait.
   *
   * @returns when the server has stored it, or holds it for review
   * @throws HubbubClientError (the promise): `EMPTY_MESSAGE`, `MESSAGE_TOO_LONG`, `MUTED`, `READ_ONLY`, `RATE_LIMITED` and
   *     `SLOW_MODE` with `retryAfterMs`, `NOT_JOINED`, `OUTBOX_FULL`, `CLOSED`, `BANNED`, `CHANNEL_CLOSED` ...; the signal's
   *     reason
   */
  async send(content: string, options: SendOptions = {}): Promise<SendResult> {
    this.#assertWanted();
    // The others take the sign away with the message: the next key is to bring it back.
    this.#typedAtMs = 0;
    return this.#outbox.add(options.messageId?.toLowerCase() ?? randomUuid(), content, options);
  }

  /** Sends a failed message again, under its id. @throws as {@link send}; `NOT_FOUND` (the promise) when there is none */
  async retry(messageId: string): Promise<SendResult> {
    this.#assertWanted();
    return this.#outbox.retry(messageId);
  }

  /** Takes a queued or failed message out of the list; one that was queued is rejected with `CLOSED`. */
  discard(messageId: string): void {
    this.#outbox.discard(messageId);
  }

  /** Tells the others that the user is typing: call it at every key, it is sent every 2 s at most. Lost while away. */
  typing(): void {
    const now = Date.now();
    if (this.status.get().state !== 'joined' || now - this.#typedAtMs < TYPING_INTERVAL_MS) return;
    this.#typedAtMs = now;
    this.#line.send({ type: 'typing', channel_id: this.id });
  }

  /**
   * History, a page at a time from the newest to the oldest, oldest first within a page. A page is asked for when the
   * loop comes to it.
   *
   * @throws HubbubClientError `FORBIDDEN`, `CHANNEL_NOT_FOUND`, `NETWORK` ...; the signal's reason
   */
  async *history(options: HistoryOptions = {}): AsyncGenerator<readonly Message[], void, undefined> {
    const { afterSeq = 0, limit, signal } = options;
    let before_seq = options.beforeSeq;
    for (;;) {
      const { messages, cursor } = await this.#rest.listMessages(this.id, { before_seq, limit, signal });
      const page = messages.filter(({ seq }) => seq > afterSeq);
      if (page.length > 0) yield page;
      if (cursor === null || page.length < messages.length) return;
      before_seq = messages[0]?.seq;
    }
  }

  /** Members, by rank and name. */
  members(options: ListOptions = {}): Promise<MemberList> {
    return this.#rest.listMembers(this.id, options);
  }

  /** Who is online now, asked anew; the answer is shown in `online`, too. */
  async presence({ signal }: CallOptions = {}): Promise<PresenceList> {
    this.#missedPresence = [];
    const missed = this.#missedPresence;
    try {
      const list = await this.#rest.listPresence(this.id, { signal });
      // Another call since would know better.
      if (this.#missedPresence === missed) this.#roster.take(list, missed);
      return list;
    } finally {
      if (this.#missedPresence === missed) this.#missedPresence = null;
    }
  }

  /** Reads name, description and modes, into `info` as well. */
  async refresh({ signal }: CallOptions = {}): Promise<ChannelInfo> {
    const info = await this.#rest.getChannel(this.id, { signal });
    this.#info.set(info);
    return info;
  }

  /** @internal */
  connected(): void {
    this.#subscription.connected();
  }

  /** @internal */
  disconnected(): void {
    this.#subscription.disconnected();
  }

  /** @internal */
  close(error: HubbubClientError): void {
    this.#subscription.close(error);
    this.#roster.close();
  }

  /** @internal A frame about this channel. */
  receive(anyFrame: AnyFrame): void {
    const frame = known(anyFrame);
    const subscription = this.#subscription;
    if (frame.type === 'subscribed') {
      if (!subscription.subscribed(frame)) return;
      this.#roster.joined(frame.online);
      this.emit('subscribed', frame);
    } else if (frame.type === 'left') subscription.left(frame.code);
    else if (frame.type === 'error') this.#refused(frame);
    // What still comes of an earlier join is brought again by the next one.
    else if (subscription.isSubscribed) this.#happened(frame);
  }

  #happened(frame: ServerFrame): void {
    if (frame.type === 'message') {
      this.#messageCame(frame);
      return;
    }
    if ('seq' in frame && this.#subscription.take(frame.seq) === null) return;
    switch (frame.type) {
      case 'message_deleted':
        this.timeline.delete(frame.message_seq);
        break;
      case 'channel_updated':
        this.#info.set(frame.channel);
        break;
      case 'typing':
        this.#roster.typing(frame);
        break;
      case 'presence':
        this.#missedPresence?.push(frame);
        this.#roster.presence(frame);
        break;
      case 'presence_count':
        this.#roster.counted(frame.online);
        break;
      case 'moderation':
        this.#subscription.moderated(frame);
        break;
      case 'message_held':
        this.#outbox.acknowledge(frame.message_id, { status: 'held', id: frame.message_id });
        break;
      case 'message_reviewed':
        if (frame.decision === 'reject') {
          const error = new HubbubClientError('BLOCKED_CONTENT', frame.reason ?? 'A moderator refused this message');
          this.#outbox.rejectHeld(frame.message_id, error);
        }
        break;
      case 'channel_deleted':
        break;
      default:
        return;
    }
    // An event has the name of its frame, which the types cannot follow.
    this.emit(frame.type as 'typing', frame as TypingFrame);
  }

  #messageCame(frame: MessageFrame): void {
    const message = toMessage(frame);
    const news = this.#subscription.take(message.seq);
    // A repeated one is answered as it was stored, at its place.
    this.#outbox.acknowledge(message.id, { status: 'sent', message });
    if (news === null) return;
    this.#roster.stopped(message.user_id);
    this.timeline.append(message);
    this.emit('message', { message, isReplay: news.isReplay });
  }

  #refused(frame: ErrorFrame): void {
    if (frame.message_id !== undefined) {
      this.#outbox.refuse(frame);
      return;
    }
    if (!this.#subscription.refused(frame) && this.#subscription.isSubscribed) this.emit('error', errorOf(frame));
  }

  #assertWanted(): void {
    const { state } = this.status.get();
    if (state !== 'joined' && state !== 'joining') throw new HubbubClientError('NOT_JOINED', 'Join the channel first');
  }
}
