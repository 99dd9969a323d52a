import { MAX_DELETE_REASON_CHARS } from '@hubbub/protocol/limits.js';
import type { Message } from '@hubbub/protocol/rest.js';
import { useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useTask } from '../ui/use-task.js';

interface DeleteDialogProps {
  readonly message: Message;
  readonly onClose: () => void;
}

export function DeleteDialog({ message, onClose }: DeleteDialogProps) {
  const { client, self } = useSession();
  const [reason, setReason] = useState('');
  const remove = useTask(async () => {
    await client.rest.deleteMessage(message.id, reason.trim() === '' ? {} : { reason: reason.trim() });
    onClose();
  });
  return (
    <Dialog title="Delete this message?" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          remove.run();
        }}
      >
        <p className="quote" dir="auto">
          {message.content}
        </p>
        <p className="hint">Everyone in the channel sees that it was deleted, and nobody what it said.</p>
        {message.user_id !== self.id && (
          <Field label="Reason" note="optional, for the audit log">
            {(control) => (
              <input
                {...control}
                value={reason}
                maxLength={MAX_DELETE_REASON_CHARS}
                autoComplete="off"
                onChange={(event) => setReason(event.target.value)}
              />
            )}
          </Field>
        )}
        <p className="problem" role="alert">
          {remove.problem}
        </p>
        <div className="dialog-actions">
          <button className="button button-quiet" type="button" onClick={onClose}>
            Keep it
          </button>
          <button className="button button-danger" type="submit" disabled={remove.isBusy}>
            Delete
          </button>
        </div>
      </form>
    </Dialog>
  );
}
