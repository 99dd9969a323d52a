import { useEffect, useRef, useState } from 'react';
import { Field } from '../ui/field.js';
import { cleanToken, subjectOf } from './token.js';

interface TokenFormProps {
  /** On the button. */
  readonly action: string;
  /** Whose token it must be; absent: anyone's. */
  readonly userId?: string | null;
  readonly onToken: (token: string) => void;
}

/** Asks for a pasted token. Whether the server accepts it shows when it is used. */
export function TokenForm({ action, userId = null, onToken }: TokenFormProps) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = () => {
    const token = cleanToken(text);
    if (token === null) setProblem('This is not an access token: a JWT is three parts joined by dots.');
    else if (userId !== null && subjectOf(token) !== userId) setProblem('This token is for another user.');
    else onToken(token);
  };
  return (
    <form
      className="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Field label="Access token" problem={problem}>
        {(control) => (
          <textarea
            {...control}
            className="input input-code"
            ref={input}
            rows={5}
            value={text}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <button className="button button-primary button-wide" type="submit">
        {action}
      </button>
    </form>
  );
}
