/** Who is in a channel, and who of them is typing. */
import type { PresenceFrame, TypingFrame } from '@hubbub/protocol/frames.js';
import type { PresenceList } from '@hubbub/protocol/rest.js';
import type { Unsubscribe } from './emitter.js';
import { type Readable, Store } from './store.js';
import type { OnlineSnapshot, OnlineUser, Typist } from './types.js';

/** How long someone counts as typing after his last sign, in milliseconds. */
const TYPING_SHOWN_MS = 6000;

const NOBODY: OnlineSnapshot = { count: 0, users: [], isComplete: false };

export class Roster {
  /** The list by name is asked for when somebody watches: most programs, and hidden views, do without. */
  readonly online: Readable<OnlineSnapshot>;
  readonly typists = new Store<readonly Typist[]>([]);
  readonly #online = new Store(NOBODY);
  readonly #ask: () => void;
  #watchers = 0;
  #users = new Map<string, OnlineUser>();
  /** Whether `#users` was asked for since the last join, and is kept by the frames since. */
  #isComplete = false;
  /** Until when each counts as typing, in milliseconds since the epoch. */
  readonly #typing = new Map<string, Typist & { readonly untilMs: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param ask asks for the list; its answer goes to `take` */
  constructor(ask: () => void) {
    this.#ask = ask;
    this.online = { get: this.#online.get, subscribe: (listener) => this.#watch(listener) };
  }

  /** The channel was joined. @param count distinct users online */
  joined(count: number): void {
    this.#isComplete = false;
    // Those named before stay until the list is here; without a watcher nobody would ask for it.
    if (this.#watchers === 0) this.#users.clear();
    this.#show(count);
    if (this.#watchers > 0) this.#ask();
  }

  /** The connection or the channel is away: nobody is seen typing, and who is online is as it was last known. */
  lost(): void {
    this.#isComplete = false;
    this.#typing.clear();
    this.#showTypists();
  }

  /** Takes in the whole list. @param missed frames that came since it was asked for, which it may know or not */
  take({ online, count }: PresenceList, missed: readonly PresenceFrame[]): void {
    this.#users = new Map(online.map(({ user_id, username }) => [user_id, { user_id, username }]));
    this.#isComplete = online.length === count;
    this.#show(count);
    for (const frame of missed) this.presence(frame);
  }

  presence({ user_id, username, presence_type }: PresenceFrame): void {
    const isKnown = this.#users.has(user_id);
    let { count } = this.#online.get();
    if (presence_type === 'joined') {
      if (!isKnown) count++;
      this.#users.set(user_id, { user_id, username });
    } else {
      // Without the whole list someone unknown was counted all the same.
      if (isKnown || !this.#isComplete) count--;
      this.#users.delete(user_id);
      this.stopped(user_id);
    }
    this.#show(Math.max(count, this.#users.size));
  }

  /** A large channel is only counted. */
  counted(count: number): void {
    this.#isComplete = this.#isComplete && this.#users.size === count;
    this.#show(count);
  }

  typing({ user_id, username }: TypingFrame): void {
    this.#typing.set(user_id, { user_id, username, untilMs: Date.now() + TYPING_SHOWN_MS });
    this.#showTypists();
  }

  /** His message came, or he left. */
  stopped(userId: string): void {
    if (this.#typing.delete(userId)) this.#showTypists();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #watch(listener: () => void): Unsubscribe {
    const unsubscribe = this.#online.subscribe(listener);
    if (this.#watchers++ === 0 && !this.#isComplete) this.#ask();
    let isWatching = true;
    return () => {
      if (isWatching) this.#watchers--;
      isWatching = false;
      unsubscribe();
    };
  }

  #show(count: number): void {
    const users = [...this.#users.values()].sort((a, b) => (a.username < b.username ? -1 : 1));
    this.#online.set({ count, users, isComplete: this.#isComplete });
  }

  #showTypists(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [userId, { untilMs }] of this.#typing) {
      if (untilMs <= now) this.#typing.delete(userId);
      else nextMs = Math.min(nextMs, untilMs);
    }
    if (this.#typing.size > 0) this.#timer = setTimeout(() => this.#showTypists(), nextMs - now);
    const shown = this.typists.get();
    const typists = Array.from(this.#typing.values(), ({ user_id, username }) => ({ user_id, username }));
    const isSame =
      typists.length === shown.length && typists.every(({ user_id }, at) => shown[at]?.user_id === user_id);
    if (!isSame) this.typists.set(typists);
  }
}
