import { MAX_TIMEOUT_MINUTES } from '@hubbub/protocol/limits.js';
import { useState } from 'react';
import { Field } from '../ui/field.js';

const HOUR = 60;
const DAY = 24 * HOUR;
const PRESETS: readonly { readonly minutes: number; readonly label: string }[] = [
  { minutes: 10, label: '10 minutes' },
  { minutes: HOUR, label: '1 hour' },
  { minutes: DAY, label: '1 day' },
  { minutes: 7 * DAY, label: '7 days' },
  { minutes: MAX_TIMEOUT_MINUTES, label: '30 days' },
];

interface DurationFieldProps {
  /** Null: until it is lifted. */
  readonly minutes: number | null;
  readonly mayBeEndless: boolean;
  readonly onChange: (minutes: number | null) => void;
}

/** How long something holds: one of the usual times, or hours of one's own. */
export function DurationField({ minutes, mayBeEndless, onChange }: DurationFieldProps) {
  const [isOwn, setOwn] = useState(false);
  return (
    <>
      <Field label="For how long">
        {(control) => (
          <select
            {...control}
            value={isOwn ? 'own' : String(minutes ?? 'endless')}
            onChange={({ target: { value } }) => {
              setOwn(value === 'own');
              if (value === 'endless') onChange(null);
              else onChange(value === 'own' ? (minutes ?? HOUR) : Number(value));
            }}
          >
            {PRESETS.map((preset) => (
              <option key={preset.minutes} value={preset.minutes}>
                {preset.label}
              </option>
            ))}
            <option value="own">Another time</option>
            {mayBeEndless && <option value="endless">Until it is lifted</option>}
          </select>
        )}
      </Field>
      {isOwn && (
        <Field label="Hours">
          {(control) => (
            <input
              {...control}
              type="number"
              min={1}
              max={mayBeEndless ? undefined : MAX_TIMEOUT_MINUTES / HOUR}
              step={1}
              required
              value={Math.max(1, Math.round((minutes ?? HOUR) / HOUR))}
              onChange={(event) => onChange(Math.max(1, Math.round(event.target.valueAsNumber || 1)) * HOUR)}
            />
          )}
        </Field>
      )}
    </>
  );
}
