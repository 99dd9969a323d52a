import { type Client, Site } from '@hubbub/client';
import { useEffect, useState } from 'react';
import { wordsFor } from '../ui/words.js';
import type { Sample } from './samples.js';

const EVERY_MS = 2000;
/** Five minutes. */
const MAX_SAMPLES = 150;

interface Samples {
  /** By the id of the instance: behind a load balancer it is another one each time. */
  readonly instances: ReadonlyMap<string, readonly Sample[]>;
  readonly problem: string;
}

/** Looks at the server every two seconds for as long as the page is looked at. */
export function useSamples(client: Client): Samples {
  const [state, setState] = useState<Samples>({ instances: new Map(), problem: '' });
  useEffect(() => {
    const site = new Site(client);
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      if (document.visibilityState === 'visible') {
        try {
          const stats = await site.stats({ signal: abort.signal });
          setState(({ instances }) => {
            const before = instances.get(stats.instance_id) ?? [];
            const samples = [...before, { atMs: Date.now(), stats }].slice(-MAX_SAMPLES);
            return { instances: new Map(instances).set(stats.instance_id, samples), problem: '' };
          });
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((before) => ({ ...before, problem: wordsFor(error) }));
        }
      }
      timer = setTimeout(look, EVERY_MS);
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [client]);
  return state;
}
