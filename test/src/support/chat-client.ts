/** A WebSocket client for tests: it keeps every frame, and waits for the one that a test is about. */
import type { ServerFrame } from '@hubbub/protocol/frames.js';
import { WebSocket } from 'ws';
import { parseServerFrame } from './frame-check.js';
import { readAnswer, UpgradeRefused } from './upgrade.js';
import { withTimeout } from './wait.js';

const OPEN_TIMEOUT_MS = 10_000;
const FRAME_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 2000;
/** Frames that an error message shows, from the end. */
const SHOWN_FRAMES = 20;

/** How the token travels: see {@link ConnectOptions.auth}. */
export type AuthCarrier = 'header' | 'subprotocol' | 'subprotocol-pair' | 'cookie';

export interface ConnectOptions {
  /** Base URL of the instance, `http:` or `ws:`. */
  readonly url: string;
  /** Path of the endpoint, with or without a query. */
  readonly path: string;
  /** Absent: none is sent. */
  readonly token?: string;
  /**
   * `header`: as bearer (default); `subprotocol`: `auth.bearer.<base64url>` alone; `subprotocol-pair`: the same beside
   * `hubbub.v1`; `cookie`: `access_token`.
   */
  readonly auth?: AuthCarrier;
  /** `Origin`, which browsers send. Absent: none, as from a program. */
  readonly origin?: string;
  /** Resumes after this place in the channel's sequence (one-channel endpoints). */
  readonly lastSeq?: number;
  /** Further request headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ReceivedFrame {
  readonly frame: ServerFrame;
  /** When it arrived, on the clock of `performance.now()`, in milliseconds. */
  readonly atMs: number;
}

type FrameType = ServerFrame['type'];
type FrameOf<T extends FrameType> = Extract<ServerFrame, { type: T }>;
type Matcher = (frame: ServerFrame) => boolean;

interface Waiter {
  readonly matches: Matcher;
  readonly resolve: (frame: ServerFrame | null) => void;
}

/** One open WebSocket. Close it, or the test file will not end. */
export class ChatClient {
  /** Every frame so far, in the order of arrival. */
  readonly frames: ReceivedFrame[] = [];
  /** Settles when the connection has ended, whoever ended it. Never rejects. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiters = new Set<Waiter>();
  /** Frames that no {@link next} has taken yet. */
  #untaken: ServerFrame[] = [];
  /** What the server sent against the contract; fails the next wait. */
  #violation: Error | null = null;
  #ended: { code: number; reason: string } | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.#onMessage(String(data), isBinary));
    // A lost connection is told by `closed`, a failed one by `connect`.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#ended = { code, reason: reason.toString() };
        this.#wakeAll();
        resolve(this.#ended);
      });
    });
  }

  /**
   * Settles when the connection is open; frames are kept from the first on.
   *
   * @throws {UpgradeRefused} when the server answered without an upgrade
   */
  static async connect(options: ConnectOptions): Promise<ChatClient> {
    const url = new URL(options.path, options.url.replace(/^http/, 'ws'));
    if (options.lastSeq !== undefined) url.searchParams.set('last_seq', String(options.lastSeq));
    const { protocols, headers } = credentials(options);
    const socket = new WebSocket(url, protocols, {
      headers: { ...headers, ...options.headers },
      perMessageDeflate: false,
      ...(options.origin === undefined ? {} : { origin: options.origin }),
    });
    const client = new ChatClient(socket);
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (outgoing, response) => {
        const refused = readAnswer(response).then((answer) => reject(new UpgradeRefused(answer)), reject);
        // With this listener the request is ours to end.
        void refused.finally(() => outgoing.destroy());
      });
    });
    try {
      await withTimeout(opened, OPEN_TIMEOUT_MS, () => `${url} did not open within ${OPEN_TIMEOUT_MS} ms`);
    } catch (error) {
      socket.terminate();
      throw error;
    }
    return client;
  }

  /** The subprotocol that the server selected; empty when none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Sends an object as JSON, a string as it stands, bytes as a binary frame. */
  send(data: object | string | Buffer): void {
    this.#socket.send(typeof data === 'string' || Buffer.isBuffer(data) ? data : JSON.stringify(data));
  }

  /**
   * Takes the first frame that matches and that was not taken before; it may have arrived already.
   *
   * @param want a frame type, or a test
   * @param timeoutMs how long to wait, in milliseconds. Default 5,000
   * @throws when the time is over or the connection ends, with the frames seen; when a frame broke the contract
   */
  async next<T extends FrameType>(want: T, timeoutMs?: number): Promise<FrameOf<T>>;
  async next<F extends ServerFrame>(want: (frame: ServerFrame) => frame is F, timeoutMs?: number): Promise<F>;
  async next(want: Matcher, timeoutMs?: number): Promise<ServerFrame>;
  async next(want: FrameType | Matcher, timeoutMs = FRAME_TIMEOUT_MS): Promise<ServerFrame> {
    const frame = await this.#take(matcherOf(want), timeoutMs);
    if (frame !== null) return frame;
    const wanted = typeof want === 'string' ? `frame of type ${want}` : 'frame that matches';
    const ended = this.#ended;
    const why = ended === null ? `within ${timeoutMs} ms` : `before the close (${ended.code} ${ended.reason})`;
    throw new Error(`No ${wanted} came ${why}. ${this.#describeFrames()}`);
  }

  /**
   * Settles after `waitMs` when no untaken frame matches, neither one that is there nor one that comes.
   *
   * @throws as soon as there is one
   */
  async expectNone(want: FrameType | Matcher, waitMs: number): Promise<void> {
    const frame = await this.#take(matcherOf(want), waitMs);
    if (frame !== null) throw new Error(`This frame should not have come: ${JSON.stringify(frame)}`);
  }

  /** Stops reading from the socket: the system's buffers fill, then the server's. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Closes the connection, by force when the server does not answer; settles when it has ended. May be repeated. */
  async close(code = 1000): Promise<void> {
    // A paused socket would never see the answer to the close.
    this.#socket.resume();
    this.#socket.close(code);
    const forced = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
    await this.closed;
    clearTimeout(forced);
  }

  /** Cuts the connection without a close frame, as a lost network does; settles when it has ended. */
  async cut(): Promise<void> {
    this.#socket.terminate();
    await this.closed;
  }

  async #take(matches: Matcher, timeoutMs: number): Promise<ServerFrame | null> {
    this.#throwViolation();
    const index = this.#untaken.findIndex(matches);
    if (index >= 0) return this.#untaken.splice(index, 1)[0] ?? null;
    if (this.#ended !== null) return null;
    const frame = await new Promise<ServerFrame | null>((resolve) => {
      const timer = setTimeout(() => waiter.resolve(null), timeoutMs);
      const waiter: Waiter = {
        matches,
        resolve: (found) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(found);
        },
      };
      this.#waiters.add(waiter);
    });
    this.#throwViolation();
    return frame;
  }

  #onMessage(text: string, isBinary: boolean): void {
    let frame: ServerFrame;
    try {
      if (isBinary) throw new Error('The server sent a binary frame');
      frame = parseServerFrame(text);
    } catch (error) {
      this.#violation ??= error instanceof Error ? error : new Error(String(error));
      this.#wakeAll();
      return;
    }
    this.frames.push({ frame, atMs: performance.now() });
    for (const waiter of this.#waiters) {
      if (waiter.matches(frame)) {
        waiter.resolve(frame);
        return;
      }
    }
    this.#untaken.push(frame);
  }

  #wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve(null);
  }

  #throwViolation(): void {
    if (this.#violation !== null) throw this.#violation;
  }

  #describeFrames(): string {
    const shown = this.frames.slice(-SHOWN_FRAMES).map(({ frame }) => `  ${JSON.stringify(frame)}`);
    return [`Of ${this.frames.length} frames the last ${shown.length}:`, ...shown].join('\n');
  }
}

function matcherOf(want: FrameType | Matcher): Matcher {
  return typeof want === 'string' ? (frame) => frame.type === want : want;
}

function credentials({ token, auth = 'header' }: ConnectOptions): {
  protocols: string[];
  headers: Record<string, string>;
} {
  if (token === undefined) return { protocols: [], headers: {} };
  if (auth === 'header') return { protocols: [], headers: { Authorization: `Bearer ${token}` } };
  if (auth === 'cookie') return { protocols: [], headers: { Cookie: `access_token=${token}` } };
  const bearer = `auth.bearer.${Buffer.from(token).toString('base64url')}`;
  return { protocols: auth === 'subprotocol' ? [bearer] : ['hubbub.v1', bearer], headers: {} };
}
