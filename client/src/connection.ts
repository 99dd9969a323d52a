/**
 * The one socket of a client, kept open. Knows tokens, closes and waits; frames are the business of others.
 *
 * States:
 *   connecting -> online   the socket opened
 *              -> waiting  it did not open and the server may be back later, or `getToken` threw
 *              -> offline  the same, while the browser says that there is no network
 *              -> closed   the server refuses this user, or there is no token that it takes
 *   online     -> waiting  lost, silent for too long, or closed with a code whose row in the close table says
 *                          `at-once` (after the wait of `draining`, else up to a second) or `backoff`
 *              -> connecting  closed with a code that says `new-token`: another token is asked for first
 *              -> offline  lost, while the browser says that there is no network
 *              -> closed   closed with a code that says `never`
 *   waiting    -> connecting  the wait is over, the network or the reader is back, or `reconnect`
 *   offline    -> connecting  the same; the wait is the longest one, as a server on this machine needs no network
 *   closed     -> connecting  `reconnect`, unless `close` was called
 * `close` leads from every state to closed.
 */
import { CLOSES } from '@hubbub/protocol/codes.js';
import type { ClientFrame } from '@hubbub/protocol/frames.js';
import type { Unsubscribe } from './emitter.js';
import { HubbubClientError } from './errors.js';
import { type AnyFrame, parseFrame } from './frames.js';
import { isOffline, watchNetwork } from './network.js';
import { Store } from './store.js';
import { bearerProtocol, type Tokens } from './tokens.js';
import type { ConnectionStatus } from './types.js';
import { backoffMs, MAX_BACKOFF_MS } from './wait.js';

/** The part of `WebSocket` that is used; the class of the `ws` package has it as well. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

interface ConnectionOptions {
  /** Address of the many-channel WebSocket. */
  readonly url: string;
  readonly WebSocket: SocketConstructor;
  readonly tokens: Tokens;
  /**
   * Asked after an upgrade that failed, as browsers hide why: resolves when requests are answered, rejects with a
   * HubbubClientError when they are not.
   */
  readonly probe: () => Promise<unknown>;
  /** Every frame, in the order in which they came. */
  readonly onFrame: (frame: AnyFrame) => void;
}

/** How long an attempt may take until the socket is open, in milliseconds. */
const OPEN_TIMEOUT_MS = 15_000;
/** After this much silence the server is asked for a `pong`, and after this much more the socket counts as dead. */
const SILENCE_MS = 30_000;
const PONG_WAIT_MS = 10_000;
/** A connection that lasted this long was a good one: waits start from the shortest again. */
const STABLE_MS = 10_000;
/** Longest wait after a close that asks to come back at once without saying when, in milliseconds. */
const AT_ONCE_MS = 1000;
/** Shortest wait after a close for flooding, in milliseconds. */
const FLOOD_WAIT_MS = 5000;
/** What the socket's own close event says when nothing was said. */
const ABNORMAL = 1006;

export class Connection {
  readonly status = new Store<ConnectionStatus>({ state: 'closed', error: null });
  readonly #options: ConnectionOptions;
  readonly #unwatch: Unsubscribe;
  #socket: SocketLike | null = null;
  /** The one timer: of the attempt, of silence or of the wait, as the state says. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Attempts and short-lived connections since the last one that lasted. */
  #failures = 0;
  #onlineAtMs = 0;
  #token = '';
  /** Whether `#token` was refused. */
  #isRefused = false;
  #drainingMs: number | null = null;
  /** Who waits for which `pong`, in the order of the pings; null: nobody. */
  #pongs: ((() => void) | undefined)[] = [];
  /** The largest message sent on this socket. */
  #largest: { readonly bytes: number; readonly frame?: ClientFrame } = { bytes: 0 };
  #isEnded = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#unwatch = watchNetwork(() => this.#networkChanged());
  }

  get isOnline(): boolean {
    return this.status.get().state === 'online';
  }

  /** Starts the next attempt now, if there is none and no connection. */
  reconnect(): void {
    const { state } = this.status.get();
    if (this.#isEnded || state === 'online' || state === 'connecting') return;
    void this.#connect();
  }

  /** @returns false, and nothing is sent, unless the connection is online */
  send(frame: ClientFrame): boolean {
    if (!this.isOnline) return false;
    const text = JSON.stringify(frame);
    this.#socket?.send(text);
    const bytes = new TextEncoder().encode(text).length;
    if (frame.type === 'message' && bytes > this.#largest.bytes) this.#largest = { bytes, frame };
    return true;
  }

  /** Calls `then` when everything that the server has sent so far is here; not at all when the connection is lost first. */
  barrier(then?: () => void): void {
    if (this.send({ type: 'ping' })) this.#pongs.push(then);
  }

  /** Gives the socket up, as one that cannot be trusted, and opens another. */
  abandon(): void {
    if (this.isOnline) this.#closed(ABNORMAL);
  }

  /** Ends the connection for good. May be called again. */
  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#unwatch();
    this.#end(null);
  }

  async #connect(): Promise<void> {
    this.#drop();
    const status: ConnectionStatus = { state: 'connecting', attempt: this.#failures + 1 };
    this.status.set(status);
    try {
      const { tokens } = this.#options;
      this.#token = await (this.#isRefused ? tokens.renew(this.#token) : tokens.get());
      this.#isRefused = false;
      // Else it was closed meanwhile.
      if (this.status.get() === status) this.#open();
    } catch (error) {
      if (this.status.get() === status) this.#failed(error);
    }
  }

  #open(): void {
    const { url, WebSocket } = this.#options;
    const socket = new WebSocket(url, ['hubbub.v1', bearerProtocol(this.#token)]);
    this.#socket = socket;
    socket.onopen = () => {
      this.#onlineAtMs = Date.now();
      this.#watchSilence();
      this.status.set({ state: 'online' });
    };
    socket.onmessage = (event: { readonly data: unknown }) => this.#receive(event.data);
    socket.onclose = (event: { readonly code: number }) => this.#closed(event.code);
    // A close event follows, which is where the failure is dealt with; `ws` throws errors that nobody listens for.
    socket.onerror = () => {};
    this.#setTimer(OPEN_TIMEOUT_MS, () => this.#closed(ABNORMAL));
  }

  #receive(data: unknown): void {
    this.#watchSilence();
    const frame = parseFrame(data);
    if (frame === null) return;
    if (frame.type === 'pong') this.#pongs.shift()?.();
    if (frame.type === 'draining') this.#drainingMs = Number(frame.retry_after_ms);
    if (frame.type === 'token_expiring') void this.#renewToken();
    this.#options.onFrame(frame);
  }

  /** Hands a fresh token to the server. If there is none, the close with 4001 leads to another attempt. */
  async #renewToken(): Promise<void> {
    const socket = this.#socket;
    const token = await this.#options.tokens.renew(this.#token).catch(() => this.#token);
    if (token === this.#token || this.#socket !== socket) return;
    this.#token = token;
    this.send({ type: 'auth', token });
  }

  /** The socket is gone, or given up. */
  #closed(code: number): void {
    const wasOnline = this.isOnline;
    const drainingMs = this.#drainingMs;
    if (code === CLOSES.TOO_BIG.code) this.#refuseLargest();
    this.#drop();
    if (!wasOnline) {
      void this.#judge();
      return;
    }
    if (Date.now() - this.#onlineAtMs >= STABLE_MS) this.#failures = 0;
    const row = Object.values(CLOSES).find((each) => each.code === code);
    const lost = new HubbubClientError('NETWORK', row?.reason ?? 'The connection was lost');
    switch (row?.reconnect) {
      case 'never':
        this.#end(lost);
        return;
      case 'new-token':
        this.#isRefused = true;
        // A server that closes what it has just let in is not asked again and again.
        if (this.#failures++ === 0) void this.#connect();
        else this.#wait(lost, backoffMs(this.#failures));
        return;
      case 'at-once':
        // So is one that goes away again and again.
        this.#wait(lost, this.#failures === 0 ? (drainingMs ?? Math.random() * AT_ONCE_MS) : backoffMs(this.#failures));
        this.#failures++;
        return;
      default:
        this.#wait(lost, backoffMs(this.#failures++) + (code === CLOSES.FLOODING.code ? FLOOD_WAIT_MS : 0));
    }
  }

  /** The server closes without saying which frame was too big. Sent again, it would end every connection. */
  #refuseLargest(): void {
    const { frame } = this.#largest;
    if (frame === undefined) return;
    const error = 'The message is too large';
    this.#options.onFrame({ ...frame, type: 'error', code: 'MESSAGE_TOO_LONG', error });
  }

  /** Finds out why the socket did not open, and does what the answer says. */
  async #judge(): Promise<void> {
    const asked = this.status.get();
    const refused = this.#token;
    const { tokens, probe } = this.#options;
    try {
      await probe();
      const isRenewed = (await tokens.get()) !== refused;
      if (this.status.get() !== asked) return;
      if (!isRenewed) {
        throw new HubbubClientError('NETWORK', 'The WebSocket could not be opened');
      }
      // The answer came with another token only.
      this.#failures++;
      void this.#connect();
    } catch (error) {
      if (this.status.get() === asked) this.#failed(error);
    }
  }

  #failed(cause: unknown): void {
    const error =
      cause instanceof HubbubClientError ? cause : new HubbubClientError('NETWORK', String(cause), { cause });
    if (error.status === 401 || error.status === 403 || error.code === 'NO_TOKEN') this.#end(error);
    else this.#wait(error, Math.max(backoffMs(this.#failures++), error.retryAfterMs ?? 0));
  }

  #end(error: HubbubClientError | null): void {
    this.#drop();
    this.#failures = 0;
    this.status.set({ state: 'closed', error });
  }

  #wait(error: HubbubClientError, waitMs: number): void {
    const offline = isOffline();
    const delayMs = offline ? MAX_BACKOFF_MS : waitMs;
    this.#setTimer(delayMs, () => void this.#connect());
    this.status.set(offline ? { state: 'offline' } : { state: 'waiting', retryAtMs: Date.now() + delayMs, error });
  }

  #networkChanged(): void {
    const { state } = this.status.get();
    if (state === 'online') this.#checkAlive();
    else if (state !== 'closed' && !isOffline()) this.reconnect();
  }

  #watchSilence(): void {
    this.#setTimer(SILENCE_MS, () => this.#checkAlive());
  }

  /** Browsers do not show the server's pings, so a dead network is found by asking for a `pong`. */
  #checkAlive(): void {
    this.barrier();
    this.#setTimer(PONG_WAIT_MS, () => this.#closed(ABNORMAL));
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#pongs = [];
    this.#drainingMs = null;
    this.#largest = { bytes: 0 };
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    // Without handlers: a closing handshake with a dead peer would call back much later.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #setTimer(waitMs: number, fire: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(fire, waitMs);
  }
}
