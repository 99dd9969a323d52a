import type { Channel, OnlineSnapshot } from '@hubbub/client';
import { type KeyboardEvent, useId, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { Icon } from '../ui/icon.js';
import { MenuButton } from '../ui/menu-button.js';
import { useActing } from './acts.js';
import { Members } from './members.js';
import { actionsAgainst } from './use-message-menu.js';
import type { Role } from './use-role.js';

interface PeoplePanelProps {
  readonly channel: Channel;
  readonly role: Role;
  readonly online: OnlineSnapshot;
  readonly onClose: () => void;
}

/** Who is online, and who is a member. */
export function PeoplePanel({ channel, role, online, onClose }: PeoplePanelProps) {
  const [tab, setTab] = useState<'online' | 'members'>('online');
  const id = useId();
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    setTab(tab === 'online' ? 'members' : 'online');
    const other = event.currentTarget.querySelector<HTMLElement>('[aria-selected="false"]');
    other?.focus();
  };
  const tabProps = (name: typeof tab) => ({
    role: 'tab',
    type: 'button' as const,
    id: `${id}-${name}`,
    'aria-selected': tab === name,
    'aria-controls': `${id}-panel`,
    tabIndex: tab === name ? 0 : -1,
    onClick: () => setTab(name),
  });
  return (
    <aside className="people" aria-label="People">
      <header className="people-head">
        <div className="tabs" role="tablist" aria-label="People" onKeyDown={onKeyDown}>
          <button {...tabProps('online')}>Online</button>
          <button {...tabProps('members')}>Members</button>
        </div>
        <button className="icon-button" type="button" aria-label="Close the list of people" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div className="people-body" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab}`} tabIndex={-1}>
        {tab === 'online' ? <Online online={online} /> : <Members channel={channel} role={role} online={online} />}
      </div>
    </aside>
  );
}

function Online({ online: { users, count, isComplete } }: { readonly online: OnlineSnapshot }) {
  const { self } = useSession();
  const { canModerate, start } = useActing();
  return (
    <>
      <ul>
        {users.map((user) => (
          <li className="person" key={user.user_id}>
            <Avatar userId={user.user_id} name={user.username} isSmall />
            <bdi className="person-name">{user.username}</bdi>
            {user.user_id === self.id && <span className="badge badge-accent">you</span>}
            {canModerate && user.user_id !== self.id && (
              <MenuButton
                label={`Actions for ${user.username}`}
                icon="more"
                items={() => actionsAgainst(user, start)}
              />
            )}
          </li>
        ))}
      </ul>
      {!isComplete && count > users.length && <p className="hint people-note">and {count - users.length} more</p>}
    </>
  );
}
