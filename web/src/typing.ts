/** Typing indicators: when to say that this user types, and who else does. */

/** Shortest time between two `typing` frames, in milliseconds. */
const SAY_EVERY_MS = 3000;
/** How long a `typing` frame counts, in milliseconds: longer than the sender's interval, so that it does not flicker. */
const SHOWN_MS = 5000;
/** Most typists kept; more would be told as "several people" anyway. */
const MAX_TYPISTS = 20;

/** Decides when typing is said. */
export class TypingGate {
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @returns whether to send a `typing` frame for a key that was struck at `nowMs` */
  strike(nowMs: number): boolean {
    if (nowMs - this.#lastMs < SAY_EVERY_MS) return false;
    this.#lastMs = nowMs;
    return true;
  }

  /** The message was sent: the next key counts as the first again. */
  reset(): void {
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }
}

/** Who else is typing. */
export class Typists {
  readonly #byUser = new Map<string, { name: string; untilMs: number }>();

  /** A `typing` frame came. */
  add(userId: string, name: string, nowMs: number): void {
    if (!this.#byUser.has(userId) && this.#byUser.size >= MAX_TYPISTS) return;
    this.#byUser.set(userId, { name, untilMs: nowMs + SHOWN_MS });
  }

  /** His message came, or he left. */
  remove(userId: string): boolean {
    return this.#byUser.delete(userId);
  }

  clear(): void {
    this.#byUser.clear();
  }

  /** Names of those who type at `nowMs`; the others are forgotten. */
  names(nowMs: number): string[] {
    this.#forget(nowMs);
    return [...this.#byUser.values()].map(({ name }) => name);
  }

  /** Time until the next one stops, in milliseconds; null if nobody types. */
  nextChangeMs(nowMs: number): number | null {
    this.#forget(nowMs);
    const times = [...this.#byUser.values()].map(({ untilMs }) => untilMs);
    return times.length === 0 ? null : Math.min(...times) - nowMs;
  }

  #forget(nowMs: number): void {
    for (const [userId, { untilMs }] of this.#byUser) if (untilMs <= nowMs) this.#byUser.delete(userId);
  }
}

/** `Ada is typing`, `Ada and Bob are typing`, `Ada, Bob and 2 others are typing`; empty for nobody. */
export function typingSentence(names: readonly string[]): string {
  const [first, second] = names;
  if (first === undefined) return '';
  if (second === undefined) return `${first} is typing`;
  if (names.length === 2) return `${first} and ${second} are typing`;
  const others = names.length - 2;
  return `${first}, ${second} and ${others} ${others === 1 ? 'other' : 'others'} are typing`;
}
