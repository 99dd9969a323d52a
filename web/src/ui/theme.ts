/** Light or dark: as the system has it, unless the user has chosen. */
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'hubbub.theme';
const listeners = new Set<() => void>();

/** The choice that was made; in a browser that keeps nothing, the system's. */
export function themeOf(storage: Pick<Storage, 'getItem'>): Theme {
  const saved = storage.getItem(KEY);
  return saved === 'light' || saved === 'dark' ? saved : 'system';
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme();
  for (const listener of [...listeners]) listener();
}

/** Puts the choice on the page. */
export function applyTheme(): void {
  const theme = themeOf(localStorage);
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => themeOf(localStorage),
  );
}
