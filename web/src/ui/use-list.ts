import { useCallback, useEffect, useState } from 'react';
import { wordsFor } from './words.js';

export const LIST_PAGE = 50;

export interface Page<T> {
  readonly items: readonly T[];
  /** Of the whole list. */
  readonly total: number;
}

/** @param page from 0; a page has {@link LIST_PAGE} entries */
export type LoadPage<T> = (page: number, signal: AbortSignal) => Promise<Page<T>>;

interface List<T> extends Page<T> {
  readonly isLoading: boolean;
  /** Why it cannot be shown, in words; empty: it can. */
  readonly problem: string;
  readonly hasMore: boolean;
  readonly showMore: () => void;
  /** Reads what is shown again. */
  readonly refresh: () => void;
}

/** A list that is read page by page. @param load another one begins anew: wrap it in `useCallback` */
export function useList<T>(load: LoadPage<T>): List<T> {
  const [pages, setPages] = useState(1);
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState({ items: [] as readonly T[], total: 0, isLoading: true, problem: '' });

  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to do it again
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    setState((before) => ({ ...before, isLoading: true }));
    const loadAll = async () => {
      const items: T[] = [];
      let total = 0;
      for (let page = 0; page < pages; page++) {
        const part = await load(page, signal);
        items.push(...part.items);
        total = part.total;
        if (part.items.length < LIST_PAGE) break;
      }
      return { items, total, isLoading: false, problem: '' };
    };
    loadAll().then(
      (next) => {
        if (!signal.aborted) setState(next);
      },
      (error: unknown) => {
        if (!signal.aborted) setState((before) => ({ ...before, isLoading: false, problem: wordsFor(error) }));
      },
    );
    return () => abort.abort();
  }, [load, pages, turn]);

  const showMore = useCallback(() => setPages((before) => before + 1), []);
  const refresh = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, hasMore: state.total > state.items.length && state.items.length > 0, showMore, refresh };
}
