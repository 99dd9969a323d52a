import type { Socket } from 'node:net';
import { type Author, encodeAuthor } from '@hubbub/protocol/codec.js';
import { CLOSES, type CloseReason, type ErrorCode } from '@hubbub/protocol/codes.js';
import type { ErrorFrame, ServerFrame } from '@hubbub/protocol/frames.js';
import { PING_INTERVAL_MS, PONG_TIMEOUT_MS, TOKEN_WARNING_MS } from '@hubbub/protocol/limits.js';
import type { ChannelRole } from '@hubbub/protocol/rest.js';
import type { SpanContext } from '@opentelemetry/api';
import type { RawData, WebSocket } from 'ws';
import type { AccessNote, ChannelEvent, Subscriber } from './channel-hub.js';
import type { HubbubError } from './errors.js';
import type { FanOut, Outbox } from './fan-out.js';
import { jsonFrame, PING_FRAME } from './frame.js';
import type { Identity } from './identity.js';
import type { StandingRow } from './store/people.js';

/** A channel that a connection has joined. */
export interface Membership {
  readonly channelId: string;
  /** Null: he is no member, as anyone may be in a public channel. */
  role: ChannelRole | null;
  /** Wait between two of his messages; 0: none. */
  slowModeSeconds: number;
}

/** What a connection asks of the rest of the server. */
export interface ConnectionHandlers {
  /**
   * Carries out one frame.
   *
   * @param atMs when it was received (`performance.now()`)
   * @returns a promise when the frames behind it have to wait
   */
  onFrame(connection: Connection, text: string, atMs: number): Promise<void> | undefined;
  onEvent(connection: Connection, channelId: string, event: ChannelEvent): void;
  onAccess(connection: Connection, channelId: string, note: AccessNote): void;
  onStanding(
    connection: Connection,
    channelId: string,
    standing: StandingRow | null,
    channelType: 'public' | 'private',
  ): void;
  /** Nothing will reach the client any more: its channels can forget it. Called once, before `onClosed`. */
  onEnded(connection: Connection): void;
  /** The socket is gone; called once. */
  onClosed(connection: Connection): void;
  /** An error was sent to the client. */
  onErrorSent(channelId: string | null, code: string): void;
  onSlow(connection: Connection): void;
}

interface ConnectionOptions {
  readonly webSocket: WebSocket;
  /** The socket under `webSocket`: frames that are made once for many are written to it as they are. */
  readonly socket: Socket;
  readonly identity: Identity;
  /** The channel of a one-channel connection; null: it may join many. */
  readonly onlyChannelId: string | null;
  /** The span of its upgrade; null: it was not traced. */
  readonly trace: SpanContext | null;
  readonly fanOut: FanOut;
  readonly handlers: ConnectionHandlers;
}

/** Frames of a client that may wait behind one that takes its time; then the socket is not read for a while. */
const MAX_WAITING_FRAMES = 64;
/** Errors at one go, and errors a second, that a client may cause before it counts as flooding. */
const ERROR_BURST = 100;
const ERRORS_PER_SECOND = 10;
/** How long a socket with unsent bytes may take nothing. */
const STALL_LIMIT_MS = 30_000;
/** How long a client may take to answer a close before its socket is ended. */
const CLOSE_WAIT_MS = 5000;
/** The same for a slow one: it has to read what was sent before, or it would never see the code that says why. */
const SLOW_CLOSE_WAIT_MS = 15_000;
/** Codes of errors that are the server's doing, not the client's. */
const OWN_FAILURES: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'INTERNAL']);

/**
 * One WebSocket: reads frames in their order, sends replies, keeps itself alive, closes with a reason. What frames mean
 * is the handlers' business.
 */
export class Connection implements Subscriber {
  readonly memberships = new Map<string, Membership>();
  readonly onlyChannelId: string | null;
  readonly trace: SpanContext | null;
  identity: Identity;
  /** The sender's part of his messages' frames. */
  authorJson: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #outbox: Outbox;
  /** The frame being carried out, when it takes its time; frames that come meanwhile wait in `#waiting`. */
  #busy = false;
  readonly #waiting: { readonly text: string; readonly atMs: number }[] = [];
  #closed = false;
  #heardAtMs = Date.now();
  #pingAtMs = Date.now() + PING_INTERVAL_MS;
  #warnedOfExpiryAtMs = 0;
  #errorAllowance = ERROR_BURST;
  #errorAtMs = Date.now();
  #taken = 0;
  #takenAtMs = Date.now();

  constructor(options: ConnectionOptions) {
    this.#webSocket = options.webSocket;
    this.#socket = options.socket;
    this.#handlers = options.handlers;
    this.identity = options.identity;
    this.authorJson = encodeAuthor(authorOf(options.identity));
    this.onlyChannelId = options.onlyChannelId;
    this.trace = options.trace;
    this.#outbox = options.fanOut.outbox(options.socket, () => {
      this.#handlers.onSlow(this);
      this.close('TOO_SLOW');
    });
    this.#webSocket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    this.#webSocket.on('pong', () => {
      this.#heardAtMs = Date.now();
    });
    // A broken socket or frame is followed by 'close', which is where the connection ends.
    this.#webSocket.on('error', () => {});
    this.#webSocket.on('close', () => {
      this.#end();
      this.#handlers.onClosed(this);
    });
  }

  get userId(): string {
    return this.identity.userId;
  }

  get closed(): boolean {
    return this.#closed;
  }

  wants(channelId: string): boolean {
    return !this.#closed && this.memberships.has(channelId);
  }

  push(frames: Buffer): void {
    this.#outbox.push(frames);
  }

  pushHistory(parts: readonly Buffer[]): void {
    this.#outbox.pushHistory(parts);
  }

  pushEphemeral(frames: Buffer): void {
    this.#outbox.pushEphemeral(frames);
  }

  onEvent(channelId: string, event: ChannelEvent): void {
    this.#handlers.onEvent(this, channelId, event);
  }

  onAccess(channelId: string, note: AccessNote): void {
    this.#handlers.onAccess(this, channelId, note);
  }

  onStanding(channelId: string, standing: StandingRow | null, channelType: 'public' | 'private'): void {
    this.#handlers.onStanding(this, channelId, standing, channelType);
  }

  send(frame: ServerFrame): void {
    this.push(jsonFrame(frame));
  }

  /** Tells the client that a command was refused. The connection stays open, unless there is a flood of errors. */
  sendError(error: HubbubError, channelId: string | null, messageId?: string): void {
    const frame: ErrorFrame = {
      type: 'error',
      channel_id: channelId,
      error: error.message,
      code: error.code,
      ...(messageId === undefined ? {} : { message_id: messageId }),
      ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
      timestamp: new Date().toISOString(),
    };
    this.send(frame);
    this.#handlers.onErrorSent(channelId, error.code);
    // One who repeats during an outage what he was told to repeat is no flood.
    if (!OWN_FAILURES.has(error.code)) this.#chargeError();
  }

  /** Takes in a fresh token of the same user. */
  renew(identity: Identity): void {
    this.identity = identity;
    this.authorJson = encodeAuthor(authorOf(identity));
  }

  /** Runs `work` before any frame that the client sends; frames that come meanwhile wait. */
  begin(work: () => Promise<void>): void {
    this.#busy = true;
    void this.#work(work());
  }

  /** Closes with a code and reason of the table, after what was pushed before. */
  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#outbox.write();
    this.#end();
    const { code, reason: text } = CLOSES[reason];
    this.#webSocket.close(code, text);
    // Else the answer to the close is not read, and the socket stays until it is ended by force.
    if (this.#webSocket.isPaused) this.#webSocket.resume();
    // One who does not read cannot answer the close either.
    const waitMs = reason === 'TOO_SLOW' ? SLOW_CLOSE_WAIT_MS : CLOSE_WAIT_MS;
    setTimeout(() => this.#webSocket.terminate(), waitMs).unref();
  }

  /** Ends the socket without a word. */
  terminate(): void {
    this.#webSocket.terminate();
  }

  /** What has to be done once a second. @param now milliseconds since the epoch */
  sweep(now: number): void {
    if (this.#closed) return;
    if (now - this.#heardAtMs > PONG_TIMEOUT_MS) {
      this.#webSocket.terminate();
      return;
    }
    if (now >= this.identity.expiresAtMs) {
      this.close('TOKEN_EXPIRED');
      return;
    }
    if (now >= this.identity.expiresAtMs - TOKEN_WARNING_MS && this.#warnedOfExpiryAtMs !== this.identity.expiresAtMs) {
      this.#warnedOfExpiryAtMs = this.identity.expiresAtMs;
      this.send({ type: 'token_expiring', expires_at: new Date(this.identity.expiresAtMs).toISOString() });
    }
    if (now >= this.#pingAtMs) {
      this.#pingAtMs = now + PING_INTERVAL_MS;
      this.push(PING_FRAME);
    }
    this.#watchStall(now);
  }

  #chargeError(): void {
    const now = Date.now();
    const regained = ((now - this.#errorAtMs) / 1000) * ERRORS_PER_SECOND;
    this.#errorAllowance = Math.min(ERROR_BURST, this.#errorAllowance + regained) - 1;
    this.#errorAtMs = now;
    if (this.#errorAllowance < 0) this.close('FLOODING');
  }

  #watchStall(now: number): void {
    const unsent = this.#socket.writableLength;
    const taken = this.#socket.bytesWritten - unsent;
    if (unsent === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#takenAtMs = now;
      return;
    }
    if (now - this.#takenAtMs < STALL_LIMIT_MS) return;
    this.#handlers.onSlow(this);
    this.close('TOO_SLOW');
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.close();
    this.#waiting.length = 0;
    this.#handlers.onEnded(this);
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
    this.#heardAtMs = Date.now();
    // Binary frames are refused like any text that is no JSON object; `ws` gives one Buffer a message by default.
    const text = isBinary || !Buffer.isBuffer(data) ? '' : data.toString();
    const atMs = performance.now();
    if (this.#busy) {
      this.#waiting.push({ text, atMs });
      if (this.#waiting.length >= MAX_WAITING_FRAMES) this.#webSocket.pause();
      return;
    }
    const slow = this.#handlers.onFrame(this, text, atMs);
    if (slow === undefined) return;
    this.#busy = true;
    void this.#work(slow);
  }

  /** Waits for the frame under way, then goes through those that came meanwhile. */
  async #work(first: Promise<void>): Promise<void> {
    await first;
    for (let next = this.#waiting.shift(); next !== undefined && !this.#closed; next = this.#waiting.shift()) {
      await this.#handlers.onFrame(this, next.text, next.atMs);
    }
    this.#busy = false;
    if (this.#webSocket.isPaused && !this.#closed) this.#webSocket.resume();
  }
}

function authorOf(identity: Identity): Author {
  const { userId, username, displayName, avatarUrl } = identity;
  return { userId, username, displayName, avatarUrl };
}
