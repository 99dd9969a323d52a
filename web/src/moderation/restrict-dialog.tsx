import { MAX_REASON_CHARS } from '@hubbub/protocol/limits.js';
import { useState } from 'react';
import type { Person } from '../chat/acts.js';
import { useSession } from '../session/session-context.js';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useNotices } from '../ui/notices.js';
import { useTask } from '../ui/use-task.js';
import { DurationField } from './duration.js';

type Kind = 'mute' | 'timeout' | 'ban';

interface RestrictDialogProps {
  readonly kind: Kind;
  readonly person: Person;
  readonly channelId: string;
  readonly onClose: () => void;
}

const WORDS: Readonly<Record<Kind, { verb: string; done: string; effect: string; minutes: number | null }>> = {
  mute: { verb: 'Mute', done: 'was muted', effect: 'They can read on, and cannot write.', minutes: 60 },
  timeout: {
    verb: 'Time out',
    done: 'was timed out',
    effect: 'They are kept out until it ends by itself.',
    minutes: 10,
  },
  ban: { verb: 'Ban', done: 'was banned', effect: 'They are kept out at once, on every device.', minutes: null },
};

/** What a ban may take along, in minutes back. */
const CLEARED: readonly { readonly minutes: number; readonly label: string }[] = [
  { minutes: 0, label: 'Nothing' },
  { minutes: 60, label: 'Of the last hour' },
  { minutes: 24 * 60, label: 'Of the last day' },
];

/** Mutes, times out or bans someone, for a time and with a reason. */
export function RestrictDialog({ kind, person, channelId, onClose }: RestrictDialogProps) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const words = WORDS[kind];
  const [minutes, setMinutes] = useState(words.minutes);
  const [reason, setReason] = useState('');
  const [clearMinutes, setClearMinutes] = useState(0);
  const restrict = useTask(async () => {
    const why = reason.trim() === '' ? {} : { reason: reason.trim() };
    const body = { user_id: person.user_id, ...why };
    if (kind === 'timeout') await moderation.timeOut(channelId, { ...body, duration_minutes: minutes ?? 10 });
    else if (kind === 'ban') await moderation.ban(channelId, { ...body, duration_minutes: minutes });
    else await moderation.mute(channelId, { ...body, duration_minutes: minutes });
    if (clearMinutes > 0) {
      await moderation.clearMessages(channelId, person.user_id, { since_minutes: clearMinutes, ...why });
    }
    notify(`${person.username} ${words.done}.`);
    onClose();
  });
  return (
    <Dialog title={`${words.verb} ${person.username}`} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          restrict.run();
        }}
      >
        <p className="hint">{words.effect} The reason is shown to them, and kept in the audit log.</p>
        <DurationField minutes={minutes} mayBeEndless={kind !== 'timeout'} onChange={setMinutes} />
        <Field label="Reason" note="optional">
          {(control) => (
            <textarea
              {...control}
              rows={2}
              value={reason}
              maxLength={MAX_REASON_CHARS}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        {kind === 'ban' && (
          <Field label="Delete their messages">
            {(control) => (
              <select
                {...control}
                value={clearMinutes}
                onChange={(event) => setClearMinutes(Number(event.target.value))}
              >
                {CLEARED.map((each) => (
                  <option key={each.minutes} value={each.minutes}>
                    {each.label}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <p className="problem" role="alert">
          {restrict.problem}
        </p>
        <div className="dialog-actions">
          <button className="button button-quiet" type="button" onClick={onClose}>
            Cancel
          </button>
          <button className="button button-danger" type="submit" disabled={restrict.isBusy}>
            {words.verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
