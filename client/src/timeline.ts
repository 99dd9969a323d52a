/** The messages of one channel in their order, each once, however they came: live, by resume or by REST. */

import type { Unsubscribe } from './emitter.js';
import type { Readable } from './store.js';
import type { CallOptions, TimelineSnapshot } from './types.js';

export class Timeline implements Readable<TimelineSnapshot> {
  readonly get = (): TimelineSnapshot => {
    throw new Error('not yet');
  };

  /** Calls `listener` after changes: at once after the first, then at most every 16 ms. */
  readonly subscribe = (listener: () => void): Unsubscribe => {
    void listener;
    throw new Error('not yet');
  };

  /**
   * Reads one page before the first message here. Calls while one is under way share it.
   *
   * @param limit messages, 1 to 100; default 50
   * @returns how many messages were added; 0 when there are no older ones
   */
  loadOlder(options: CallOptions & { readonly limit?: number | undefined } = {}): Promise<number> {
    void options;
    throw new Error('not yet');
  }

  /** Tries again to read back what `gap` lacks. Nothing happens without a gap or while it is being read. */
  fillGap(): void {}

  /** Drops the oldest messages past `maxMessages`, for instance when the reader is back at the newest. */
  trim(): void {}
}
