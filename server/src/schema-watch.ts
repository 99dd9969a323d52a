import type { Logger } from './log.js';

interface SchemaWatchOptions {
  /** Why this program must not run on the database; null: it may. */
  readonly readRefusal: () => Promise<string | null>;
  readonly log: Logger;
}

const LOOK_INTERVAL_MS = 30_000;

/**
 * Looks now and then whether a newer Hubbub has taken the schema to where this one must not run any more. It then says so and
 * is not ready, which keeps new clients away; it does not end by itself, as others may do so at the same moment.
 */
export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #refusal: string | null = null;

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Why this instance must not run any more, as of the last look; null: it may. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** Never rejects. */
  async look(): Promise<void> {
    const { readRefusal, log } = this.#options;
    try {
      const refusal = await readRefusal();
      if (refusal !== null && this.#refusal === null)
        log.error({ why: refusal }, 'This instance must not run any more');
      this.#refusal = refusal;
    } catch (error) {
      log.debug({ err: String(error) }, 'The version of the schema cannot be read right now');
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
