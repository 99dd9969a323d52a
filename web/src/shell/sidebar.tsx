import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { hashOf, navigate } from '../router.js';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { Icon, Mark } from '../ui/icon.js';
import type { MenuItem } from '../ui/menu.js';
import { MenuButton } from '../ui/menu-button.js';
import { setTheme, type Theme, useTheme } from '../ui/theme.js';
import { ChannelList } from './channel-list.js';
import { CreateChannel } from './create-channel.js';
import { type ReadMarks, useReadMarks } from './read-marks.js';
import { useDirectory } from './use-directory.js';

interface SidebarProps {
  readonly activeId: string | null;
  readonly marks: ReadMarks;
  readonly onSignOut: () => void;
}

/** Channels, and the user's own corner. */
export function Sidebar({ activeId, marks, onSignOut }: SidebarProps) {
  const { client } = useSession();
  const [query, setQuery] = useState('');
  const [isCreating, setCreating] = useState(false);
  const directory = useDirectory(client, query);
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);

  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      search.current?.focus();
      search.current?.select();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);

  const onSearchKey = (event: KeyboardEvent) => {
    const first = list.current?.querySelector('a');
    if (event.key === 'ArrowDown') first?.focus();
    else if (event.key === 'Enter') first?.click();
    else if (event.key === 'Escape' && query !== '') setQuery('');
    else return;
    event.preventDefault();
  };

  return (
    <aside className="side" aria-label="Sidebar">
      <header className="side-head">
        <h1 className="brand">
          <Mark />
          Hubbub
        </h1>
        <button
          className="icon-button"
          type="button"
          aria-label="New channel"
          title="New channel"
          onClick={() => setCreating(true)}
        >
          <Icon name="plus" />
        </button>
      </header>
      <search className="search">
        <Icon name="search" />
        <input
          ref={search}
          type="search"
          aria-label="Find a channel"
          aria-keyshortcuts="Control+K Meta+K"
          placeholder="Find a channel"
          maxLength={100}
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={onSearchKey}
        />
      </search>
      <ChannelList
        directory={directory}
        query={query}
        activeId={activeId}
        marks={useReadMarks(marks)}
        list={list}
        onLeaveUp={() => search.current?.focus()}
      />
      <Me onSignOut={onSignOut} />
      {isCreating && (
        <CreateChannel
          client={client}
          onClose={() => setCreating(false)}
          onCreated={(channel) => {
            setCreating(false);
            directory.refresh();
            navigate({ view: 'channel', channelId: channel.id });
          }}
        />
      )}
    </aside>
  );
}

const THEMES: readonly Pick<MenuItem, 'label' | 'icon'>[] = [
  { label: 'Light', icon: 'sun' },
  { label: 'Dark', icon: 'moon' },
  { label: 'System', icon: 'screen' },
];

function Me({ onSignOut }: { readonly onSignOut: () => void }) {
  const { self } = useSession();
  const theme = useTheme();
  const name = self.display_name ?? self.username;
  const items = (): MenuItem[] => [
    ...THEMES.map((item) => {
      const value = item.label.toLowerCase() as Theme;
      return { ...item, isChecked: theme === value, onSelect: () => setTheme(value) };
    }),
    { label: 'Sign out', icon: 'leave', startsGroup: true, onSelect: onSignOut },
  ];
  return (
    <footer className="me">
      <Avatar userId={self.id} name={name} url={self.avatar_url} isSmall />
      <span className="me-name">
        <span className="visually-hidden">Signed in as </span>
        <bdi>{name}</bdi>
        {self.role !== 'user' && <span className="me-role">Site {self.role}</span>}
      </span>
      {self.role === 'admin' && (
        <a
          className="icon-button"
          href={hashOf({ view: 'operator' })}
          aria-label="Operator's page"
          title="Operator's page"
        >
          <Icon name="chart" />
        </a>
      )}
      <MenuButton label="Settings" icon="settings" items={items} />
    </footer>
  );
}
