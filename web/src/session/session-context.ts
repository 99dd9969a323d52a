import type { Client, Moderation, Self } from '@hubbub/client';
import { createContext, useContext } from 'react';

/** What nearly every part needs. */
export interface ActiveSession {
  readonly client: Client;
  readonly moderation: Moderation;
  readonly self: Self;
  /** Longest message, in code points. */
  readonly maxChars: number;
}

export const SessionContext = createContext<ActiveSession | null>(null);

export function useSession(): ActiveSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('There is no SessionContext around this');
  return session;
}
