/** `connect`, and the client that it gives: one connection, and the channels on it. */
import type { Channel } from './channel.js';
import { Emitter } from './emitter.js';
import type { Rest } from './rest.js';
import type { Readable } from './store.js';
import type { CallOptions, ClientEvents, ConnectionStatus, Self } from './types.js';

/** The part of `WebSocket` that is used; the class of the `ws` package has it as well. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  onerror: ((event: never) => void) | null;
  readonly readyState: number;
  send(text: string): void;
  close(code?: number): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

export interface ConnectOptions {
  /** Address of the server, `http(s)` or `ws(s)`, with the path under which it is mounted if there is one. */
  readonly url: string | URL;
  /**
   * Gives an access token (JWT). Called at the start, before the old one lapses, and when the server refuses it; `previous`
   * is the one that is to be replaced. When it throws, the client tries again later, unless it throws a
   * HubbubClientError with the code `NO_TOKEN`: then the client closes.
   */
  readonly getToken: (options: {
    readonly signal: AbortSignal;
    readonly previous: string | null;
  }) => string | Promise<string>;
  /** Default: the global `WebSocket`. In Node.js the class of the `ws` package may be given. */
  readonly WebSocket?: SocketConstructor;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /**
   * Messages that a channel's timeline keeps while new ones come. Default 1,000, at least 100. Older ones that were
   * asked for by `loadOlder` stay until `timeline.trim` is called.
   */
  readonly maxMessages?: number;
}

/**
 * Connects to a Hubbub server. Returns at once; `client.status` tells how it goes, and what is called before the
 * connection is there waits for it.
 *
 * @throws TypeError when `url` is no address, or there is no `WebSocket`
 */
export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

/** One connection for all channels. */
export class Client extends Emitter<ClientEvents> {
  /** The REST routes, with the client's token. */
  readonly rest: Rest;
  readonly status: Readable<ConnectionStatus>;
  /** Whose token the client holds; null until the first one is there. */
  readonly self: Readable<Self | null>;

  constructor(options: ConnectOptions) {
    super();
    void options;
    throw new Error('not yet');
  }

  /**
   * The channel of this id; the same object each time. It is not joined by this.
   *
   * @param id UUID in any spelling
   * @throws HubbubClientError `INVALID_CHANNEL_ID`
   */
  channel(id: string): Channel {
    void id;
    throw new Error('not yet');
  }

  /** Resolves when the client is online. @throws HubbubClientError why it closed; the signal's reason */
  ready(options: CallOptions = {}): Promise<void> {
    void options;
    throw new Error('not yet');
  }

  /** Does not wait for the next attempt; starts anew after `closed`. Nothing happens while connecting or online. */
  reconnect(): void {}

  /** Ends the connection and everything that waits, with `CLOSED`. May be called again. */
  close(): void {}
}
