import { MAX_SLOW_MODE_SECONDS } from '@hubbub/protocol/limits.js';
import type { Channel as ChannelInfo, ChannelType, PostingMode } from '@hubbub/protocol/rest.js';
import { useState } from 'react';
import type { Role } from '../chat/use-role.js';
import { useSession } from '../session/session-context.js';
import { ChannelFields } from '../ui/channel-fields.js';
import { Dialog } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { useNotices } from '../ui/notices.js';
import { useTask } from '../ui/use-task.js';

interface ChannelSettingsProps {
  readonly info: ChannelInfo;
  readonly role: Role;
  readonly onClose: () => void;
}

const POSTING: Readonly<Record<PostingMode, string>> = {
  everyone: 'Everyone',
  members: 'Members',
  staff: 'Moderators and up',
};
const SLOW_MODES: readonly { readonly seconds: number; readonly label: string }[] = [
  { seconds: 0, label: 'Off' },
  { seconds: 5, label: '5 seconds' },
  { seconds: 30, label: '30 seconds' },
  { seconds: 60, label: '1 minute' },
  { seconds: 600, label: '10 minutes' },
  { seconds: 3600, label: '1 hour' },
  { seconds: MAX_SLOW_MODE_SECONDS, label: '6 hours' },
];

export function ChannelSettings({ info, role, onClose }: ChannelSettingsProps) {
  const { client } = useSession();
  const { notify } = useNotices();
  const [name, setName] = useState(info.name);
  const [description, setDescription] = useState(info.description ?? '');
  const [slowMode, setSlowMode] = useState(info.slow_mode_seconds);
  const [posting, setPosting] = useState(info.posting);
  const [type, setType] = useState<ChannelType>(info.channel_type);
  const [isSure, setSure] = useState(false);
  const save = useTask(async () => {
    const about = description.trim() === '' ? null : description.trim();
    // Only what was changed: some values are the shield's, and not the channel's own.
    const body = {
      ...(name.trim() !== info.name && { name: name.trim() }),
      ...(about !== info.description && { description: about }),
      ...(type !== info.channel_type && { channel_type: type }),
      ...(slowMode !== info.slow_mode_seconds && { slow_mode_seconds: slowMode }),
      ...(posting !== info.posting && { posting }),
    };
    if (Object.keys(body).length > 0) {
      await client.rest.updateChannel(info.id, body);
      notify('Saved.');
    }
    onClose();
  });
  const remove = useTask(async () => {
    await client.rest.deleteChannel(info.id);
    onClose();
  });
  const slowModes = SLOW_MODES.some(({ seconds }) => seconds === slowMode)
    ? SLOW_MODES
    : [...SLOW_MODES, { seconds: slowMode, label: `${slowMode} seconds` }];

  return (
    <Dialog title="Channel settings" onClose={onClose}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          save.run();
        }}
      >
        <ChannelFields name={name} onName={setName} description={description} onDescription={setDescription} />
        <Field label="Who sees it">
          {(control) => (
            <select {...control} value={type} onChange={(event) => setType(event.target.value as ChannelType)}>
              <option value="public">Everyone</option>
              <option value="private">Members alone; others are cut off at once</option>
            </select>
          )}
        </Field>
        <div className="form-pair">
          <Field label="Slow mode">
            {(control) => (
              <select {...control} value={slowMode} onChange={(event) => setSlowMode(Number(event.target.value))}>
                {slowModes.map(({ seconds, label }) => (
                  <option key={seconds} value={seconds}>
                    {label}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Who writes">
            {(control) => (
              <select {...control} value={posting} onChange={(event) => setPosting(event.target.value as PostingMode)}>
                {Object.entries(POSTING).map(([mode, label]) => (
                  <option key={mode} value={mode}>
                    {label}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <p className="problem" role="alert">
          {save.problem || remove.problem}
        </p>
        <div className="dialog-actions">
          {role.isOwner && (
            <button
              className={isSure ? 'button button-danger dialog-aside' : 'button button-quiet dialog-aside'}
              type="button"
              disabled={remove.isBusy}
              onClick={() => (isSure ? remove.run() : setSure(true))}
            >
              {isSure ? 'Delete it for good' : 'Delete channel…'}
            </button>
          )}
          <button className="button button-quiet" type="button" onClick={onClose}>
            Cancel
          </button>
          <button className="button button-primary" type="submit" disabled={save.isBusy}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
