import type { Connection } from './connection.js';
import { jsonFrame } from './frame.js';

const SWEEP_INTERVAL_MS = 1000;

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

  /**
   * Sends everyone away with 1001, each with another wait before he should come back.
   *
   * @param spreadMs longest wait, in milliseconds
   * @param waitMs how long the closes may take
   */
  async drain(spreadMs: number, waitMs: number): Promise<void> {
    for (const connection of this.#open) {
      const retryAfterMs = Math.floor(Math.random() * spreadMs);
      connection.push(jsonFrame({ type: 'draining', retry_after_ms: retryAfterMs }));
      connection.close('DRAINING');
    }
    const deadline = Date.now() + waitMs;
    while (this.#open.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    clearInterval(this.#timer);
  }

  #sweep(): void {
    const now = Date.now();
    for (const connection of this.#open) connection.sweep(now);
  }
}
