/** Where the user is, as the part of the address after `#` says it: it works under any path, and asks the server nothing. */
import { useSyncExternalStore } from 'react';

export const MODERATION_TABS = ['review', 'reports', 'restrictions', 'log'] as const;
export type ModerationTab = (typeof MODERATION_TABS)[number];

export type Route =
  | { readonly view: 'home' }
  | { readonly view: 'channel'; readonly channelId: string }
  | { readonly view: 'moderation'; readonly channelId: string; readonly tab: ModerationTab }
  | { readonly view: 'operator' };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** @param hash with its `#`; what it does not know leads home */
export function parseRoute(hash: string): Route {
  const [first, id = '', third, fourth] = hash.replace(/^#\/?/, '').split('/');
  if (first === 'operator') return { view: 'operator' };
  if (first !== 'c' || !UUID.test(id)) return { view: 'home' };
  const channelId = id.toLowerCase();
  if (third !== 'moderation') return { view: 'channel', channelId };
  const tab = MODERATION_TABS.find((each) => each === fourth) ?? 'review';
  return { view: 'moderation', channelId, tab };
}

/** For `href`. */
export function hashOf(route: Route): string {
  switch (route.view) {
    case 'home':
      return '#/';
    case 'channel':
      return `#/c/${route.channelId}`;
    case 'moderation':
      return `#/c/${route.channelId}/moderation/${route.tab}`;
    case 'operator':
      return '#/operator';
  }
}

export function navigate(route: Route): void {
  location.hash = hashOf(route);
}

export function useHash(): string {
  return useSyncExternalStore(
    (listener) => {
      addEventListener('hashchange', listener);
      return () => removeEventListener('hashchange', listener);
    },
    () => location.hash,
  );
}
