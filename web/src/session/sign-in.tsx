import { requestDevToken } from '@hubbub/client';
import type { SiteRole } from '@hubbub/protocol/rest.js';
import { useEffect, useRef, useState } from 'react';
import { Field } from '../ui/field.js';
import { Mark } from '../ui/icon.js';
import { useTask } from '../ui/use-task.js';
import type { Session } from './session.js';
import { TokenForm } from './token-form.js';

interface SignInProps {
  readonly base: string;
  /** Whether a name is enough. */
  readonly development: boolean;
  /** Why the user is asked again; null: this is the first time. */
  readonly reason: string | null;
  readonly onSignedIn: (session: Session) => void;
}

export function SignIn({ base, development, reason, onSignedIn }: SignInProps) {
  const [byName, setByName] = useState(development);
  useEffect(() => {
    document.title = 'Sign in · Hubbub';
  }, []);
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <header className="sign-in-head">
          <Mark />
          <h1>Welcome to Hubbub</h1>
          <p className="hint">
            {byName
              ? 'This server runs in development mode: choose any name and come in.'
              : 'Paste the access token that your application gave you.'}
          </p>
        </header>
        {reason !== null && (
          <p className="strip strip-warn" role="status">
            {reason}
          </p>
        )}
        {byName ? (
          <NameForm base={base} onSignedIn={onSignedIn} />
        ) : (
          <TokenForm action="Come in" onToken={(token) => onSignedIn({ kind: 'pasted', token })} />
        )}
        {development && (
          <button className="button button-quiet button-wide" type="button" onClick={() => setByName(!byName)}>
            {byName ? 'Use an access token instead' : 'Sign in by name instead'}
          </button>
        )}
      </div>
    </main>
  );
}

const ROLES: readonly { readonly role: SiteRole; readonly label: string }[] = [
  { role: 'user', label: 'User' },
  { role: 'moderator', label: 'Moderator' },
  { role: 'admin', label: 'Admin' },
];

function NameForm({ base, onSignedIn }: Pick<SignInProps, 'base' | 'onSignedIn'>) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<SiteRole>('user');
  const [isMissing, setMissing] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const signIn = useTask(async (username: string) => {
    const { token } = await requestDevToken(base, { username, role });
    onSignedIn({ kind: 'name', token, name: username, role });
  });
  return (
    <form
      className="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const username = name.trim();
        setMissing(username === '');
        if (username === '') input.current?.focus();
        else signIn.run(username);
      }}
    >
      <Field label="Your name" problem={isMissing ? 'Type a name first.' : signIn.problem}>
        {(control) => (
          <input
            {...control}
            ref={input}
            value={name}
            maxLength={64}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            placeholder="ada"
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <fieldset className="segments">
        <legend className="field-label">Role on this site</legend>
        {ROLES.map((each) => (
          <label key={each.role}>
            <input type="radio" name="role" checked={role === each.role} onChange={() => setRole(each.role)} />
            <span>{each.label}</span>
          </label>
        ))}
      </fieldset>
      <button className="button button-primary button-wide" type="submit" disabled={signIn.isBusy}>
        Come in
      </button>
    </form>
  );
}
