import type { Channel } from '@hubbub/client';
import { useMessages } from '@hubbub/client/react';
import type { Channel as ChannelInfo } from '@hubbub/protocol/rest.js';
import { useCallback, useRef } from 'react';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { untilOf } from '../ui/time.js';
import { Composer } from './composer.js';
import { MessageList } from './message-list.js';
import { type Mute, useMute } from './use-mute.js';
import type { Role } from './use-role.js';

interface ConversationProps {
  readonly channel: Channel;
  readonly info: ChannelInfo | null;
  readonly role: Role;
  readonly readUpTo: number | null;
  readonly onRead: (seq: number) => void;
}

/** The messages of a channel, and the field to write in. */
export function Conversation({ channel, info, role, readUpTo, onRead }: ConversationProps) {
  const { moderation, self } = useSession();
  const messages = useMessages(channel);
  const mute = useMute(moderation, channel);
  const field = useRef<HTMLTextAreaElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const name = info?.name ?? '';
  const isStaff = (role.role !== null && role.role !== 'member') || self.role !== 'user';
  const toComposer = useCallback(() => field.current?.focus(), []);
  const toMessages = useCallback(() => {
    const rows = place.current?.querySelectorAll<HTMLElement>('article[tabindex="0"], article[data-state]') ?? [];
    [...rows].at(-1)?.focus();
  }, []);
  const silence = silenceOf(mute, info, role, isStaff);
  return (
    <div className="conversation" ref={place}>
      <MessageList
        channel={channel}
        name={name}
        messages={messages}
        readUpTo={readUpTo}
        onRead={onRead}
        onLeave={toComposer}
      />
      {silence === null ? (
        <Composer
          channel={channel}
          name={name}
          slowModeSeconds={isStaff ? 0 : (info?.slow_mode_seconds ?? 0)}
          field={field}
          onLeaveUp={toMessages}
        />
      ) : (
        <p className="strip strip-silence" role="status">
          <Icon name={mute === null ? 'lock' : 'mute'} />
          <span>{silence}</span>
        </p>
      )}
    </div>
  );
}

/** Why the user cannot write here; null: can. */
function silenceOf(mute: Mute | null, info: ChannelInfo | null, role: Role, isStaff: boolean): string | null {
  if (mute !== null) {
    const reason = mute.reason === null ? '' : ` Reason: ${mute.reason}`;
    return `You are muted here ${untilOf(mute.expiresAt)}.${reason}`;
  }
  if (info?.posting === 'staff' && !isStaff) return 'Only moderators write in this channel.';
  if (info?.posting === 'members' && role.role === null && !isStaff) return 'Only members write in this channel.';
  return null;
}
