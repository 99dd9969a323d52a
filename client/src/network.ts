/** What a browser knows of its network and of its page. In Node.js there is nothing of this, and nothing happens. */
import type { Unsubscribe } from './emitter.js';

/** Whether there is surely no network. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}

/**
 * Calls `onChange` when the network comes or goes, and when the page is looked at again: timers stand still while a
 * machine sleeps, and a connection may have died meanwhile.
 */
export function watchNetwork(onChange: () => void): Unsubscribe {
  const listening = new AbortController();
  const { signal } = listening;
  // Typed as always there; they are not in Node.js.
  const page: Document | undefined = globalThis.document;
  globalThis.addEventListener?.('online', onChange, { signal });
  globalThis.addEventListener?.('offline', onChange, { signal });
  page?.addEventListener(
    'visibilitychange',
    () => {
      if (page.visibilityState === 'visible') onChange();
    },
    { signal },
  );
  return () => listening.abort();
}
