import type { EnterResult } from '../presence-store.js';

/**
 * Presence of all workers of an instance without Redis, held by the primary. The workers are to it what instances are
 * to Redis: each enters a user once and exits him once.
 */
export class SharedPresence {
  /** Channel, its users, and the workers through which each of them is online. */
  readonly #channels = new Map<string, Map<string, number[]>>();

  /** @param max distinct users that may be online; 0: no bound */
  enter(worker: number, channelId: string, userId: string, max: number): EnterResult {
    let users = this.#channels.get(channelId);
    const through = users?.get(userId);
    const size = users?.size ?? 0;
    if (through !== undefined) {
      if (!through.includes(worker)) through.push(worker);
      return { admitted: true, first: false, online: size };
    }
    if (max > 0 && size >= max) return { admitted: false, first: false, online: size };
    if (users === undefined) {
      users = new Map();
      this.#channels.set(channelId, users);
    }
    users.set(userId, [worker]);
    return { admitted: true, first: true, online: size + 1 };
  }

  /** @returns `last`: he is on no worker any more */
  exit(worker: number, channelId: string, userId: string): { last: boolean; online: number } {
    const users = this.#channels.get(channelId);
    const through = users?.get(userId);
    const at = through?.indexOf(worker) ?? -1;
    if (users === undefined || through === undefined || at < 0) return { last: false, online: users?.size ?? 0 };
    through.splice(at, 1);
    if (through.length > 0) return { last: false, online: users.size };
    users.delete(userId);
    if (users.size === 0) this.#channels.delete(channelId);
    return { last: true, online: users.size };
  }

  /** Takes a dead worker's users out. @returns those who are on no other, by channel */
  drop(worker: number): Map<string, string[]> {
    const gone = new Map<string, string[]>();
    for (const [channelId, users] of this.#channels) {
      const left = [...users.keys()].filter((userId) => this.exit(worker, channelId, userId).last);
      if (left.length > 0) gone.set(channelId, left);
    }
    return gone;
  }

  counts(channelIds: readonly string[]): Map<string, number> {
    const counts = new Map<string, number>();
    for (const channelId of channelIds) {
      const users = this.#channels.get(channelId);
      if (users !== undefined) counts.set(channelId, users.size);
    }
    return counts;
  }

  roster(channelId: string, limit: number): { userIds: string[]; count: number } {
    const users = this.#channels.get(channelId);
    return { userIds: [...(users?.keys() ?? [])].slice(0, limit), count: users?.size ?? 0 };
  }
}
