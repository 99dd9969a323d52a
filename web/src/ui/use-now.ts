import { useEffect, useReducer } from 'react';

/**
 * The time now; the component is rendered again and again until `untilMs`.
 *
 * @param untilMs milliseconds since the epoch; 0: not at all
 */
export function useNow(untilMs: number): number {
  const [, draw] = useReducer((turn: number) => turn + 1, 0);
  const now = Date.now();
  const isRunning = now < untilMs;
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(draw, 250);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
