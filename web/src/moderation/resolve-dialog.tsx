import { MAX_REASON_CHARS } from '@hubbub/protocol/limits.js';
import type { Report, ReportAction, ResolveReportBody } from '@hubbub/protocol/reports.js';
import { useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useTask } from '../ui/use-task.js';
import { DurationField } from './duration.js';

const ACTIONS: Readonly<Record<ReportAction, { readonly label: string; readonly hasDuration: boolean }>> = {
  dismiss: { label: 'Nothing: dismiss it', hasDuration: false },
  delete_message: { label: 'Delete the message', hasDuration: false },
  mute: { label: 'Mute its author', hasDuration: true },
  timeout: { label: 'Time its author out', hasDuration: true },
  ban: { label: 'Ban its author', hasDuration: true },
};

interface ResolveDialogProps {
  readonly channelId: string;
  readonly report: Report;
  readonly onResolved: () => void;
  readonly onClose: () => void;
}

/** Decides about a report. */
export function ResolveDialog({ channelId, report, onResolved, onClose }: ResolveDialogProps) {
  const { moderation } = useSession();
  const [action, setAction] = useState<ReportAction>('dismiss');
  const [minutes, setMinutes] = useState<number | null>(60);
  const [note, setNote] = useState('');
  const { hasDuration } = ACTIONS[action];
  const resolve = useTask(async () => {
    const body: ResolveReportBody = {
      action,
      ...(note.trim() !== '' && { note: note.trim() }),
      ...(hasDuration && minutes !== null && { duration_minutes: minutes }),
    };
    await moderation.resolveReport(channelId, report.id, body);
    onResolved();
  });
  return (
    <Dialog title="Resolve this report" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          resolve.run();
        }}
      >
        <p className="quote" dir="auto">
          {report.content}
        </p>
        <Field label="What is to be done">
          {(control) => (
            <select
              {...control}
              value={action}
              onChange={({ target: { value } }) => {
                setAction(value as ReportAction);
                setMinutes(60);
              }}
            >
              {Object.entries(ACTIONS).map(([each, { label }]) => (
                <option key={each} value={each}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
        {hasDuration && <DurationField minutes={minutes} mayBeEndless={action !== 'timeout'} onChange={setMinutes} />}
        <Field label="Note" note="optional; also the reason that is given">
          {(control) => (
            <textarea
              {...control}
              rows={2}
              value={note}
              maxLength={MAX_REASON_CHARS}
              onChange={(event) => setNote(event.target.value)}
            />
          )}
        </Field>
        <p className="problem" role="alert">
          {resolve.problem}
        </p>
        <div className="dialog-actions">
          <button className="button button-quiet" type="button" onClick={onClose}>
            Cancel
          </button>
          <button className="button button-primary" type="submit" disabled={resolve.isBusy}>
            Resolve
          </button>
        </div>
      </form>
    </Dialog>
  );
}
