import { useSyncExternalStore } from 'react';
import type { Readable } from '../store.js';

/** The value now; the component is rendered again after each change. */
export function useReadable<T>({ subscribe, get }: Readable<T>): T {
  return useSyncExternalStore(subscribe, get, get);
}
