import type { Channel as ChannelInfo } from '@hubbub/protocol/rest.js';
import { useState } from 'react';
import { ChannelSettings } from '../moderation/channel-settings.js';
import { hashOf, type ModerationTab } from '../router.js';
import { Icon } from '../ui/icon.js';
import type { Role } from './use-role.js';

interface ChannelHeaderProps {
  readonly channelId: string;
  /** Null: not known yet, or not to the user. */
  readonly info: ChannelInfo | null;
  readonly role: Role;
  readonly onlineCount: number;
  readonly moderationTab: ModerationTab | null;
  /** Null: there is no conversation, and nobody to show. */
  readonly isPeopleShown: boolean | null;
  readonly onTogglePeople: () => void;
}

export function ChannelHeader(props: ChannelHeaderProps) {
  const { channelId, info, role, onlineCount, moderationTab, isPeopleShown, onTogglePeople } = props;
  const [isSettingsOpen, setSettingsOpen] = useState(false);
  const back = moderationTab === null ? hashOf({ view: 'home' }) : hashOf({ view: 'channel', channelId });
  return (
    <header className="head">
      <a
        className={moderationTab === null ? 'icon-button only-narrow' : 'icon-button'}
        href={back}
        aria-label={moderationTab === null ? 'Back to the channels' : 'Back to the conversation'}
      >
        <Icon name="back" />
      </a>
      <div className="head-title">
        <h2>
          {info !== null && <Icon name={info.channel_type === 'private' ? 'lock' : 'hash'} />}
          <bdi>{info?.name ?? '…'}</bdi>
          {info?.shield === true && <span className="badge badge-accent">Shield on</span>}
        </h2>
        {info?.description && (
          <p className="head-about" title={info.description}>
            {info.description}
          </p>
        )}
      </div>
      <div className="head-actions">
        {role.canModerate && info !== null && (
          <a
            className="icon-button"
            href={hashOf({ view: 'moderation', channelId, tab: 'review' })}
            aria-label="Moderation"
            title="Moderation"
            aria-current={moderationTab === null ? undefined : 'page'}
          >
            <Icon name="shield" />
          </a>
        )}
        {role.canManage && info !== null && (
          <button
            className="icon-button"
            type="button"
            aria-label="Channel settings"
            title="Channel settings"
            onClick={() => setSettingsOpen(true)}
          >
            <Icon name="settings" />
          </button>
        )}
        {isPeopleShown !== null && (
          <button
            className="icon-button icon-button-wide"
            type="button"
            aria-pressed={isPeopleShown}
            aria-label={`People, ${onlineCount} online`}
            title="People"
            onClick={onTogglePeople}
          >
            <Icon name="people" />
            {onlineCount}
          </button>
        )}
      </div>
      {isSettingsOpen && info !== null && (
        <ChannelSettings info={info} role={role} onClose={() => setSettingsOpen(false)} />
      )}
    </header>
  );
}
