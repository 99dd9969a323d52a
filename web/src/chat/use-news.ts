import type { Channel } from '@hubbub/client';
import type { Message } from '@hubbub/protocol/rest.js';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useNotices } from '../ui/notices.js';
import { firstAfter } from './rows.js';

/** New messages are read out together, so often at most, in milliseconds. */
const ANNOUNCE_MS = 1500;
/** Characters of a message that are read out. */
const ANNOUNCED_CHARS = 200;

interface News {
  /** Place after which the reader has seen nothing yet, for a mark in the list; null: all was seen. */
  readonly newAfter: number | null;
  /** Messages that came below what the reader looks at. */
  readonly count: number;
  /** The reader has answered: nothing is new any more. */
  readonly clear: () => void;
}

interface NewsOptions {
  readonly messages: readonly Message[];
  readonly isAtEnd: boolean;
  /** How far the reader had read when the list was opened; null: not known. */
  readonly readUpTo: number | null;
  /** Told how far the reader has read. */
  readonly onRead: (seq: number) => void;
}

/** What the reader has seen of a conversation, and what is new. */
export function useNews({ messages, isAtEnd, readUpTo, onRead }: NewsOptions): News {
  const last = messages.at(-1)?.seq ?? 0;
  const [newAfter, setNewAfter] = useState(readUpTo);
  const seen = useRef(0);
  const previous = useRef(0);

  useEffect(() => {
    const before = previous.current;
    previous.current = last;
    const isSeen = isAtEnd && document.visibilityState === 'visible';
    if (isSeen) {
      seen.current = last;
      if (last > 0) onRead(last);
    } else if (before > 0 && last > before) {
      setNewAfter((known) => known ?? before);
    }
  }, [last, isAtEnd, onRead]);

  useEffect(() => {
    const onVisibility = () => {
      // What comes while nobody looks is what will be new on return.
      if (document.visibilityState === 'hidden') setNewAfter(null);
    };
    document.addEventListener('visibilitychange', onVisibility);
    return () => document.removeEventListener('visibilitychange', onVisibility);
  }, []);

  const count = isAtEnd || seen.current === 0 ? 0 : messages.length - firstAfter(messages, seen.current);
  const clear = useCallback(() => setNewAfter(null), []);
  return { newAfter, count, clear };
}

/** Reads out what others write: each message, or how many where they come fast. */
export function useAnnouncements(channel: Channel, selfId: string): void {
  const { announce } = useNotices();
  useEffect(() => {
    let waiting: Message[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = channel.on('message', ({ message, isReplay }) => {
      if (isReplay || message.user_id === selfId) return;
      waiting.push(message);
      timer ??= setTimeout(() => {
        timer = undefined;
        announce(textFor(waiting));
        waiting = [];
      }, ANNOUNCE_MS);
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [channel, selfId, announce]);
}

function textFor(messages: readonly Message[]): string {
  if (messages.length > 3) return `${messages.length} new messages`;
  return messages
    .map(({ display_name: name, username, content }) => `${name ?? username}: ${content.slice(0, ANNOUNCED_CHARS)}`)
    .join('. ');
}
