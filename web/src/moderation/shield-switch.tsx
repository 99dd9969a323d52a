import { useReadable } from '@hubbub/client/react';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { useTask } from '../ui/use-task.js';

/** Switches the channel's shield: its stricter profile, for a raid. */
export function ShieldSwitch({ channelId }: { readonly channelId: string }) {
  const { client, moderation } = useSession();
  const isOn = useReadable(client.channel(channelId).info)?.shield === true;
  const change = useTask(async () => {
    // The channel's own change brings the new state.
    await moderation.setShield(channelId, { on: !isOn });
  });
  return (
    <div className="shield" data-on={isOn}>
      <Icon name="shield" />
      <div className="entry-body">
        <p className="entry-head" id="shield-name">
          Shield
        </p>
        <p className="hint">
          {isOn
            ? 'On: a stricter profile holds for everyone but moderators.'
            : 'For a raid: a stricter profile, at once.'}
        </p>
        <p className="problem" role="alert">
          {change.problem}
        </p>
      </div>
      <button
        className="switch"
        type="button"
        role="switch"
        aria-checked={isOn}
        aria-labelledby="shield-name"
        disabled={change.isBusy}
        onClick={() => change.run()}
      />
    </div>
  );
}
