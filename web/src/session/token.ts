/** Reads tokens as far as a form must: whether they are some, and whose. The server alone verifies them. */

/** A pasted token without what is pasted along with it; null when it cannot be one. */
export function cleanToken(pasted: string): string | null {
  const token = pasted
    .trim()
    .replace(/^Bearer\s+/i, '')
    .replace(/\s+/g, '');
  return subjectOf(token) === null ? null : token;
}

/** The user id that a token is for; null when it cannot be read. */
export function subjectOf(token: string): string | null {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const payload = (parts[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const claims: unknown = JSON.parse(atob(payload));
    if (typeof claims !== 'object' || claims === null || !('sub' in claims)) return null;
    return typeof claims.sub === 'string' ? claims.sub.toLowerCase() : null;
  } catch {
    return null;
  }
}
