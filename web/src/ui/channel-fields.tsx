import { MAX_CHANNEL_DESCRIPTION_CHARS, MAX_CHANNEL_NAME_CHARS } from '@hubbub/protocol/limits.js';
import { Field } from './field.js';

interface ChannelFieldsProps {
  readonly name: string;
  readonly onName: (name: string) => void;
  /** What is wrong with the name; empty: nothing. */
  readonly nameProblem?: string;
  readonly description: string;
  readonly onDescription: (description: string) => void;
}

/** What a channel is called, and what it is about. */
export function ChannelFields({ name, onName, nameProblem = '', description, onDescription }: ChannelFieldsProps) {
  return (
    <>
      <Field label="Name" problem={nameProblem}>
        {(control) => (
          <input
            {...control}
            value={name}
            maxLength={MAX_CHANNEL_NAME_CHARS}
            autoComplete="off"
            onChange={(event) => onName(event.target.value)}
          />
        )}
      </Field>
      <Field label="What it is about" note="optional">
        {(control) => (
          <textarea
            {...control}
            rows={2}
            value={description}
            maxLength={MAX_CHANNEL_DESCRIPTION_CHARS}
            onChange={(event) => onDescription(event.target.value)}
          />
        )}
      </Field>
    </>
  );
}
