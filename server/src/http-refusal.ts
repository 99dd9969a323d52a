import { STATUS_CODES } from 'node:http';

/** What an error says to browsers where no route answers, and so no plugin of the framework adds it. */
export const REFUSAL_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

interface Refusal {
  readonly status: number;
  readonly body: { readonly error: string; readonly code: string };
  readonly requestId: string;
  readonly retryAfterMs?: number | undefined;
}

/** A whole HTTP/1.1 response with the REST error shape, for a socket that no route answers. */
export function httpRefusal({ status, body, requestId, retryAfterMs }: Refusal): string {
  const text = JSON.stringify(body);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    ...Object.entries(REFUSAL_HEADERS).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Request-Id: ${requestId}`,
  ];
  if (retryAfterMs !== undefined) lines.push(`Retry-After: ${Math.ceil(retryAfterMs / 1000)}`);
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}
