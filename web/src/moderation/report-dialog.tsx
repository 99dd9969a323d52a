import { MAX_REASON_CHARS } from '@hubbub/protocol/limits.js';
import type { Message } from '@hubbub/protocol/rest.js';
import { useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useNotices } from '../ui/notices.js';
import { useTask } from '../ui/use-task.js';

interface ReportDialogProps {
  readonly message: Message;
  readonly onClose: () => void;
}

export function ReportDialog({ message, onClose }: ReportDialogProps) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const [reason, setReason] = useState('');
  const [isMissing, setMissing] = useState(false);
  const report = useTask(async (text: string) => {
    await moderation.reportMessage(message.id, text);
    notify('Reported to the moderators. Thank you.');
    onClose();
  });
  return (
    <Dialog title="Report this message" onClose={onClose}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          const text = reason.trim();
          setMissing(text === '');
          if (text !== '') report.run(text);
        }}
      >
        <p className="quote" dir="auto">
          {message.content}
        </p>
        <Field label="What is wrong with it?" problem={isMissing ? 'Say in a word what is wrong.' : report.problem}>
          {(control) => (
            <textarea
              {...control}
              rows={3}
              value={reason}
              maxLength={MAX_REASON_CHARS}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        <div className="dialog-actions">
          <button className="button button-quiet" type="button" onClick={onClose}>
            Cancel
          </button>
          <button className="button button-primary" type="submit" disabled={report.isBusy}>
            Report
          </button>
        </div>
      </form>
    </Dialog>
  );
}
