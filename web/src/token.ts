/** What the page needs to know of an access token. Nothing is verified here: that is the server's work. */

/** Whom a token names, for showing on the page. */
export interface Identity {
  readonly userId: string;
  /** Display name, else user name, else `user-` and the id's first eight characters, as the server calls him. */
  readonly name: string;
  /** When the token ends, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Takes what somebody pasted and finds the token in it: white space and a leading `Bearer` are left out.
 *
 * @returns the token, or null if this is not the form of a JWT
 */
export function cleanToken(text: string): string | null {
  const token = text.replace(/^\s*bearer\s+/i, '').replace(/\s+/g, '');
  return JWT.test(token) ? token : null;
}

/**
 * @param token a JWT
 * @returns whom it names, or null if it cannot be read or has no `sub` or `exp`
 */
export function readIdentity(token: string): Identity | null {
  const payload = token.split('.')[1];
  if (payload === undefined) return null;
  let claims: unknown;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    claims = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
  if (typeof claims !== 'object' || claims === null) return null;
  const { sub, exp, username, display_name } = claims as Record<string, unknown>;
  if (typeof sub !== 'string' || typeof exp !== 'number') return null;
  const name = [display_name, username].find((value) => typeof value === 'string' && value !== '');
  return {
    userId: sub.toLowerCase(),
    name: (name as string | undefined) ?? `user-${sub.slice(0, 8)}`,
    expiresAtMs: exp * 1000,
  };
}

/**
 * The WebSocket subprotocol that carries a token. Browsers cannot set headers on an upgrade, and a token in the URL
 * would end up in logs.
 *
 * @param token a JWT (ASCII)
 */
export function bearerProtocol(token: string): string {
  return `auth.bearer.${btoa(token).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}
