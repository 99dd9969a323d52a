/** Typed events. */

/** Ends a subscription; may be called again. */
export type Unsubscribe = () => void;

/** Functions to be called. One function can be added twice. */
export class Listeners<T> {
  readonly #listeners = new Set<(value: T) => void>();

  add(listener: (value: T) => void): Unsubscribe {
    const entry = (value: T) => listener(value);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  /** Calls all. What one throws is reported as an uncaught error, and must not stop the others or the SDK half-way. */
  call(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** @typeParam Events from the name of an event to what its listeners are given */
export class Emitter<Events extends object> {
  readonly #listeners: { [K in keyof Events]?: Listeners<Events[K]> } = {};

  /**
   * Calls `listener` at every event of this name, until the returned function is called or the signal aborts.
   * What a listener throws is reported as an uncaught error of its own, and does not keep others from being called.
   */
  on<K extends keyof Events>(
    name: K,
    listener: (event: Events[K]) => void,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Unsubscribe {
    this.#listeners[name] ??= new Listeners();
    const unsubscribe = this.#listeners[name].add(listener);
    if (signal?.aborted) unsubscribe();
    signal?.addEventListener('abort', unsubscribe);
    return unsubscribe;
  }

  protected emit<K extends keyof Events>(name: K, event: Events[K]): void {
    this.#listeners[name]?.call(event);
  }
}
