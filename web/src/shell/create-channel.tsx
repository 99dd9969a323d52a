import type { Client } from '@hubbub/client';
import { MAX_CHANNEL_DESCRIPTION_CHARS, MAX_CHANNEL_NAME_CHARS } from '@hubbub/protocol/limits.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import { useState } from 'react';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useTask } from '../ui/use-task.js';

interface CreateChannelProps {
  readonly client: Client;
  readonly onCreated: (channel: Channel) => void;
  readonly onClose: () => void;
}

export function CreateChannel({ client, onCreated, onClose }: CreateChannelProps) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [isPrivate, setPrivate] = useState(false);
  const [isMissing, setMissing] = useState(false);
  const create = useTask(async () => {
    const channel = await client.rest.createChannel({
      name: name.trim(),
      ...(description.trim() !== '' && { description: description.trim() }),
      channel_type: isPrivate ? 'private' : 'public',
    });
    onCreated(channel);
  });
  return (
    <Dialog title="New channel" onClose={onClose}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setMissing(name.trim() === '');
          if (name.trim() !== '') create.run();
        }}
      >
        <Field label="Name" problem={isMissing ? 'A channel needs a name.' : ''}>
          {(control) => (
            <input
              {...control}
              value={name}
              maxLength={MAX_CHANNEL_NAME_CHARS}
              autoComplete="off"
              onChange={(event) => setName(event.target.value)}
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
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <label className="check">
          <input type="checkbox" checked={isPrivate} onChange={(event) => setPrivate(event.target.checked)} />
          <span>
            Private <small>Only members see it and read it</small>
          </span>
        </label>
        <p className="problem" role="alert">
          {create.problem}
        </p>
        <div className="dialog-actions">
          <button className="button button-quiet" type="button" onClick={onClose}>
            Cancel
          </button>
          <button className="button button-primary" type="submit" disabled={create.isBusy}>
            Create channel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
