import type { Span } from './calm.js';
import { clockMs } from './events.js';

const TICK_MS = 100;
/** A tick that comes so much late means that the machine has no time for anyone. */
const STALL_MS = 400;

/** Notices when the machine is too busy for lateness to say anything about the server. */
export class StallWatch {
  readonly stalls: Span[] = [];
  readonly #timer: NodeJS.Timeout;
  #lastMs = clockMs();

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = clockMs();
    if (nowMs - this.#lastMs > TICK_MS + STALL_MS) this.stalls.push({ fromMs: this.#lastMs, toMs: nowMs });
    this.#lastMs = nowMs;
  }
}
