import { useCallback, useEffect, useRef, useState } from 'react';
import { wordsFor } from './words.js';

interface Task<A extends unknown[]> {
  /** Starts it; nothing happens while it is under way. */
  readonly run: (...args: A) => void;
  readonly isBusy: boolean;
  /** Why it failed, in words; empty: it did not. */
  readonly problem: string;
}

/** Something that a button starts: once at a time, with its failure in words. */
export function useTask<A extends unknown[]>(work: (...args: A) => Promise<void>): Task<A> {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const current = useRef(work);
  const busy = useRef(false);
  useEffect(() => {
    current.current = work;
  });
  const run = useCallback((...args: A) => {
    if (busy.current) return;
    busy.current = true;
    setBusy(true);
    setProblem('');
    current
      .current(...args)
      .catch((error: unknown) => setProblem(wordsFor(error)))
      .finally(() => {
        busy.current = false;
        setBusy(false);
      });
  }, []);
  return { run, isBusy, problem };
}
