/** Who is online in one channel: a snapshot over REST, kept up to date by frames. */
import type { PresenceFrame } from '@hubbub/protocol/frames.js';
import type { PresenceList } from '@hubbub/protocol/rest.js';

export interface Person {
  readonly userId: string;
  readonly name: string;
}

export class Presence {
  readonly #people = new Map<string, string>();
  /** Frames that came while a snapshot was on its way: they may be newer than it. null: none is on its way. */
  #early: PresenceFrame[] | null = null;
  #count = 0;

  /** How many are online; in a large channel more than {@link Presence.people} names. */
  get count(): number {
    return this.#count;
  }

  /** A snapshot was asked for. */
  expect(): void {
    this.#early = [];
  }

  /** The snapshot that was asked for; null if it could not be had. */
  take(list: PresenceList | null): void {
    const early = this.#early ?? [];
    this.#early = null;
    if (list !== null) {
      this.#people.clear();
      for (const entry of list.online) if (entry.status !== 'offline') this.#people.set(entry.user_id, entry.username);
      this.#count = Math.max(list.count, this.#people.size);
    }
    for (const frame of early) this.apply(frame);
  }

  /** A user came or went. */
  apply(frame: PresenceFrame): void {
    if (this.#early !== null) {
      this.#early.push(frame);
      return;
    }
    const before = this.#people.size;
    if (frame.presence_type === 'joined') this.#people.set(frame.user_id, frame.username);
    else this.#people.delete(frame.user_id);
    this.#count = Math.max(this.#people.size, this.#count + this.#people.size - before);
  }

  /** The server said how many there are. */
  setCount(count: number): void {
    this.#count = count;
  }

  /** Those known by name: the user himself first, then by name. */
  people(selfId: string): Person[] {
    const people = [...this.#people].map(([userId, name]) => ({ userId, name }));
    return people.sort((a, b) => {
      if (a.userId === selfId || b.userId === selfId) return a.userId === selfId ? -1 : 1;
      return a.name.localeCompare(b.name) || (a.userId < b.userId ? -1 : 1);
    });
  }
}
