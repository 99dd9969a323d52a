import { type Client, connect, type GetToken, HubbubClientError, Moderation } from '@hubbub/client';
import { useChannel, useConnection, usePresence, useReadable } from '@hubbub/client/react';
import { useEffect, useMemo, useState } from 'react';
import { Conversation } from '../chat/conversation.js';
import { Ended } from '../chat/ended.js';
import { useRole } from '../chat/use-role.js';
import { ActsProvider } from '../moderation/acts-provider.js';
import { SessionContext, useSession } from '../session/session-context.js';
import { loadSettings, type Settings } from '../settings.js';
import { ConnectionBanner } from '../shell/connection-banner.js';
import { Icon } from '../ui/icon.js';
import { NoticesProvider } from '../ui/notices.js';
import { wordsFor } from '../ui/words.js';

interface EmbeddedChatProps {
  /** With a slash at its end. */
  readonly server: string;
  /** Null: the page has not said it yet. */
  readonly channelId: string | null;
  readonly getToken: GetToken;
}

/** One channel, for a page of somebody else's. */
export function EmbeddedChat({ server, channelId, getToken }: EmbeddedChatProps) {
  const [client, setClient] = useState<Client | null>(null);
  const [settings, setSettings] = useState<Settings | null>(null);
  const [turn, setTurn] = useState(0);
  const [isUnreachable, setUnreachable] = useState(false);
  useEffect(() => {
    const opened = connect({ url: server, getToken });
    setClient(opened);
    return () => opened.close();
  }, [server, getToken]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to do it again
  useEffect(() => {
    setUnreachable(false);
    loadSettings(server).then(setSettings, () => setUnreachable(true));
  }, [server, turn]);

  if (channelId === null) return <Note text="This element needs a channel." />;
  if (isUnreachable) {
    return <Note text="The chat cannot be reached." action="Try again" onAction={() => setTurn(turn + 1)} />;
  }
  if (client === null || settings === null) return <Note text="" />;
  return (
    <NoticesProvider>
      <WithSelf client={client} settings={settings} channelId={channelId} />
    </NoticesProvider>
  );
}

interface WithSelfProps {
  readonly client: Client;
  readonly settings: Settings;
  readonly channelId: string;
}

function WithSelf({ client, settings, channelId }: WithSelfProps) {
  const self = useReadable(client.self);
  const status = useConnection(client);
  const session = useMemo(
    () => self && { client, moderation: new Moderation(client), self, maxChars: settings.message_max_chars },
    [client, self, settings.message_max_chars],
  );
  if (status.state === 'closed' && status.error !== null) {
    return <Note text={wordsFor(status.error)} action="Try again" onAction={() => client.reconnect()} />;
  }
  if (session === null) return <Note text="" />;
  if (!isChannelId(client, channelId)) return <Note text="This is no id of a channel." />;
  return (
    <SessionContext value={session}>
      <ChannelInPage key={channelId} channelId={channelId} />
    </SessionContext>
  );
}

function ChannelInPage({ channelId }: { readonly channelId: string }) {
  const { client, self } = useSession();
  const { channel, status, info } = useChannel(client, channelId);
  const role = useRole(client, channel, self);
  const { count } = usePresence(channel);
  return (
    <ActsProvider channelId={channelId} role={role}>
      <section className="channel" aria-label={info?.name ?? 'Chat'}>
        <header className="head">
          <div className="head-title">
            <h2>
              <bdi>{info?.name ?? '…'}</bdi>
            </h2>
          </div>
          <span className="embed-online">
            <Icon name="people" />
            {count}
            <span className="visually-hidden"> online</span>
          </span>
        </header>
        <ConnectionBanner />
        <div className="channel-body">
          {status.state === 'ended' ? (
            <Ended channel={channel} name={info?.name ?? null} status={status} />
          ) : (
            <Conversation channel={channel} info={info} role={role} readUpTo={null} onRead={ignore} />
          )}
        </div>
      </section>
    </ActsProvider>
  );
}

interface NoteProps {
  readonly text: string;
  readonly action?: string;
  readonly onAction?: () => void;
}

function Note({ text, action, onAction }: NoteProps) {
  return (
    <div className="channel">
      <div className="channel-body">
        <div className="empty" role="status">
          {text === '' ? <span className="spinner" aria-hidden="true" /> : <p className="hint">{text}</p>}
          {action !== undefined && (
            <button className="button" type="button" onClick={onAction}>
              {action}
            </button>
          )}
        </div>
      </div>
    </div>
  );
}

function isChannelId(client: Client, id: string): boolean {
  try {
    client.channel(id);
    return true;
  } catch (error) {
    if (error instanceof HubbubClientError) return false;
    throw error;
  }
}

function ignore(): void {}
