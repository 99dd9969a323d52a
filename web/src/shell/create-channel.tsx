import type { Client } from '@hubbub/client';
import type { Channel } from '@hubbub/protocol/rest.js';
import { useState } from 'react';
import { ChannelFields } from '../ui/channel-fields.js';
import { Dialog } from '../ui/dialog.js';
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
        <ChannelFields
          name={name}
          onName={setName}
          nameProblem={isMissing ? 'A channel needs a name.' : ''}
          description={description}
          onDescription={setDescription}
        />
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
