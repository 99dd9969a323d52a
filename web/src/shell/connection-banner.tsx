import { useConnection } from '@hubbub/client/react';
import { useEffect, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { waitOf } from '../ui/time.js';
import { useNow } from '../ui/use-now.js';

/** A connection that comes back within this time is not worth a word. */
const PATIENCE_MS = 1200;

/** Says that the connection is lost, and how it goes on. */
export function ConnectionBanner() {
  const { client } = useSession();
  const status = useConnection(client);
  const isAway = status.state !== 'online';
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!isAway) return setShown(false);
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  const now = useNow(status.state === 'waiting' ? status.retryAtMs : 0);
  if (!isShown || !isAway) return null;
  return (
    <div className="strip strip-warn strip-banner">
      {status.state === 'offline' ? <Icon name="warning" /> : <span className="spinner" aria-hidden="true" />}
      <span role="status">
        {status.state === 'offline' ? 'You are offline.' : 'The connection is lost.'} What you write is sent when it is
        back.
      </span>
      {status.state === 'waiting' && status.retryAtMs - now > 1000 && (
        <span className="strip-count" aria-hidden="true">
          Next try in {waitOf(status.retryAtMs - now)}
        </span>
      )}
      {status.state === 'waiting' && (
        <button className="button button-small" type="button" onClick={() => client.reconnect()}>
          Try now
        </button>
      )}
    </div>
  );
}
