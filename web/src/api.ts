/** The REST half of the wire contract, as far as the page uses it. */
import type {
  Channel,
  ChannelList,
  CreateChannelBody,
  DevToken,
  ErrorBody,
  MessagePage,
  PresenceList,
} from '@hubbub/protocol/rest.js';

/** How long an answer is waited for, in milliseconds. */
const TIMEOUT_MS = 15_000;

/** A request that was refused, or that never got an answer. */
export class ApiError extends Error {
  /** HTTP status; 0: the server was not reached. */
  readonly status: number;
  /** Code of the server's error table; `NETWORK` if it was not reached. */
  readonly code: string;
  readonly details: NonNullable<ErrorBody['details']>;
  /** From `Retry-After`, in milliseconds; null if it was not said. */
  readonly retryAfterMs: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    details: NonNullable<ErrorBody['details']> = [],
    retryAfterMs: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What `GET /channels/:id/check-ban` answers. */
export interface BanCheck {
  readonly is_banned: boolean;
  readonly is_muted: boolean;
  readonly expires_at?: string | null;
  readonly reason?: string | null;
}

/** Whose requests these are, and how he gets another token when his is not accepted any more. */
export interface Credentials {
  /** The token to send now. */
  readonly token: () => string;
  /** Called after a 401; resolves to true when `token` gives a fresh one, and then the request is repeated once. */
  readonly renew: () => Promise<boolean>;
}

type Query = Record<string, string | number | undefined>;

/** The routes of the chat API for one user. Every method throws {@link ApiError}. */
export class Api {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** @param query text that the names must contain; empty: all channels */
  listChannels(query: string, offset: number, limit: number): Promise<ChannelList> {
    return this.#call('GET', '/channels', { q: query === '' ? undefined : query, offset, limit });
  }

  createChannel(body: CreateChannelBody): Promise<Channel> {
    return this.#call('POST', '/channels', {}, body);
  }

  getChannel(channelId: string): Promise<Channel> {
    return this.#call('GET', `/channels/${channelId}`);
  }

  /** @param beforeSeq the page ends before this place; undefined: the newest page */
  listMessages(channelId: string, beforeSeq: number | undefined, limit: number): Promise<MessagePage> {
    return this.#call('GET', `/channels/${channelId}/messages`, { before_seq: beforeSeq, limit });
  }

  deleteMessage(messageId: string): Promise<unknown> {
    return this.#call('DELETE', `/messages/${messageId}`);
  }

  listPresence(channelId: string): Promise<PresenceList> {
    return this.#call('GET', `/channels/${channelId}/presence`);
  }

  checkBan(channelId: string, userId: string): Promise<BanCheck> {
    return this.#call('GET', `/channels/${channelId}/check-ban`, { user_id: userId });
  }

  async #call<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const url = `/api/v1/chat${path}${encodeQuery(query)}`;
    const attempt = () => request<T>(method, url, body, this.#credentials.token());
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      if (!(await this.#credentials.renew())) throw error;
      return attempt();
    }
  }
}

/**
 * A token by name, which the server gives in development mode alone.
 *
 * @throws ApiError with status 404 when the server is not in development mode
 */
export function requestDevToken(username: string): Promise<DevToken> {
  return request('POST', '/api/v1/dev/token', { username });
}

function encodeQuery(query: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) params.set(key, String(value));
  return params.size === 0 ? '' : `?${params}`;
}

async function request<T>(method: string, url: string, body?: unknown, token?: string): Promise<T> {
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // A proxy in front may answer with a page of its own, which is not JSON.
    answer = await response.json().catch(() => null);
  } catch (cause) {
    throw new ApiError(0, 'NETWORK', 'The server cannot be reached', [], null, { cause });
  }
  if (response.ok) return answer as T;
  const error = answer as Partial<ErrorBody> | null;
  const retryAfterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  throw new ApiError(
    response.status,
    error?.code ?? `HTTP_${response.status}`,
    error?.error ?? `The server answered with status ${response.status}`,
    error?.details ?? [],
    Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : null,
  );
}
