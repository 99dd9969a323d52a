import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from './connection.js';
import type { Identity } from './identity.js';

const SWEEP_INTERVAL_MS = 1000;
const MIN_CLOSE_INTERVAL_MS = 1;
/** Longest wait that a client is asked for before it comes back. */
const MAX_RETURN_WAIT_MS = 1000;
/** How long clients may take to answer their closes. */
const LAST_CLOSES_MS = 3000;

/** All open connections of this instance, and the one timer that serves them. */
export class Connections {
  readonly #open = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#timer.unref();
  }

  get size(): number {
    return this.#open.size;
  }

  add(connection: Connection): void {
    this.#open.add(connection);
  }

  remove(connection: Connection): void {
    this.#open.delete(connection);
  }

  /** Closes the connections whose token counts for nothing any more. */
  closeInvalid(isValid: (identity: Identity) => boolean): void {
    for (const connection of [...this.#open]) if (!isValid(connection.identity)) connection.close('TOKEN_EXPIRED');
  }

  /**
   * Sends everyone away with 1001, spread over time, so that they do not return all at once. Who waits for his turn is
   * served as before.
   *
   * @param windowMs longest time for the closes; a few connections take far less
   */
  async sendAway(windowMs: number): Promise<void> {
    const leaving = [...this.#open];
    const spreadMs = Math.min(windowMs, leaving.length * MIN_CLOSE_INTERVAL_MS);
    const startedAtMs = Date.now();
    for (const [index, connection] of leaving.entries()) {
      const waitMs = startedAtMs + (spreadMs * index) / leaving.length - Date.now();
      if (waitMs > 1) await delay(waitMs);
      const retryAfterMs = Math.floor(Math.random() * MAX_RETURN_WAIT_MS);
      connection.send({ type: 'draining', retry_after_ms: retryAfterMs });
      connection.close('DRAINING');
    }
  }

  /** Sends everyone away as {@link sendAway} does, for good: settles when they have gone, or will not. */
  async drain(windowMs: number): Promise<void> {
    await this.sendAway(windowMs);
    const deadline = Date.now() + LAST_CLOSES_MS;
    while (this.#open.size > 0 && Date.now() < deadline) await delay(20);
    clearInterval(this.#timer);
  }

  /** Ends the sockets that are left, without a word. */
  terminateAll(): void {
    for (const connection of this.#open) connection.terminate();
  }

  #sweep(): void {
    const now = Date.now();
    for (const connection of this.#open) connection.sweep(now);
  }
}
