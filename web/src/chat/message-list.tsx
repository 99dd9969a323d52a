import type { Channel } from '@hubbub/client';
import type { Messages } from '@hubbub/client/react';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { Menu } from '../ui/menu.js';
import { ListHead } from './list-head.js';
import { MessageRow } from './message-row.js';
import { OutgoingRow } from './outgoing-row.js';
import { estimateAt, firstAfter, HEAD_KEY, keyAt, rowAt, rowCount } from './rows.js';
import { useMessageMenu } from './use-message-menu.js';
import { useAnnouncements, useNews } from './use-news.js';
import { useOlder } from './use-older.js';
import { useRowFocus } from './use-row-focus.js';
import { useVirtualRows } from './use-virtual-rows.js';

interface MessageListProps {
  readonly channel: Channel;
  readonly name: string;
  readonly messages: Messages;
  /** How far the reader had read when it was opened; null: not known. */
  readonly readUpTo: number | null;
  readonly onRead: (seq: number) => void;
  /** The reader goes down past the last message, or wants to write. */
  readonly onLeave: () => void;
}

/** The conversation, however long: only what is on the screen is drawn. */
export function MessageList({ channel, name, messages, readUpTo, onRead, onLeave }: MessageListProps) {
  const { self } = useSession();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(
    () => ({
      count: rowCount(messages),
      keyAt: (index: number) => keyAt(messages, index),
      estimateAt: (index: number) => estimateAt(messages, index, self.id),
    }),
    [messages, self.id],
  );
  const { view, meter, start, end, toEnd, reveal } = useVirtualRows(scroller, rows);
  const { isAtEnd } = view;
  const { hold, trim } = messages;
  const older = useOlder(messages, view);
  const news = useNews({ messages: messages.messages, isAtEnd, readUpTo, onRead });
  const focus = useRowFocus({ scroller, rows, reveal, toEnd, onLeave });
  const menu = useMessageMenu(self.id);
  useAnnouncements(channel, self.id);

  // What the reader looks at stays, however many come meanwhile; it is let go when he is back at the newest.
  useEffect(() => {
    if (isAtEnd) trim();
    else hold();
  }, [isAtEnd, hold, trim]);

  // Who writes wants to see it.
  const written = messages.outgoing.at(-1)?.id;
  const { clear } = news;
  useEffect(() => {
    if (written === undefined) return;
    toEnd();
    clear();
  }, [written, toEnd, clear]);

  const { retry, discard } = messages;
  // What comes of it shows in the row.
  const onRetry = useCallback((messageId: string) => void retry(messageId).catch(() => {}), [retry]);

  const newIndex = news.newAfter === null ? -1 : firstAfter(messages.messages, news.newAfter);
  const drawn = new Set(Array.from({ length: end - start }, (_, offset) => start + offset));
  // The row with the focus stays, wherever the reader scrolls to.
  if (focus.index !== null) drawn.add(focus.index);

  return (
    <section className="talk" aria-label={`Messages in ${name}`}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrows of all rows are handled here */}
      <div className="scroller" ref={scroller} onKeyDown={focus.onKeyDown} data-loaded={messages.isLoaded}>
        <div className="rows" style={{ height: view.contentHeight }}>
          {[...drawn]
            .sort((a, b) => a - b)
            .map((index) => {
              const key = rows.keyAt(index);
              const row = rowAt(messages, index, self.id);
              const top = view.top(index);
              if (row.kind === 'head') {
                return (
                  <ListHead key={HEAD_KEY} name={name} messages={messages} older={older} top={top} meter={meter} />
                );
              }
              if (row.kind === 'outgoing') {
                return <OutgoingRow key={key} {...row} top={top} meter={meter} onRetry={onRetry} onDiscard={discard} />;
              }
              return (
                <MessageRow
                  key={key}
                  {...row}
                  startsNew={index - 1 === newIndex && newIndex > 0}
                  isSelf={row.message.user_id === self.id}
                  top={top}
                  isTabStop={focus.tabStop === null ? index === messages.messages.length : focus.tabStop === key}
                  isMenuOpen={menu.open?.message.id === key}
                  meter={meter}
                  onMenu={menu.show}
                  onFocus={focus.onFocus}
                />
              );
            })}
        </div>
      </div>
      {!isAtEnd && <JumpButton count={news.count} onJump={toEnd} />}
      {menu.open !== null && (
        <Menu
          label="Message"
          items={menu.items}
          anchor={menu.open.anchor}
          // The button goes with a message that is deleted, the row stays.
          returnTo={menu.open.anchor.closest('article')}
          onClose={menu.close}
        />
      )}
    </section>
  );
}

function JumpButton({ count, onJump }: { readonly count: number; readonly onJump: () => void }) {
  return (
    <button className="jump" type="button" onClick={onJump} data-news={count > 0}>
      <Icon name="down" />
      {count === 0 ? 'Jump to newest' : `${count} new ${count === 1 ? 'message' : 'messages'}`}
    </button>
  );
}
