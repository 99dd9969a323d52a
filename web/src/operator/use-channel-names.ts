import { useEffect, useRef, useState } from 'react';
import { useSession } from '../session/session-context.js';

/** Names of channels by their ids, each asked for once. */
export function useChannelNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const { client } = useSession();
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const asked = useRef(new Set<string>());
  const unknown = ids.filter((id) => !asked.current.has(id)).join(' ');
  useEffect(() => {
    for (const id of unknown.split(' ').filter((each) => each !== '')) {
      asked.current.add(id);
      client.rest
        .getChannel(id)
        .then(({ name }) => setNames((before) => new Map(before).set(id, name)))
        // A channel that is gone is shown by its id.
        .catch(() => {});
    }
  }, [client, unknown]);
  return names;
}
