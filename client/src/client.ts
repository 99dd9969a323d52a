/** `connect`, and the client that it gives: one connection, and the channels on it. */
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import { Channel } from './channel.js';
import { Connection, type SocketConstructor } from './connection.js';
import { Emitter } from './emitter.js';
import { errorOf, HubbubClientError } from './errors.js';
import { type AnyFrame, known } from './frames.js';
import { baseUrl, sendRequest } from './http.js';
import { Rest, type Send } from './rest.js';
import type { Readable } from './store.js';
import { type GetToken, Tokens } from './tokens.js';
import type { CallOptions, ClientEvents, ConnectionStatus, Self } from './types.js';
import { withSignal } from './wait.js';

export interface ConnectOptions {
  /** Address of the server, `http(s)` or `ws(s)`, with the path under which it is mounted if there is one. */
  readonly url: string | URL;
  /**
   * Gives an access token (JWT). Called at the start, before the old one lapses, and when the server refuses it; `previous`
   * is the one that is to be replaced. When it throws, the client tries again later, unless it throws a
   * HubbubClientError with the code `NO_TOKEN`: then the client closes.
   */
  readonly getToken: GetToken;
  /** Default: the global `WebSocket`. In Node.js the class of the `ws` package may be given. */
  readonly WebSocket?: SocketConstructor | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /**
   * Messages that a channel's timeline keeps while new ones come. Default 1,000. Older ones that were asked for by
   * `loadOlder` stay until `timeline.trim` is called.
   */
  readonly maxMessages?: number | undefined;
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

  readonly #tokens: Tokens;
  readonly #connection: Connection;
  readonly #channels = new Map<string, Channel>();
  readonly #maxMessages: number;

  /** @internal */
  constructor(options: ConnectOptions) {
    super();
    const base = baseUrl(options.url);
    const socketClass: SocketConstructor | undefined = options.WebSocket ?? globalThis.WebSocket;
    if (socketClass === undefined) throw new TypeError('There is no WebSocket: pass one');
    this.#maxMessages = options.maxMessages ?? 1000;
    this.#tokens = new Tokens(options.getToken);
    this.self = this.#tokens.self;
    this.rest = new Rest(authorized(base, options.fetch ?? globalThis.fetch.bind(globalThis), this.#tokens));
    this.#connection = new Connection({
      url: `${base.replace(/^http/, 'ws')}/ws/chat`,
      WebSocket: socketClass,
      tokens: this.#tokens,
      probe: () => this.rest.listChannels({ limit: 1 }),
      onFrame: (frame) => this.#receive(frame),
    });
    this.status = this.#connection.status;
    this.status.subscribe(() => this.#statusChanged());
    this.#connection.reconnect();
  }

  /**
   * The channel of this id; the same object each time. It is not joined by this.
   *
   * @param id UUID in any spelling
   * @throws HubbubClientError `INVALID_CHANNEL_ID`
   */
  channel(id: string): Channel {
    const canonical = canonicalUuid(id);
    if (canonical === null) throw new HubbubClientError('INVALID_CHANNEL_ID', `Not a channel ID: ${id}`);
    let channel = this.#channels.get(canonical);
    if (channel === undefined) {
      const { rest } = this;
      channel = new Channel({ id: canonical, rest, line: this.#connection, maxMessages: this.#maxMessages });
      this.#channels.set(canonical, channel);
    }
    return channel;
  }

  /** Resolves when the client is online. @throws HubbubClientError why it closed; the signal's reason */
  ready({ signal }: CallOptions = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      const status = this.status.get();
      if (status.state === 'online') resolve();
      if (status.state === 'closed') reject(status.error ?? closed());
    };
    const unsubscribe = this.status.subscribe(look);
    look();
    return withSignal(promise, signal).finally(unsubscribe);
  }

  /** Does not wait for the next attempt; starts anew after `closed`. Nothing happens while connecting or online. */
  reconnect(): void {
    this.#connection.reconnect();
  }

  /** Ends the connection and everything that waits, with `CLOSED`, for good. May be called again. */
  close(): void {
    this.#tokens.close(closed());
    this.#connection.close();
    for (const channel of this.#channels.values()) channel.close(closed());
  }

  #statusChanged(): void {
    const status = this.status.get();
    for (const channel of this.#channels.values()) {
      if (status.state === 'online') channel.connected();
      else channel.disconnected();
    }
    this.emit('status', status);
  }

  #receive(anyFrame: AnyFrame): void {
    this.emit('frame', anyFrame);
    const { channel_id: channelId } = anyFrame;
    if (typeof channelId === 'string') this.#channels.get(channelId)?.receive(anyFrame);
    const frame = known(anyFrame);
    if (frame.type === 'error' && frame.channel_id === null) this.emit('error', errorOf(frame));
  }
}

/** Requests with the client's token; one that is refused is replaced once. */
function authorized(base: string, fetcher: typeof fetch, tokens: Tokens): Send {
  return async (method, path, { query = {}, body, signal }) => {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    const url = `${base}/api/v1/chat${path}${parameters.size === 0 ? '' : `?${parameters}`}`;
    const attempt = (token: string) => sendRequest(fetcher, { method, url, token, body, signal });
    const token = await tokens.get(signal);
    return attempt(token).catch(async (error: unknown) => {
      if (!(error instanceof HubbubClientError) || error.status !== 401) throw error;
      return attempt(await tokens.renew(token, signal));
    });
  };
}

function closed(): HubbubClientError {
  return new HubbubClientError('CLOSED', 'The client was closed');
}
