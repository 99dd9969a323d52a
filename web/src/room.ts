/** One open channel: its connection, messages, people and notices, as the page shows them. No DOM. */
import type { Channel } from '@hubbub/protocol/rest.js';
import type { Api } from './api.js';
import { ChannelConnection, type ConnectionState, type SocketLike } from './connection.js';
import type { IncomingFrame, ModerationFrame } from './frames.js';
import { History } from './history.js';
import { Presence } from './presence.js';
import { Sender } from './sender.js';
import { type Entry, entryFromFrame } from './timeline.js';
import { TypingGate, Typists } from './typing.js';
import { bannedSentence, judgeRefusal, mutedSentence } from './verdict.js';
import { inPlainWords, type Problem } from './words.js';

/** What changed, so that only that is drawn again. */
export type Part = 'messages' | 'people' | 'typing' | 'state' | 'channel' | 'notice';

export interface Notice {
  readonly kind: 'info' | 'error';
  readonly text: string;
}

export interface RoomOptions {
  readonly channel: Channel;
  readonly api: Api;
  readonly self: { readonly userId: string; readonly name: string };
  /** Address of the channel's WebSocket. */
  readonly url: string;
  readonly openSocket: (url: string, protocols: string[]) => SocketLike;
  readonly token: () => string;
  /** As in `ConnectionOptions`. */
  readonly renewToken: () => Promise<boolean>;
  /** Whether a token can be had without asking the user for it. */
  readonly renewsByItself: boolean;
  readonly onChange: (part: Part) => void;
  /** Someone else's message came, live. */
  readonly onArrival: (entry: Entry) => void;
}

export class Room {
  readonly history: History;
  readonly sender: Sender;
  readonly presence = new Presence();
  readonly typists = new Typists();
  channel: Channel;
  notice: Notice | null = null;
  /** Why this user cannot write now; null: he can. */
  mute: string | null = null;
  /** Until when sending is refused for its rate, in milliseconds since the epoch. */
  pausedUntilMs = 0;

  readonly #options: RoomOptions;
  readonly #connection: ChannelConnection;
  readonly #gate = new TypingGate();
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #muteTimer: ReturnType<typeof setTimeout> | undefined;
  #presenceRequest = 0;
  /** What a frame said before the close; more exact than the close code. */
  #ending: string | null = null;
  #isClosed = false;

  constructor(options: RoomOptions) {
    const { channel, api, self } = options;
    this.#options = options;
    this.channel = channel;
    this.history = new History({
      readPage: (beforeSeq, limit) => api.listMessages(channel.id, beforeSeq, limit),
      onChange: () => this.#changed('messages'),
    });
    this.#connection = new ChannelConnection({
      url: options.url,
      openSocket: options.openSocket,
      token: options.token,
      renewToken: options.renewToken,
      probe: () => judgeRefusal(api, channel.id, self.userId),
      onFrame: (frame) => this.#receive(frame),
      onState: (state) => this.#stateChanged(state),
    });
    this.sender = new Sender({
      channelId: channel.id,
      transmit: (frame) => this.#connection.send(frame),
      onChange: () => this.#changed('messages'),
    });
  }

  get state(): ConnectionState {
    const state = this.#connection.state;
    return state.kind === 'ended' && this.#ending !== null ? { ...state, reason: this.#ending } : state;
  }

  open(): void {
    this.#connection.open();
  }

  /** Leaves the channel. @returns the texts that were not sent, for whoever opens it again */
  close(): string {
    this.#isClosed = true;
    this.#connection.close();
    this.history.close();
    clearTimeout(this.#typingTimer);
    clearTimeout(this.#muteTimer);
    return this.sender.close().join('\n');
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  /** Sends a text, now or as soon as there is a connection. @returns false if too many are waiting already */
  say(content: string): boolean {
    this.#gate.reset();
    const isTaken = this.sender.say(content);
    if (!isTaken) this.#tell('error', 'Too many messages wait to be sent. Try again when the connection is back.');
    return isTaken;
  }

  /** The user struck a key in the composer. */
  keyStruck(): void {
    if (this.mute !== null || this.state.kind !== 'online') return;
    if (this.#gate.strike(Date.now())) this.#connection.send({ type: 'typing', channel_id: this.channel.id });
  }

  dismissNotice(): void {
    this.notice = null;
    this.#changed('notice');
  }

  /** Deletes an own message; the list changes when the `message_deleted` frame comes. */
  async deleteMessage(messageId: string): Promise<void> {
    try {
      await this.#options.api.deleteMessage(messageId);
    } catch (error) {
      this.#tell('error', `The message was not deleted. ${inPlainWords(error as Problem)}`);
    }
  }

  /** Asks again who is online: in a large channel frames do not name everyone. */
  async refreshPeople(): Promise<void> {
    this.#presenceRequest += 1;
    const request = this.#presenceRequest;
    this.presence.expect();
    const list = await this.#options.api.listPresence(this.channel.id).catch(() => null);
    if (request !== this.#presenceRequest) return;
    this.presence.take(list);
    this.#changed('people');
  }

  #receive(frame: IncomingFrame): void {
    switch (frame.type) {
      case 'subscribed':
        this.#subscribed(frame.seq, frame.recovered, frame.online);
        return;
      case 'message':
        this.#messageCame(entryFromFrame(frame));
        return;
      case 'message_deleted':
        this.history.delete(frame.message_seq);
        return;
      case 'typing':
        if (frame.user_id === this.#options.self.userId) return;
        this.typists.add(frame.user_id, frame.username, Date.now());
        this.#typistsChanged();
        return;
      case 'presence':
        this.presence.apply(frame);
        if (frame.presence_type === 'left' && this.typists.remove(frame.user_id)) this.#typistsChanged();
        this.#changed('people');
        return;
      case 'presence_count':
        this.presence.setCount(frame.online);
        this.#changed('people');
        return;
      case 'channel_updated':
        this.channel = frame.channel;
        this.#changed('channel');
        return;
      case 'channel_deleted':
        this.#ending = 'This channel was deleted.';
        return;
      case 'moderation':
        this.#moderated(frame);
        return;
      case 'token_expiring':
        this.#tokenExpiring();
        return;
      case 'error':
        this.#refused(frame);
        return;
    }
  }

  #subscribed(seq: number, recovered: boolean, online: number): void {
    if (recovered) {
      this.history.resume(seq);
    } else {
      if (this.history.entries.length > 0) {
        const text = 'You were away for long. These are the newest messages; older ones appear as you scroll up.';
        this.#tell('info', text);
      }
      this.history.begin(seq);
    }
    this.presence.setCount(online);
    this.#changed('people');
    this.refreshPeople();
  }

  #messageCame(entry: Entry): void {
    const isOwn = entry.userId === this.#options.self.userId;
    if (isOwn) this.sender.acknowledge(entry.id);
    if (this.typists.remove(entry.userId)) this.#typistsChanged();
    const isLive = this.history.add(entry);
    if (isLive && !isOwn && !entry.isDeleted) this.#options.onArrival(entry);
  }

  #moderated(frame: ModerationFrame): void {
    switch (frame.action) {
      case 'banned':
      case 'timed_out':
        this.#ending = bannedSentence(frame.reason, frame.expires_at);
        return;
      case 'muted':
        clearTimeout(this.#muteTimer);
        this.mute = mutedSentence(frame.reason, frame.expires_at);
        if (frame.expires_at) this.#unmuteAt(Date.parse(frame.expires_at));
        this.#changed('state');
        return;
      case 'unmuted':
        clearTimeout(this.#muteTimer);
        this.mute = null;
        this.#tell('info', 'You can write in this channel again.');
        this.#changed('state');
        return;
      case 'role_changed':
        this.#tell('info', 'Your role in this channel was changed.');
        return;
    }
  }

  #unmuteAt(atMs: number): void {
    // A timer holds 2^31 ms at most, some 24 days; a longer mute ends here with the server's `unmuted` or a reload.
    if (atMs - Date.now() > 2 ** 31 - 1) return;
    this.#muteTimer = setTimeout(() => {
      this.mute = null;
      this.#changed('state');
    }, atMs - Date.now());
  }

  #refused(frame: Extract<IncomingFrame, { type: 'error' }>): void {
    const retryAfterMs = frame.retry_after_ms ?? 0;
    if (frame.code === 'RATE_LIMITED' && retryAfterMs > 0) {
      this.pausedUntilMs = Date.now() + retryAfterMs;
      this.#changed('state');
    }
    const { code, error: message, message_id } = frame;
    if (message_id === undefined) this.#tell('error', inPlainWords({ code, message, retryAfterMs }));
    // The wait is counted down below the composer; beside the message it would stand there for ever.
    else this.sender.refuse(message_id, code, inPlainWords({ code, message }));
  }

  async #tokenExpiring(): Promise<void> {
    if (!this.#options.renewsByItself) {
      this.#tell('info', 'Your sign-in ends in a minute. You will be asked for a new access token.');
      return;
    }
    // If this fails, the close with 4001 leads to another attempt.
    if (await this.#options.renewToken().catch(() => false)) {
      this.#connection.send({ type: 'auth', token: this.#options.token() });
    }
  }

  #stateChanged(state: ConnectionState): void {
    if (state.kind === 'online') {
      this.sender.connected();
    } else {
      this.sender.disconnected();
      this.typists.clear();
      this.#typistsChanged();
    }
    this.#changed('state');
  }

  #typistsChanged(): void {
    clearTimeout(this.#typingTimer);
    const waitMs = this.typists.nextChangeMs(Date.now());
    if (waitMs !== null) this.#typingTimer = setTimeout(() => this.#typistsChanged(), waitMs);
    this.#changed('typing');
  }

  #tell(kind: Notice['kind'], text: string): void {
    this.notice = { kind, text };
    this.#changed('notice');
  }

  #changed(part: Part): void {
    if (!this.#isClosed) this.#options.onChange(part);
  }
}
