/** How far the user has read each channel on this device, for the marks in the channel list. */
import { useSyncExternalStore } from 'react';

/** Channels that are remembered, the latest read. */
const MAX_MARKS = 500;
/** Written so often at most: messages come faster. */
const SAVE_MS = 1000;

export class ReadMarks {
  readonly #key: string;
  readonly #storage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly #listeners = new Set<() => void>();
  #marks: ReadonlyMap<string, number>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(userId: string, storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#key = `hubbub.read.${userId}`;
    this.#storage = storage;
    this.#marks = this.#load();
  }

  readonly get = (): ReadonlyMap<string, number> => this.#marks;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The channel was read up to this place. */
  read(channelId: string, seq: number): void {
    if ((this.#marks.get(channelId) ?? -1) >= seq) return;
    const marks = new Map(this.#marks);
    marks.delete(channelId);
    marks.set(channelId, seq);
    const [oldest] = marks.keys();
    if (marks.size > MAX_MARKS && oldest !== undefined) marks.delete(oldest);
    this.#marks = marks;
    this.#timer ??= setTimeout(() => this.#save(), SAVE_MS);
  }

  #save(): void {
    this.#timer = undefined;
    this.#storage.setItem(this.#key, JSON.stringify([...this.#marks]));
    for (const listener of [...this.#listeners]) listener();
  }

  #load(): ReadonlyMap<string, number> {
    try {
      const saved: unknown = JSON.parse(this.#storage.getItem(this.#key) ?? '[]');
      return new Map(Array.isArray(saved) ? (saved as [string, number][]) : []);
    } catch {
      return new Map();
    }
  }
}

export function useReadMarks(marks: ReadMarks): ReadonlyMap<string, number> {
  return useSyncExternalStore(marks.subscribe, marks.get);
}
