/** REST calls of tests. Every answer below /api/ is held against the API description of the server that gave it. */
import { OpenApiCheck } from './openapi-check.js';
import { parseBody } from './upgrade.js';

const TIMEOUT_MS = 30_000;

export interface ApiOptions {
  /** Request headers beside, or in place of, those that are sent anyway. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Status that must come; any other one throws, with the body. Absent: every status is returned. */
  readonly expect?: number;
}

export interface ApiResponse<T> {
  readonly status: number;
  /** Parsed when it is JSON, else the text; undefined when there is none. Its type is what the caller says. */
  readonly body: T;
  readonly headers: Headers;
}

/** Calls on one instance as one user; each settles when the answer is complete and checked. */
export interface Api {
  get<T = unknown>(path: string, options?: ApiOptions): Promise<ApiResponse<T>>;
  post<T = unknown>(path: string, body?: unknown, options?: ApiOptions): Promise<ApiResponse<T>>;
  patch<T = unknown>(path: string, body?: unknown, options?: ApiOptions): Promise<ApiResponse<T>>;
  put<T = unknown>(path: string, body?: unknown, options?: ApiOptions): Promise<ApiResponse<T>>;
  /** Some deletions take a body. */
  delete<T = unknown>(path: string, options?: ApiOptions & { readonly body?: unknown }): Promise<ApiResponse<T>>;
}

/**
 * @param baseUrl URL of an instance; paths of the calls are whole, from `/` on
 * @param token sent as bearer; absent: none is sent
 * @returns calls whose bodies go out as JSON; a string or bytes go out as they stand, still said to be JSON, unless the
 *   headers say otherwise. They throw when no answer comes within 30 s, or when one is not as documented
 */
export function api(baseUrl: string, token?: string): Api {
  let check: Promise<OpenApiCheck> | null = null;

  async function call<T>(
    method: string,
    path: string,
    body: unknown,
    options: ApiOptions = {},
  ): Promise<ApiResponse<T>> {
    const url = new URL(path, baseUrl);
    const response = await fetch(url, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: encodeBody(body) }),
    });
    const contentType = response.headers.get('content-type');
    const parsed = parseBody(await response.text(), contentType);
    const { status, headers } = response;
    if (url.pathname.startsWith('/api/')) {
      check ??= OpenApiCheck.of(baseUrl);
      (await check).check({ method, path: url.pathname, status, contentType, body: parsed });
    }
    if (options.expect !== undefined && status !== options.expect) {
      throw new Error(`${method} ${path} answered ${status}, not ${options.expect}: ${JSON.stringify(parsed)}`);
    }
    return { status, body: parsed as T, headers };
  }

  return {
    get: (path, options) => call('GET', path, undefined, options),
    post: (path, body, options) => call('POST', path, body, options),
    patch: (path, body, options) => call('PATCH', path, body, options),
    put: (path, body, options) => call('PUT', path, body, options),
    delete: (path, options) => call('DELETE', path, options?.body, options),
  };
}

function encodeBody(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}
