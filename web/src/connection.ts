/**
 * One channel's WebSocket, kept open: it connects, resumes after the last `seq` that it saw, and comes back when it
 * is lost. No DOM.
 *
 * States:
 *   connecting -> online (`subscribed` came) | waiting | ended
 *   online     -> waiting (lost, draining, too slow) | connecting (a new token was needed and got) | ended
 *   waiting    -> connecting
 *   ended      (banned, channel gone, no token, or `close`): stays
 */
import type { ClientFrame } from '@hubbub/protocol/frames.js';
import { type IncomingFrame, parseFrame, placeOf } from './frames.js';
import { backoffMs, reconnectAfter } from './reconnect.js';
import { bearerProtocol } from './token.js';

export type ConnectionState =
  | { readonly kind: 'connecting'; readonly isFirst: boolean }
  | { readonly kind: 'online' }
  | { readonly kind: 'waiting'; readonly retryAtMs: number; readonly reason: string }
  | { readonly kind: 'ended'; readonly reason: string };

/** What became of an upgrade that was refused. Browsers hide the status of the refusal, so it is asked for by REST. */
export type Verdict =
  | { readonly kind: 'retry'; readonly reason: string }
  | { readonly kind: 'new-token' }
  | { readonly kind: 'ended'; readonly reason: string };

/** The part of `WebSocket` that a connection uses. */
export type SocketLike = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'readyState' | 'send' | 'close'>;

export interface ConnectionOptions {
  /** Address of the channel's WebSocket, without a query. */
  readonly url: string;
  readonly token: () => string;
  readonly openSocket: (url: string, protocols: string[]) => SocketLike;
  /** Every frame, in the order in which they came. */
  readonly onFrame: (frame: IncomingFrame) => void;
  readonly onState: (state: ConnectionState) => void;
  /** Asked when a socket closed before it was open. */
  readonly probe: () => Promise<Verdict>;
  /**
   * Makes `token` give another one. Resolves to false when there is none, and the connection ends; rejects when that
   * cannot be said now, and the connection tries again later.
   */
  readonly renewToken: () => Promise<boolean>;
  /** From 0 to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** How long an attempt may take until `subscribed` comes, in milliseconds. */
const CONNECT_TIMEOUT_MS = 15_000;
/** After this much silence the server is asked for a `pong`, and after this much more the socket counts as dead. */
const SILENCE_MS = 30_000;
const PONG_WAIT_MS = 10_000;
/** A connection that lasted this long was a good one: the next attempt starts with the shortest wait again. */
const STABLE_MS = 10_000;
/** Shortest wait after a close for flooding, in milliseconds. */
const FLOOD_WAIT_MS = 5000;
/** Two tokens refused within this time mean that another one will not help, in milliseconds. */
const TOKEN_RETRY_MS = 10_000;

const OPEN = 1;
const LOST = 'Connection lost.';

export class ChannelConnection {
  readonly #options: ConnectionOptions;
  readonly #random: () => number;
  #state: ConnectionState = { kind: 'connecting', isFirst: true };
  #socket: SocketLike | null = null;
  /** The one timer: of the attempt, of silence or of the wait, as the state says. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastSeq: number | null = null;
  #failures = 0;
  #hasOpened = false;
  #subscribedAtMs: number | null = null;
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  #drainingMs: number | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Begins the first attempt. */
  open(): void {
    this.#connect(true);
  }

  /** @returns false, and nothing is sent, unless the connection is online */
  send(frame: ClientFrame): boolean {
    if (this.#state.kind !== 'online' || this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Does not wait any longer, for instance because the network is back. Nothing happens in other states. */
  retryNow(): void {
    if (this.#state.kind === 'waiting') this.#connect(false);
  }

  /** Ends the connection for good, without a further state. May be called again. */
  close(): void {
    this.#dropSocket();
    this.#state = { kind: 'ended', reason: '' };
  }

  #connect(isFirst: boolean): void {
    this.#dropSocket();
    this.#hasOpened = false;
    this.#subscribedAtMs = null;
    this.#drainingMs = null;
    this.#setState({ kind: 'connecting', isFirst });
    const query = this.#lastSeq === null ? '' : `?last_seq=${this.#lastSeq}`;
    const protocols = ['hubbub.v1', bearerProtocol(this.#options.token())];
    const socket = this.#options.openSocket(this.#options.url + query, protocols);
    this.#socket = socket;
    socket.onopen = () => {
      this.#hasOpened = true;
    };
    socket.onmessage = (event) => this.#receive(parseFrame(event.data));
    socket.onclose = (event) => this.#closed(event.code);
    this.#setTimer(CONNECT_TIMEOUT_MS, () => this.#closed(1006));
  }

  #receive(frame: IncomingFrame | null): void {
    if (this.#state.kind === 'online') this.#watchSilence();
    if (frame === null) return;
    if (frame.type === 'draining') this.#drainingMs = frame.retry_after_ms;
    if (frame.type === 'subscribed') {
      // What follows is either everything after the last place, or a new beginning; never count from the old place
      // then. An empty channel can be resumed from its beginning.
      if (!frame.recovered) this.#lastSeq = frame.seq === 0 ? 0 : null;
      this.#subscribedAtMs = Date.now();
      this.#watchSilence();
    }
    const seq = placeOf(frame);
    if (seq !== null) this.#lastSeq = Math.max(this.#lastSeq ?? 0, seq);
    // The reader learns of `subscribed` before the state, so that what he sends from there on comes after it.
    this.#options.onFrame(frame);
    if (frame.type === 'subscribed' && this.#socket !== null) this.#setState({ kind: 'online' });
  }

  /** The socket is gone, or given up. */
  #closed(code: number): void {
    const wasRefused = !this.#hasOpened;
    const drainingMs = this.#drainingMs;
    this.#dropSocket();
    if (this.#subscribedAtMs !== null && Date.now() - this.#subscribedAtMs >= STABLE_MS) this.#failures = 0;
    if (wasRefused) {
      this.#judge();
      return;
    }
    switch (reconnectAfter(code)) {
      case 'never':
        this.#end(code);
        return;
      case 'new-token':
        this.#renew();
        return;
      case 'at-once':
        // With no wait given, a second of jitter: the others of that server come back too.
        this.#wait(drainingMs ?? this.#random() * 1000, 'The server is restarting.');
        return;
      case 'backoff':
        this.#backOff(LOST, code === 4029 ? FLOOD_WAIT_MS : 0);
    }
  }

  #end(code: number): void {
    const reason =
      code === 4004 ? 'This channel was closed or deleted.' : 'You were banned or removed from this channel.';
    this.#setState({ kind: 'ended', reason });
  }

  /** Asks why the upgrade was refused, and does what the answer says. */
  async #judge(): Promise<void> {
    const asked = this.#state;
    const verdict = await this.#options.probe().catch((): Verdict => ({ kind: 'retry', reason: LOST }));
    // Closed meanwhile, or already trying again.
    if (this.#state !== asked) return;
    if (verdict.kind === 'ended') this.#setState(verdict);
    else if (verdict.kind === 'new-token') this.#renew();
    else this.#backOff(verdict.reason, 0);
  }

  async #renew(): Promise<void> {
    this.#setState({ kind: 'connecting', isFirst: false });
    const asked = this.#state;
    const isSecond = Date.now() - this.#renewedAtMs < TOKEN_RETRY_MS;
    this.#renewedAtMs = Date.now();
    let isRenewed = false;
    try {
      isRenewed = !isSecond && (await this.#options.renewToken());
    } catch {
      if (this.#state === asked) this.#backOff(LOST, 0);
      return;
    }
    if (this.#state !== asked) return;
    if (isRenewed) this.#connect(false);
    else this.#setState({ kind: 'ended', reason: 'Your sign-in has ended.' });
  }

  #backOff(reason: string, atLeastMs: number): void {
    const waitMs = atLeastMs + backoffMs(this.#failures, this.#random());
    this.#failures += 1;
    this.#wait(waitMs, reason);
  }

  #wait(waitMs: number, reason: string): void {
    this.#setState({ kind: 'waiting', retryAtMs: Date.now() + waitMs, reason });
    this.#setTimer(waitMs, () => this.#connect(false));
  }

  /** Browsers do not show the server's pings, so a dead network is found by asking for a `pong`. */
  #watchSilence(): void {
    this.#setTimer(SILENCE_MS, () => {
      if (this.#socket?.readyState === OPEN) this.#socket.send('{"type":"ping"}');
      this.#setTimer(PONG_WAIT_MS, () => this.#closed(1006));
    });
  }

  #dropSocket(): void {
    clearTimeout(this.#timer);
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

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
