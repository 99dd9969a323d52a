import { useReadable } from '@hubbub/client/react';
import type { Channel } from '@hubbub/protocol/rest.js';
import type { KeyboardEvent, RefObject } from 'react';
import { hashOf } from '../router.js';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import type { Directory } from './use-directory.js';

interface ChannelListProps {
  readonly directory: Directory;
  readonly query: string;
  readonly activeId: string | null;
  /** How far each channel was read. */
  readonly marks: ReadonlyMap<string, number>;
  readonly list: RefObject<HTMLUListElement | null>;
  /** The user goes up past the first one. */
  readonly onLeaveUp: () => void;
}

/** The channels as links, with arrows from one to the next. */
export function ChannelList({ directory, query, activeId, marks, list, onLeaveUp }: ChannelListProps) {
  const { channels, hasMore, isLoading, problem, showMore } = directory;
  const onKeyDown = (event: KeyboardEvent) => {
    const links = [...(list.current?.querySelectorAll('a') ?? [])];
    const at = links.indexOf(event.target as HTMLAnchorElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    if (at + step < 0) onLeaveUp();
    else links[at + step]?.focus();
  };
  return (
    <nav className="channels" aria-label="Channels">
      <ul ref={list} onKeyDown={onKeyDown}>
        {channels.map((channel) => (
          <ChannelItem
            key={channel.id}
            channel={channel}
            isActive={channel.id === activeId}
            isUnread={channel.id !== activeId && channel.last_seq > (marks.get(channel.id) ?? channel.last_seq)}
          />
        ))}
      </ul>
      <p className="channels-note" role="status">
        {problem !== '' ? problem : noteFor(channels.length, isLoading, query)}
      </p>
      {hasMore && (
        <button className="button button-quiet button-wide" type="button" onClick={showMore}>
          Show more
        </button>
      )}
    </nav>
  );
}

function noteFor(count: number, isLoading: boolean, query: string): string {
  if (count > 0 || isLoading) return '';
  return query.trim() === '' ? 'No channels yet. Create the first one.' : 'No channel has this in its name.';
}

interface ChannelItemProps {
  readonly channel: Channel;
  readonly isActive: boolean;
  readonly isUnread: boolean;
}

function ChannelItem({ channel, isActive, isUnread }: ChannelItemProps) {
  const { id, name, channel_type: type, online_count: online } = channel;
  return (
    <li>
      <a
        className="channel-link"
        href={hashOf({ view: 'channel', channelId: id })}
        aria-current={isActive ? 'page' : undefined}
        data-unread={isUnread}
      >
        <Icon name={type === 'private' ? 'lock' : 'hash'} />
        <span className="channel-name">
          {type === 'private' && <span className="visually-hidden">Private: </span>}
          <bdi>{name}</bdi>
        </span>
        {isUnread && <span className="visually-hidden">, new messages</span>}
        {isActive ? <LiveOnline channelId={id} /> : <Online count={online} />}
      </a>
    </li>
  );
}

/** Of the channel that is open it is known at every moment. */
function LiveOnline({ channelId }: { readonly channelId: string }) {
  const { client } = useSession();
  return <Online count={useReadable(client.channel(channelId).online).count} />;
}

function Online({ count }: { readonly count: number }) {
  if (count === 0) return null;
  return (
    <span className="channel-online">
      {count}
      <span className="visually-hidden"> online</span>
    </span>
  );
}
