/** Random numbers from a seed: the same seed gives the same numbers, on any machine. */
export class Random {
  #state: number;

  /** @param seed any whole number; its lower 32 bits count */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 to below 1. (mulberry32, by Tommy Ettinger, public domain.) */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Waits between events that come independently of each other, `mean` on average; never over four times that. */
  wait(mean: number): number {
    return Math.min(-Math.log(1 - this.next()) * mean, 4 * mean);
  }

  /** @throws when there is nothing to pick from */
  pick<T>(from: readonly T[]): T {
    const index = this.int(0, from.length - 1);
    if (index < 0 || index >= from.length) throw new Error('There is nothing to pick from');
    return from[index] as T;
  }

  /** One of the keys, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries<number>(weights) as [K, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return this.pick(entries)[0];
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.int(0, last);
      const moved = shuffled[last] as T;
      shuffled[last] = shuffled[other] as T;
      shuffled[other] = moved;
    }
    return shuffled;
  }

  /** Numbers of their own for a part of the whole, so that the parts do not disturb each other. */
  fork(part: number): Random {
    return new Random(Math.imul(this.#state ^ Math.imul(part + 1, 0x9e3779b1), 0x85ebca6b));
  }
}
