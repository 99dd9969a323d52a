import { type ReactNode, useId } from 'react';

/** What the control of a field must carry. */
export interface FieldControl {
  readonly id: string;
  readonly className: string;
  readonly 'aria-describedby': string;
  readonly 'aria-invalid': boolean;
}

interface FieldProps {
  readonly label: string;
  /** Beside the label, in grey. */
  readonly note?: string;
  readonly hint?: string;
  /** What is wrong with the value; empty: nothing. */
  readonly problem?: string;
  readonly children: (control: FieldControl) => ReactNode;
}

/** A control with its label, and what is to be said about it. */
export function Field({ label, note, hint, problem = '', children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label} {note !== undefined && <small>{note}</small>}
      </label>
      {children({ id, className: 'input', 'aria-describedby': `${id}-about`, 'aria-invalid': problem !== '' })}
      <div id={`${id}-about`}>
        {hint !== undefined && <p className="hint">{hint}</p>}
        <p className="problem" role="alert">
          {problem}
        </p>
      </div>
    </div>
  );
}
