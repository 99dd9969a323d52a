import type { Channel, OnlineUser } from '@hubbub/client';
import type { GivenRole } from '@hubbub/protocol/moderation.js';
import { useId, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useNotices } from '../ui/notices.js';
import { useTask } from '../ui/use-task.js';
import { GIVEN_ROLES } from './use-role.js';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

interface AddMemberProps {
  readonly channel: Channel;
  /** Proposed by name. */
  readonly candidates: readonly OnlineUser[];
  readonly mayAddStaff: boolean;
  readonly onAdded: () => void;
  readonly onClose: () => void;
}

/** Adds by name who is here, and anyone else by the id that the application knows the user by. */
export function AddMember({ channel, candidates, mayAddStaff, onAdded, onClose }: AddMemberProps) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const [text, setText] = useState('');
  const [role, setRole] = useState<GivenRole>('member');
  const [isUnknown, setUnknown] = useState(false);
  const listId = useId();
  const add = useTask(async (userId: string) => {
    const member = await moderation.addMember(channel.id, { user_id: userId, role });
    notify(`${member.username} was added.`);
    onAdded();
  });
  const submit = () => {
    const wanted = text.trim();
    const byName = candidates.find(({ username }) => username.toLowerCase() === wanted.toLowerCase());
    const userId = UUID.test(wanted) ? wanted : byName?.user_id;
    setUnknown(userId === undefined);
    if (userId !== undefined) add.run(userId);
  };
  return (
    <Dialog title="Add a member" onClose={onClose}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field
          label="Who"
          hint="The name of someone who is here, or the id of any user of your application."
          problem={isUnknown ? 'Nobody of this name is here: use the user id.' : add.problem}
        >
          {(control) => (
            <input
              {...control}
              list={listId}
              value={text}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        <datalist id={listId}>
          {candidates.map((user) => (
            <option key={user.user_id} value={user.username} />
          ))}
        </datalist>
        {mayAddStaff && (
          <Field label="Role">
            {(control) => (
              <select {...control} value={role} onChange={(event) => setRole(event.target.value as GivenRole)}>
                {GIVEN_ROLES.map((given) => (
                  <option key={given}>{given}</option>
                ))}
              </select>
            )}
          </Field>
        )}
        <div className="dialog-actions">
          <button className="button button-quiet" type="button" onClick={onClose}>
            Cancel
          </button>
          <button className="button button-primary" type="submit" disabled={add.isBusy}>
            Add
          </button>
        </div>
      </form>
    </Dialog>
  );
}
