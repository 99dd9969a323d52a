/** What can be done about a message or its author: by whom, and how the dialogs are opened. */
import type { Message } from '@hubbub/protocol/rest.js';
import { createContext, useContext } from 'react';

export interface Person {
  readonly user_id: string;
  readonly username: string;
}

export type Act =
  | { readonly kind: 'delete'; readonly message: Message }
  | { readonly kind: 'report'; readonly message: Message }
  | { readonly kind: 'mute' | 'timeout' | 'ban'; readonly person: Person };

export interface Rights {
  /** Delete, mute, time out, ban, review; the server decides about each one. */
  readonly canModerate: boolean;
  /** Settings of the channel, and its members. */
  readonly canManage: boolean;
}

interface Acting extends Rights {
  /** Opens the dialog for it. */
  readonly start: (act: Act) => void;
}

export const ActingContext = createContext<Acting>({ canModerate: false, canManage: false, start: () => {} });

export function useActing(): Acting {
  return useContext(ActingContext);
}
