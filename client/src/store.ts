/** A value that changes, as views want it. */
import { Listeners, type Unsubscribe } from './emitter.js';

/**
 * A value that can be read at any time and watched. A value is never changed in place: the same object means that
 * nothing has changed (what `useSyncExternalStore` asks for). Both methods may be passed on without their object.
 */
export interface Readable<T> {
  readonly get: () => T;
  /** Calls `listener` after each change. */
  readonly subscribe: (listener: () => void) => Unsubscribe;
}

export class Store<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Listeners<void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): Unsubscribe => this.#listeners.add(listener);

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    this.#listeners.call();
  }
}
