import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { Logger } from './log.js';
import type { SiteRestrictions } from './store/site.js';

interface RevocationsOptions {
  readonly read: () => Promise<SiteRestrictions>;
  readonly readVersion: () => Promise<number>;
  readonly log: Logger;
  /** Called after a change: open connections have to be looked at. */
  readonly onChanged: () => void;
  /** Users were erased since the last look: what is remembered of them is out of date. Called before `onChanged`. */
  readonly onErased: (userIds: readonly string[]) => void;
}

const POLL_MS = 1000;

/**
 * Suspended users, revoked tokens, and who was erased. Every instance holds all that is in force and looks for changes once a second, so
 * that a change holds everywhere then even without Redis; with Redis it is told at once.
 */
export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #timer: NodeJS.Timeout;
  #current: SiteRestrictions = {
    version: -1,
    suspended: new Map(),
    validAfter: new Map(),
    erased: new Map(),
    revoked: new Set(),
  };
  #reading: Promise<void> = Promise.resolve();

  private constructor(options: RevocationsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
    this.#timer.unref();
  }

  /** @throws StorageUnavailable */
  static async open(options: RevocationsOptions): Promise<Revocations> {
    const revocations = new Revocations(options);
    revocations.#current = await options.read();
    return revocations;
  }

  /** @throws HubbubError `UNAUTHORIZED` for a revoked token, `FORBIDDEN` for a suspended user */
  assertValid(identity: Identity): void {
    const { suspended, validAfter, revoked } = this.#current;
    if (identity.tokenId !== null && revoked.has(identity.tokenId)) {
      throw new HubbubError('UNAUTHORIZED', 'The access token has been revoked');
    }
    const after = validAfter.get(identity.userId);
    if (after !== undefined && (identity.issuedAtMs ?? 0) < after) {
      throw new HubbubError('UNAUTHORIZED', 'The access token has been revoked');
    }
    const until = suspended.get(identity.userId);
    if (until !== undefined && until > Date.now()) throw new HubbubError('FORBIDDEN', 'Your account is suspended');
  }

  /** Whether the identity is still good: {@link assertValid} without the reason. */
  isValid(identity: Identity): boolean {
    try {
      this.assertValid(identity);
      return true;
    } catch {
      return false;
    }
  }

  /** Reads again: something has changed. Settles when it holds here. */
  refresh(): Promise<void> {
    // A read that is under way may have begun before the change.
    const reading = this.#reading.catch(() => {}).then(() => this.#read());
    this.#reading = reading;
    return reading;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    try {
      if ((await this.#options.readVersion()) !== this.#current.version) await this.refresh();
    } catch (error) {
      this.#options.log.debug({ err: String(error) }, 'Revocations cannot be read right now');
    }
  }

  async #read(): Promise<void> {
    const before = this.#current;
    this.#current = await this.#options.read();
    const erased = [...this.#current.erased].filter(([userId, atMs]) => before.erased.get(userId) !== atMs);
    if (erased.length > 0) this.#options.onErased(erased.map(([userId]) => userId));
    this.#options.onChanged();
  }
}
