/** Who is signed in, in this tab only: two tabs can be two people. */
import type { SiteRole } from '@hubbub/protocol/rest.js';

/** Where tokens come from. */
export type Session =
  /** Development mode: for the asking, by name. */
  | { readonly kind: 'name'; readonly token: string; readonly name: string; readonly role: SiteRole }
  /** From the page that this one is part of. */
  | { readonly kind: 'host'; readonly token: string }
  /** Pasted by the user, who is asked for the next one as well. */
  | { readonly kind: 'pasted'; readonly token: string };

/** The part of `Storage` that a session uses. */
export type SessionStore = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const KEY = 'hubbub.session';

/** The session that this tab had before it was loaded again, or null. */
export function restoreSession(store: SessionStore): Session | null {
  try {
    const saved: unknown = JSON.parse(store.getItem(KEY) ?? 'null');
    return isSession(saved) ? saved : null;
  } catch {
    return null;
  }
}

export function saveSession(store: SessionStore, session: Session): void {
  store.setItem(KEY, JSON.stringify(session));
}

export function forgetSession(store: SessionStore): void {
  store.removeItem(KEY);
}

function isSession(value: unknown): value is Session {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('token' in value)) return false;
  if (typeof value.token !== 'string') return false;
  if (value.kind === 'name') return 'name' in value && typeof value.name === 'string' && 'role' in value;
  return value.kind === 'host' || value.kind === 'pasted';
}
