import type { Message } from '@hubbub/protocol/rest.js';
import { type KeyboardEvent, memo, useLayoutEffect, useRef } from 'react';
import { Avatar } from '../ui/avatar.js';
import { Icon } from '../ui/icon.js';
import { clockOf, dayOf, fullTimeOf } from '../ui/time.js';
import { Content } from './content.js';
import type { RowMeter } from './use-virtual-rows.js';

interface MessageRowProps {
  readonly message: Message;
  readonly startsDay: boolean;
  readonly startsGroup: boolean;
  /** Whether it is the first that the reader has not seen. */
  readonly startsNew: boolean;
  readonly isSelf: boolean;
  readonly top: number;
  /** Whether Tab leads here. */
  readonly isTabStop: boolean;
  readonly isMenuOpen: boolean;
  readonly meter: RowMeter;
  readonly onMenu: (message: Message, anchor: HTMLElement) => void;
  readonly onFocus: (messageId: string) => void;
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, startsDay, startsGroup, startsNew, isSelf, top, isTabStop, isMenuOpen, meter, onMenu, onFocus } =
    props;
  const row = useRef<HTMLElement>(null);
  const more = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => (row.current === null ? undefined : meter.watch(message.id, row.current)), [meter, message.id]);

  const { id, content, is_deleted: isDeleted } = message;
  const name = message.display_name ?? message.username;
  const time = Date.parse(message.created_at);
  const openMenu = () => {
    if (more.current !== null) onMenu(message, more.current);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || !['Enter', ' ', 'ContextMenu'].includes(event.key)) return;
    event.preventDefault();
    openMenu();
  };

  return (
    <article
      className="row"
      ref={row}
      data-id={id}
      data-group={startsGroup}
      data-menu={isMenuOpen}
      style={{ transform: `translateY(${top}px)` }}
      tabIndex={isTabStop ? 0 : -1}
      aria-labelledby={`by-${id}`}
      aria-describedby={`text-${id}`}
      onFocus={() => onFocus(id)}
      onKeyDown={onKeyDown}
    >
      {startsDay && (
        <h3 className="divider">
          <span>{dayOf(time, Date.now())}</span>
        </h3>
      )}
      {startsNew && (
        <p className="divider divider-new">
          <span>New</span>
        </p>
      )}
      <div className="message">
        {startsGroup ? (
          <Avatar userId={message.user_id} name={name} url={message.avatar_url} />
        ) : (
          <time className="message-side-time" dateTime={message.created_at} aria-hidden="true">
            {clockOf(time)}
          </time>
        )}
        <div className="message-body">
          <p className={startsGroup ? 'message-head' : 'visually-hidden'} id={`by-${id}`}>
            <bdi className="message-author">{name}</bdi>
            {isSelf && <span className="badge badge-accent">you</span>}{' '}
            <time dateTime={message.created_at} title={fullTimeOf(time)}>
              {clockOf(time)}
            </time>
          </p>
          <div className="message-text" id={`text-${id}`} dir="auto">
            {isDeleted ? <em className="message-gone">This message was deleted</em> : <Content text={content} />}
          </div>
        </div>
      </div>
      {!isDeleted && (
        <button
          className="icon-button message-more"
          type="button"
          ref={more}
          tabIndex={-1}
          aria-label={`Actions for the message of ${name}`}
          aria-haspopup="menu"
          aria-expanded={isMenuOpen}
          onClick={openMenu}
        >
          <Icon name="more" />
        </button>
      )}
    </article>
  );
});
