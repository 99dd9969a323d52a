/** The access token that is in use, and how another one is got. */
import { HubbubClientError } from './errors.js';
import { Store } from './store.js';
import type { Self } from './types.js';
import { withSignal } from './wait.js';

export type GetToken = (options: {
  readonly signal: AbortSignal;
  /** The token that is to be replaced; null at the start. */
  readonly previous: string | null;
}) => string | Promise<string>;

export class Tokens {
  /** Whom the token names. */
  readonly self = new Store<Self | null>(null);
  readonly #getToken: GetToken;
  readonly #closing = new AbortController();
  #current: string | null = null;
  #asking: Promise<string> | null = null;

  constructor(getToken: GetToken) {
    this.#getToken = getToken;
  }

  /** @throws HubbubClientError `TOKEN_FAILED`, `NO_TOKEN`, `CLOSED`; the signal's reason */
  get(signal?: AbortSignal): Promise<string> {
    if (this.#current !== null && this.#asking === null) return Promise.resolve(this.#current);
    return withSignal(this.#ask(), signal);
  }

  /** Another token than `refused`: those who were refused together share one question. @throws as {@link get} */
  renew(refused: string, signal?: AbortSignal): Promise<string> {
    if (this.#current !== refused) return this.get(signal);
    return withSignal(this.#ask(), signal);
  }

  /** Asks no more, and rejects what waits. */
  close(reason: HubbubClientError): void {
    this.#closing.abort(reason);
  }

  #ask(): Promise<string> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #fetch(): Promise<string> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    let token: unknown;
    try {
      token = await withSignal(Promise.resolve(this.#getToken({ signal, previous: this.#current })), signal);
    } catch (cause) {
      if (cause instanceof HubbubClientError) throw cause;
      throw new HubbubClientError('TOKEN_FAILED', 'getToken failed', { cause });
    }
    if (typeof token !== 'string' || token === '') throw new HubbubClientError('NO_TOKEN', 'getToken gave no token');
    this.#current = token;
    this.self.set(selfOf(token));
    return token;
  }
}

/** Whom a token names, as the server will see him. Nothing is verified here: that is the server's work. */
function selfOf(token: string): Self | null {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Self> & { readonly sub: string };
    const id = claims.sub.toLowerCase();
    return {
      id,
      username: claims.username ?? `user-${id.slice(0, 8)}`,
      display_name: claims.display_name ?? null,
      avatar_url: claims.avatar_url ?? null,
      role: claims.role ?? 'user',
    };
  } catch {
    return null;
  }
}

/**
 * The WebSocket subprotocol that carries a token: browsers cannot set headers on an upgrade, and a token in the URL would
 * end up in logs.
 */
export function bearerProtocol(token: string): string {
  return `auth.bearer.${btoa(token).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}
