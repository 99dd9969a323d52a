import { type Client, Moderation, type Self } from '@hubbub/client';
import { lazy, Suspense, useEffect, useMemo } from 'react';
import { ChannelView } from '../chat/channel-view.js';
import { parseRoute, type Route, useHash } from '../router.js';
import { SessionContext } from '../session/session-context.js';
import type { Settings } from '../settings.js';
import { Icon } from '../ui/icon.js';
import { ConnectionBanner } from './connection-banner.js';
import { ReadMarks } from './read-marks.js';
import { Sidebar } from './sidebar.js';

const OperatorPage = lazy(() => import('../operator/operator-page.js'));

interface ShellProps {
  readonly client: Client;
  readonly self: Self;
  readonly settings: Settings;
  readonly onSignOut: () => void;
}

/** The frame around everything that a signed-in user sees. On a narrow screen it is one part at a time, as the address says. */
export function Shell({ client, self, settings, onSignOut }: ShellProps) {
  const hash = useHash();
  const route = useMemo(() => parseRoute(hash), [hash]);
  const marks = useMemo(() => new ReadMarks(self.id, localStorage), [self.id]);
  const session = useMemo(
    () => ({ client, moderation: new Moderation(client), self, maxChars: settings.message_max_chars }),
    [client, self, settings.message_max_chars],
  );
  const channelId = 'channelId' in route ? route.channelId : null;
  return (
    <SessionContext value={session}>
      <div className="shell" data-view={route.view}>
        <Sidebar activeId={channelId} marks={marks} onSignOut={onSignOut} />
        <main className="main">
          <ConnectionBanner />
          <View route={route} marks={marks} />
        </main>
      </div>
    </SessionContext>
  );
}

function View({ route, marks }: { readonly route: Route; readonly marks: ReadMarks }) {
  switch (route.view) {
    case 'home':
      return <Home />;
    case 'operator':
      return (
        <Suspense>
          <OperatorPage />
        </Suspense>
      );
    case 'channel':
      return <ChannelView key={route.channelId} channelId={route.channelId} marks={marks} moderationTab={null} />;
    case 'moderation':
      return <ChannelView key={route.channelId} channelId={route.channelId} marks={marks} moderationTab={route.tab} />;
  }
}

function Home() {
  useEffect(() => {
    document.title = 'Hubbub';
  }, []);
  return (
    <div className="empty">
      <Icon name="hash" />
      <h2 className="empty-title">Choose a channel</h2>
      <p className="hint">Pick one on the left, or press Ctrl+K to find one by its name.</p>
    </div>
  );
}
