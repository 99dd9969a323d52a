import { useReadable } from '@hubbub/client/react';
import { useCallback, useEffect, useState } from 'react';
import { type Account, openAccount, type TokenQuestion } from './session/account.js';
import { askHostPage } from './session/host-page.js';
import { RenewDialog } from './session/renew-dialog.js';
import { forgetSession, restoreSession, type Session, saveSession } from './session/session.js';
import { SignIn } from './session/sign-in.js';
import type { Settings } from './settings.js';
import { Shell } from './shell/shell.js';
import { Mark } from './ui/icon.js';
import { NoticesProvider } from './ui/notices.js';
import { wordsFor } from './ui/words.js';

interface AppProps {
  /** Address under which Hubbub is served, with a slash at its end. */
  readonly base: string;
  readonly settings: Settings;
}

/** Signs in, then shows the chat. */
export function App({ base, settings }: AppProps) {
  const [session, setSession] = useState<Session | null>(() => restoreSession(sessionStorage));
  const [isAskingHost, setAskingHost] = useState(session === null);
  const [reason, setReason] = useState<string | null>(null);

  const signIn = useCallback((next: Session) => {
    saveSession(sessionStorage, next);
    setReason(null);
    setSession(next);
  }, []);
  const signOut = useCallback((why: string | null) => {
    forgetSession(sessionStorage);
    setReason(why);
    setSession(null);
  }, []);

  useEffect(() => {
    if (!isAskingHost) return;
    void askHostPage().then((token) => {
      if (token !== null) signIn({ kind: 'host', token });
      setAskingHost(false);
    });
  }, [isAskingHost, signIn]);

  if (session !== null) {
    return <SignedIn key={session.token} base={base} settings={settings} session={session} onSignOut={signOut} />;
  }
  if (isAskingHost) return <Splash />;
  return <SignIn base={base} development={settings.development} reason={reason} onSignedIn={signIn} />;
}

interface SignedInProps extends AppProps {
  readonly session: Session;
  /** @param reason null: the user asked for it */
  readonly onSignOut: (reason: string | null) => void;
}

function SignedIn({ base, settings, session, onSignOut }: SignedInProps) {
  const [account, setAccount] = useState<Account | null>(null);
  const [question, setQuestion] = useState<TokenQuestion | null>(null);
  useEffect(() => {
    const opened = openAccount({ base, session, store: sessionStorage, onQuestion: setQuestion });
    const unsubscribe = opened.client.on('status', (status) => {
      if (status.state === 'closed' && status.error !== null) onSignOut(wordsFor(status.error));
    });
    setAccount(opened);
    return () => {
      unsubscribe();
      opened.client.close();
    };
  }, [base, session, onSignOut]);
  if (account === null) return <Splash />;
  return (
    <NoticesProvider>
      <WithSelf account={account} settings={settings} onSignOut={() => onSignOut(null)} />
      {question !== null && <RenewDialog {...question} />}
    </NoticesProvider>
  );
}

interface WithSelfProps {
  readonly account: Account;
  readonly settings: Settings;
  readonly onSignOut: () => void;
}

function WithSelf({ account: { client }, settings, onSignOut }: WithSelfProps) {
  const self = useReadable(client.self);
  if (self === null) return <Splash />;
  return <Shell client={client} self={self} settings={settings} onSignOut={onSignOut} />;
}

/** While something is waited for that takes a moment. */
function Splash() {
  return (
    <main className="splash" aria-busy="true">
      <Mark />
      <p className="visually-hidden" role="status">
        Loading
      </p>
    </main>
  );
}
