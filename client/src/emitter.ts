/** Typed events. */

/** Ends a subscription; may be called again. */
export type Unsubscribe = () => void;

/** @typeParam Events from the name of an event to what its listeners are given */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /**
   * Calls `listener` at every event of this name, until the returned function is called or the signal aborts.
   * What a listener throws is reported as an uncaught error of its own, and does not keep others from being called.
   */
  on<K extends keyof Events>(
    name: K,
    listener: (event: Events[K]) => void,
    options: { readonly signal?: AbortSignal } = {},
  ): Unsubscribe {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // A wrapper, so that one function can be subscribed twice.
    const entry = (event: Events[K]) => listener(event);
    if (!options.signal?.aborted) listeners.add(entry);
    const unsubscribe = () => {
      listeners.delete(entry);
    };
    options.signal?.addEventListener('abort', unsubscribe, { once: true });
    return unsubscribe;
  }

  protected emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) guarded(() => listener(event as never));
  }
}

/** Calls an application's function; what it throws must not stop the SDK half-way. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
