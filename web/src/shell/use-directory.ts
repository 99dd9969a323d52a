import type { Client } from '@hubbub/client';
import type { Channel } from '@hubbub/protocol/rest.js';
import { useCallback, useEffect, useRef, useState } from 'react';
import { wordsFor } from '../ui/words.js';

const PAGE = 50;
/** Channels that are listed at most; more are found by name. */
const MAX_LISTED = 200;
const REFRESH_MS = 15_000;
const TYPING_PAUSE_MS = 200;

export interface Directory {
  /** Newest first. */
  readonly channels: readonly Channel[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  /** Why it cannot be shown, in words; empty: it can. */
  readonly problem: string;
  readonly refresh: () => void;
  readonly showMore: () => void;
}

/** The channels that the user may see, by name where a query is given; kept up to date while the page is looked at. */
export function useDirectory(client: Client, query: string): Directory {
  const [limit, setLimit] = useState(PAGE);
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState({ channels: [] as readonly Channel[], total: 0, isLoading: true, problem: '' });
  const lastQuery = useRef(query);
  const refresh = useCallback(() => setTurn((before) => before + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to do it again
  useEffect(() => {
    const abort = new AbortController();
    const isTyping = lastQuery.current !== query;
    lastQuery.current = query;
    const timer = setTimeout(
      async () => {
        try {
          const found = await listAll(client, query.trim(), limit, abort.signal);
          setState({ ...found, isLoading: false, problem: '' });
        } catch (error) {
          if (!abort.signal.aborted) setState((before) => ({ ...before, isLoading: false, problem: wordsFor(error) }));
        }
      },
      isTyping ? TYPING_PAUSE_MS : 0,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, query, limit, turn]);

  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') refresh();
    }, REFRESH_MS);
    const unsubscribe = client.on('status', ({ state }) => {
      if (state === 'online') refresh();
    });
    return () => {
      clearInterval(timer);
      unsubscribe();
    };
  }, [client, refresh]);

  const showMore = useCallback(() => setLimit((before) => Math.min(MAX_LISTED, before + PAGE)), []);
  const { total, ...rest } = state;
  return { ...rest, hasMore: total > state.channels.length && limit < MAX_LISTED, refresh, showMore };
}

async function listAll(client: Client, q: string, limit: number, signal: AbortSignal) {
  const channels: Channel[] = [];
  let total = 0;
  while (channels.length < limit) {
    const page = await client.rest.listChannels({
      ...(q !== '' && { q }),
      limit: PAGE,
      offset: channels.length,
      signal,
    });
    channels.push(...page.channels);
    total = page.total;
    if (page.channels.length < PAGE) break;
  }
  return { channels, total };
}
