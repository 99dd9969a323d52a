import { HubbubError } from '../errors.js';
import type { EnterResult, PresenceStore } from '../presence-store.js';
import type { Siblings } from './siblings.js';

/** Presence held by the primary, for all workers of the instance. */
export class SharedPresenceStore implements PresenceStore {
  readonly #siblings: Siblings;

  constructor(siblings: Siblings) {
    this.#siblings = siblings;
  }

  async enter(channelId: string, userId: string, max: number): Promise<EnterResult> {
    try {
      return await this.#siblings.call('enter', channelId, userId, max);
    } catch (error) {
      // The primary is gone and this worker is ending, or both are overrun: whoever comes is better served elsewhere.
      throw new HubbubError('UNAVAILABLE', undefined, { cause: error, retryAfterMs: 1000 });
    }
  }

  exit(channelId: string, userId: string): Promise<{ last: boolean; online: number }> {
    return this.#siblings.call('exit', channelId, userId);
  }

  counts(channelIds: readonly string[]): Promise<Map<string, number>> {
    return this.#siblings.call('counts', channelIds);
  }

  roster(channelId: string, limit: number): Promise<{ userIds: string[]; count: number }> {
    return this.#siblings.call('roster', channelId, limit);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
