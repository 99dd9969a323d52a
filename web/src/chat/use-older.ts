import type { Messages } from '@hubbub/client/react';
import { useCallback, useEffect, useState } from 'react';
import { wordsFor } from '../ui/words.js';
import type { ListView } from './list-view.js';

/** Older messages are read when the reader is so near to the beginning, in CSS pixels. */
const NEAR_PX = 1500;
const PAGE = 100;

export interface Older {
  /** Why they cannot be read, in words; empty: they can. */
  readonly problem: string;
  readonly retry: () => void;
}

/** Reads older messages before the reader comes to the first one here. */
export function useOlder(messages: Messages, view: ListView): Older {
  const [problem, setProblem] = useState('');
  const { isLoaded, hasOlder, isLoadingOlder, loadOlder } = messages;
  const isWanted = isLoaded && hasOlder && !isLoadingOlder && problem === '' && view.scrollTop < NEAR_PX;
  useEffect(() => {
    if (isWanted) loadOlder({ limit: PAGE }).catch((error: unknown) => setProblem(wordsFor(error)));
  }, [isWanted, loadOlder]);
  const retry = useCallback(() => setProblem(''), []);
  return { problem, retry };
}
