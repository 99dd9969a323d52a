import type { IncomingHttpHeaders } from 'node:http';
import { parseCookie } from 'cookie';
import { HubbubError } from './errors.js';

/** The token of a request, and where it stood: a cookie is sent by browsers unasked, so it needs an allowed Origin. */
export interface Credentials {
  readonly token: string;
  readonly carrier: 'header' | 'subprotocol' | 'cookie';
}

/** The subprotocol whose version of the wire contract the server speaks. */
export const SUBPROTOCOL = 'hubbub.v1';
const TOKEN_SUBPROTOCOL = /^auth\.bearer\.([A-Za-z0-9+/_-]+={0,2})$/;
const COOKIE = 'access_token';

/**
 * The token of a request: bearer header, else (WebSocket upgrades) subprotocol, else cookie. Never from the URL, which
 * ends up in logs.
 *
 * @throws HubbubError `UNAUTHORIZED` when there is none
 */
export function readCredentials(headers: IncomingHttpHeaders, subprotocols: readonly string[] = []): Credentials {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return { token: bearer, carrier: 'header' };
  for (const subprotocol of subprotocols) {
    const encoded = TOKEN_SUBPROTOCOL.exec(subprotocol)?.[1];
    // Node's base64 decoder takes both alphabets, padded or not.
    if (encoded !== undefined)
      return { token: Buffer.from(encoded, 'base64').toString('latin1'), carrier: 'subprotocol' };
  }
  const cookie = headers.cookie === undefined ? undefined : parseCookie(headers.cookie)[COOKIE];
  if (cookie !== undefined && cookie !== '') return { token: cookie, carrier: 'cookie' };
  throw new HubbubError('UNAUTHORIZED', 'An access token is required: send Authorization: Bearer <token>');
}

/**
 * The subprotocol to answer with: the version if it was offered, else the token's, which a client that offers it alone
 * expects to see again; null: none.
 */
export function selectSubprotocol(offered: readonly string[]): string | null {
  if (offered.includes(SUBPROTOCOL)) return SUBPROTOCOL;
  return offered.find((subprotocol) => TOKEN_SUBPROTOCOL.test(subprotocol)) ?? null;
}
