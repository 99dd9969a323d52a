import { useChannel, usePresence } from '@hubbub/client/react';
import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { ActsProvider } from '../moderation/acts-provider.js';
import type { ModerationTab } from '../router.js';
import { useSession } from '../session/session-context.js';
import type { ReadMarks } from '../shell/read-marks.js';
import { ChannelHeader } from './channel-header.js';
import { Conversation } from './conversation.js';
import { Ended } from './ended.js';
import { PeoplePanel } from './people-panel.js';
import { useRole } from './use-role.js';

const ModerationPage = lazy(() => import('../moderation/moderation-page.js'));
/** From this width on there is room for the people beside the conversation. */
const WIDE = '(min-width: 1100px)';

interface ChannelViewProps {
  readonly channelId: string;
  readonly marks: ReadMarks;
  /** What is shown of its moderation; null: the conversation is. */
  readonly moderationTab: ModerationTab | null;
}

/** One channel, joined while it is shown. */
export function ChannelView({ channelId, marks, moderationTab }: ChannelViewProps) {
  const { client, self } = useSession();
  const { channel, status, info } = useChannel(client, channelId);
  const role = useRole(client, channel, self);
  const online = usePresence(channel);
  const [isPeopleShown, setPeopleShown] = useState(() => matchMedia(WIDE).matches);
  const [readUpTo] = useState(() => marks.get().get(channelId) ?? null);
  const onRead = useCallback(
    (seq: number) => marks.read(channelId, Math.max(seq, channel.lastSeq ?? 0)),
    [marks, channelId, channel],
  );
  useEffect(() => {
    document.title = info === null ? 'Hubbub' : `${info.name} · Hubbub`;
  }, [info]);

  const hasPeople = status.state !== 'ended' && moderationTab === null;
  return (
    <ActsProvider channelId={channelId} role={role}>
      <div className="channel">
        <ChannelHeader
          channelId={channelId}
          info={info}
          role={role}
          onlineCount={online.count}
          moderationTab={moderationTab}
          isPeopleShown={hasPeople ? isPeopleShown : null}
          onTogglePeople={() => setPeopleShown(!isPeopleShown)}
        />
        <div className="channel-body">
          {status.state === 'ended' ? (
            <Ended channel={channel} name={info?.name ?? null} status={status} />
          ) : moderationTab !== null ? (
            <Suspense>
              <ModerationPage channelId={channelId} tab={moderationTab} />
            </Suspense>
          ) : (
            <Conversation channel={channel} info={info} role={role} readUpTo={readUpTo} onRead={onRead} />
          )}
          {isPeopleShown && hasPeople && (
            <PeoplePanel channel={channel} role={role} online={online} onClose={() => setPeopleShown(false)} />
          )}
        </div>
      </div>
    </ActsProvider>
  );
}
