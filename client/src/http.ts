/** One HTTP request with the client's token, and what its failure means. */
import type { DevToken, DevTokenBody, ErrorBody } from '@hubbub/protocol/rest.js';
import { HubbubClientError } from './errors.js';
import type { CallOptions } from './types.js';

/** How long an answer is waited for, in milliseconds. */
const TIMEOUT_MS = 15_000;

export interface HttpRequest extends CallOptions {
  readonly method: string;
  readonly url: string;
  readonly token?: string;
  /** Sent as JSON; undefined: no body. */
  readonly body?: unknown;
}

/**
 * @returns the answer, when it was successful
 * @throws HubbubClientError with the server's code, or `NETWORK`, `TIMEOUT`; the signal's reason
 */
export async function sendRequest(fetcher: typeof fetch, request: HttpRequest): Promise<Response> {
  const { method, url, token, body, signal } = request;
  signal?.throwIfAborted();
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetcher(url, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (cause) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new HubbubClientError('TIMEOUT', 'The server did not answer in time', { cause });
    throw new HubbubClientError('NETWORK', 'The server cannot be reached', { cause });
  }
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<HubbubClientError> {
  const { status, headers } = response;
  // A proxy in front may answer with a page of its own, which is not JSON.
  const body: Partial<ErrorBody> | null = await response.json().catch(() => null);
  // Absent, or a date, as a proxy may give it: not said.
  const retryAfterMs = Number(headers.get('retry-after')) * 1000 || null;
  return new HubbubClientError(body?.code ?? `HTTP_${status}`, body?.error ?? `The server answered with ${status}`, {
    status,
    retryAfterMs,
    details: body?.details,
  });
}

/**
 * A token by name, which the server gives in development mode alone.
 *
 * @param url base address of the server
 * @throws HubbubClientError `NOT_FOUND` when the server is not in development mode
 */
export async function requestDevToken(
  url: string | URL,
  body: DevTokenBody,
  { signal }: CallOptions = {},
): Promise<DevToken> {
  const address = `${baseUrl(url)}/api/v1/dev/token`;
  const response = await sendRequest(fetch, { method: 'POST', url: address, body, signal });
  return (await response.json()) as DevToken;
}

/**
 * @param url address of the server, `http(s)` or `ws(s)`
 * @returns the same with `http(s)`, without query and without a slash at its end
 * @throws TypeError when it is no address
 */
export function baseUrl(url: string | URL): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol.replace('ws', 'http')}//${host}${pathname.replace(/\/+$/, '')}`;
}
