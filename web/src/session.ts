/** Who is signed in, in this tab only: two tabs can be two people. */
import { type Identity, readIdentity } from './token.js';

const KEY = 'hubbub.session';

/** The part of `Storage` that a session uses. */
export type SessionStore = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** A signed-in user and his token; it changes only by {@link Session.replaceToken}. */
export class Session {
  readonly #store: SessionStore;
  /** Name that was signed in with in development mode, which gets a new token at any time; null: a pasted token. */
  readonly devName: string | null;
  #token: string;
  #identity: Identity;

  private constructor(store: SessionStore, token: string, identity: Identity, devName: string | null) {
    this.#store = store;
    this.#token = token;
    this.#identity = identity;
    this.devName = devName;
  }

  /**
   * Begins a session and remembers it in `store`.
   *
   * @returns null if the token cannot be read
   */
  static begin(store: SessionStore, token: string, devName: string | null): Session | null {
    const identity = readIdentity(token);
    if (identity === null) return null;
    const session = new Session(store, token, identity, devName);
    session.#save();
    return session;
  }

  /** The session that this tab had before it was reloaded, or null. */
  static restore(store: SessionStore): Session | null {
    try {
      const saved = JSON.parse(store.getItem(KEY) ?? 'null') as { token?: unknown; devName?: unknown } | null;
      if (typeof saved?.token !== 'string') return null;
      return Session.begin(store, saved.token, typeof saved.devName === 'string' ? saved.devName : null);
    } catch {
      return null;
    }
  }

  get token(): string {
    return this.#token;
  }

  get userId(): string {
    return this.#identity.userId;
  }

  get name(): string {
    return this.#identity.name;
  }

  /**
   * Takes a fresh token of the same user.
   *
   * @returns false, and nothing is changed, if the token cannot be read or names another user
   */
  replaceToken(token: string): boolean {
    const identity = readIdentity(token);
    if (identity === null || identity.userId !== this.#identity.userId) return false;
    this.#token = token;
    this.#identity = identity;
    this.#save();
    return true;
  }

  /** Forgets the session in its store. */
  end(): void {
    this.#store.removeItem(KEY);
  }

  #save(): void {
    this.#store.setItem(KEY, JSON.stringify({ token: this.#token, devName: this.devName }));
  }
}
