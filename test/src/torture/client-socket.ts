import { WebSocket } from 'ws';
import type { ClientEvent } from './events.js';
import { clockMs } from './events.js';
import type { Random } from './random.js';

/** An event without what its client adds to each: when it was, and whose it is. */
export type OwnEvent = DistributiveOmit<ClientEvent, 't' | 'c'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

interface ClientSocketOptions {
  /** Base URLs of the instances; each connection goes to one of them. */
  readonly urls: readonly string[];
  readonly token: string;
  readonly random: Random;
  readonly log: (event: OwnEvent) => void;
  /** Path and query of the next connection. */
  readonly target: () => string;
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** The connection is gone, or was never had; the next one follows by itself. */
  readonly onGone: (code: number) => void;
}

const HANDSHAKE_TIMEOUT_MS = 6000;
/** How long the answer to a close is waited for: a halted instance gives none. */
const CLOSE_TIMEOUT_MS = 1500;
const PING_INTERVAL_MS = 4000;
/** Silence after which a connection counts as dead; an instance may stand still for five seconds. */
const SILENCE_LIMIT_MS = 9000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2000;

/** A client's connection, one after the other: it comes back by itself to a random instance until it is ended. */
export class ClientSocket {
  readonly #options: ClientSocketOptions;
  #socket: WebSocket | null = null;
  #conn = 0;
  #heardAtMs = 0;
  #failures = 0;
  #backInMs: number | null = null;
  /** The connection is ended by this client's own will. */
  #dropping = false;
  #timer: NodeJS.Timeout | null = null;
  #ping: NodeJS.Timeout | null = null;
  #frozen = false;
  #ended = false;

  constructor(options: ClientSocketOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Number of the connection that is open, or was last. */
  get conn(): number {
    return this.#conn;
  }

  /** Connects now, instead of after a wait; does nothing where there is a connection. */
  connect(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#ended || this.#socket !== null) return;
    const { urls, token, random, log, target } = this.#options;
    const i = random.int(0, urls.length - 1);
    const conn = ++this.#conn;
    const socket = new WebSocket(`${urls[i]}`.replace(/^http/, 'ws') + target(), {
      headers: { Authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      const refused = () => {
        const code = /"code":"(\w+)"/.exec(body)?.[1] ?? '';
        if (this.#socket === socket) log({ k: 'refused', i, status: response.statusCode ?? 0, code });
        socket.terminate();
      };
      response.once('end', refused).once('error', refused);
    });
    let opened = false;
    socket.on('open', () => {
      opened = true;
      this.#heardAtMs = clockMs();
      log({ k: 'open', conn, i });
      this.#ping = setInterval(() => this.#keepAlive(), PING_INTERVAL_MS);
      this.#options.onOpen();
    });
    socket.on('message', (data) => {
      this.#heardAtMs = clockMs();
      this.#options.onText(String(data));
    });
    socket.on('close', (code, reason) => {
      if (opened) log({ k: 'close', conn, code, why: String(reason), own: this.#dropping });
      this.#onGone(code);
    });
  }

  send(frame: object): void {
    if (this.isOpen) this.#socket?.send(JSON.stringify(frame));
  }

  /** The connection works: the next wait is a short one again. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** The server has said when to come back. */
  comeBackIn(waitMs: number): void {
    this.#backInMs = waitMs;
  }

  /** Ends the connection. @param backInMs when to come back */
  drop(backInMs: number, gracefully: boolean): void {
    this.#backInMs = backInMs;
    this.#dropping = true;
    const socket = this.#socket;
    if (gracefully) {
      socket?.close();
      setTimeout(() => socket?.terminate(), CLOSE_TIMEOUT_MS);
    } else socket?.terminate();
  }

  freeze(): void {
    if (!this.isOpen || this.#frozen) return;
    this.#frozen = true;
    this.#options.log({ k: 'freeze', conn: this.#conn });
    this.#socket?.pause();
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#heardAtMs = clockMs();
    this.#options.log({ k: 'thaw', conn: this.#conn });
    if (this.isOpen) this.#socket?.resume();
  }

  /** Ends it for good. */
  end(): void {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #onGone(code: number): void {
    this.thaw();
    this.#socket = null;
    this.#dropping = false;
    if (this.#ping !== null) clearInterval(this.#ping);
    this.#ping = null;
    this.#options.onGone(code);
    const fullMs = Math.min(MIN_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS);
    const waitMs = this.#backInMs ?? fullMs * (0.5 + this.#options.random.next() / 2);
    this.#failures++;
    this.#backInMs = null;
    if (!this.#ended) this.#timer = setTimeout(() => this.connect(), waitMs);
  }

  #keepAlive(): void {
    if (this.#frozen) return;
    if (clockMs() - this.#heardAtMs > SILENCE_LIMIT_MS) this.#socket?.terminate();
    else this.send({ type: 'ping' });
  }
}
