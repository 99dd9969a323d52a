/** The signed-in user's client, and where its next token comes from. */
import { type Client, connect, HubbubClientError, requestDevToken } from '@hubbub/client';
import { askHostPage } from './host-page.js';
import { type Session, type SessionStore, saveSession } from './session.js';

/** The user is asked for a token. */
export interface TokenQuestion {
  /** Whose it must be. */
  readonly userId: string | null;
  readonly answer: (token: string) => void;
  /** There is none: the client closes. */
  readonly refuse: () => void;
}

export interface Account {
  readonly session: Session;
  readonly client: Client;
}

interface AccountOptions {
  readonly base: string;
  readonly session: Session;
  readonly store: SessionStore;
  /** Shows a question; null: it is settled. */
  readonly onQuestion: (question: TokenQuestion | null) => void;
}

export function openAccount({ base, session, store, onQuestion }: AccountOptions): Account {
  const client = connect({
    url: base,
    getToken: async ({ previous, signal }) => {
      if (previous === null) return session.token;
      const token = await nextToken(session, base, () => ask(signal));
      saveSession(store, { ...session, token });
      return token;
    },
  });

  function ask(signal: AbortSignal): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    onQuestion({
      userId: client.self.get()?.id ?? null,
      answer: resolve,
      refuse: () => reject(new HubbubClientError('NO_TOKEN', 'Your sign-in has ended')),
    });
    signal.addEventListener('abort', () => reject(signal.reason));
    return promise.finally(() => onQuestion(null));
  }

  return { session, client };
}

async function nextToken(session: Session, base: string, ask: () => Promise<string>): Promise<string> {
  switch (session.kind) {
    case 'name':
      return (await requestDevToken(base, { username: session.name, role: session.role })).token;
    case 'host':
      return (await askHostPage()) ?? (await ask());
    case 'pasted':
      return await ask();
  }
}
