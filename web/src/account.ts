/** The signed-in user's token for as long as the page is open: gets another one when it is not accepted any more. */
import { ApiError, requestDevToken } from './api.js';
import type { Session } from './session.js';

export interface AccountOptions {
  /** Asks the user for a new token; resolves to null if he would rather sign out. */
  readonly askForToken: () => Promise<string | null>;
  /** There is no way to go on: back to the sign-in. */
  readonly onSignedOut: () => void;
}

export class Account {
  readonly session: Session;
  readonly #options: AccountOptions;
  #renewal: Promise<boolean> | null = null;

  constructor(session: Session, options: AccountOptions) {
    this.session = session;
    this.#options = options;
  }

  /** Whether a token can be had without asking the user for it. */
  get renewsByItself(): boolean {
    return this.session.devName !== null;
  }

  /**
   * Gets another token; all who ask at the same time wait for the same one.
   *
   * @returns false once the user is signed out
   * @throws ApiError if the server cannot say now
   */
  renew(): Promise<boolean> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renew(): Promise<boolean> {
    const { devName } = this.session;
    const token = devName === null ? await this.#options.askForToken() : await this.#byName(devName);
    if (token !== null && this.session.replaceToken(token)) return true;
    this.#options.onSignedOut();
    return false;
  }

  async #byName(name: string): Promise<string | null> {
    try {
      return (await requestDevToken(name)).token;
    } catch (error) {
      // The server has left development mode: names do not count any more.
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }
}
