import { createClient, createCluster } from '@redis/client';

type Argument = string | Buffer;
type Listener = (message: Buffer, channel: Buffer) => void;

/** One life of the connections to Redis, from their opening to the loss of any of them. */
export interface RedisConnection {
  /** Whether keys are spread over several servers. */
  readonly clustered: boolean;
  /**
   * One command.
   *
   * @param key a key of the command (its hash slot says where it goes in a Cluster)
   * @throws when it failed; after a loss whether it was carried out is unknown
   */
  command(key: string, args: Argument[]): Promise<unknown>;
  publish(channel: string, message: Buffer): Promise<unknown>;
  /** Settles when Redis has confirmed the subscription. */
  subscribe(channel: string, listener: Listener): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  close(): void;
}

/** What an open connection tells of. */
export interface RedisEvents {
  /** It is of no use any more; called once. */
  readonly onLost: (why: string) => void;
  /** Subscriptions may have been dropped or moved: they have to be proved. */
  readonly onDoubt: () => void;
}

const CONNECT_TIMEOUT_MS = 2000;
const PING_INTERVAL_MS = 500;
/** Silence after which a connection counts as dead; pings are answered well within it. */
const SOCKET_TIMEOUT_MS = 2000;
/** Sharded Pub/Sub came with Redis 7. */
export const SHARDED_SINCE = 7;
const CLUSTER_CHECK_MS = 500;

// RESP 2: all that is used here has the same form in it, and it needs no handshake.
const CLIENT = { RESP: 2, disableOfflineQueue: true, pingInterval: PING_INTERVAL_MS } as const;
const SOCKET = { connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS };

/**
 * Opens what a Redis URL names:
 *
 * - `redis://[user:password@]host[:6379][/db]`, `rediss://…` with TLS: one server
 * - `redis+sentinel://[user:password@]host[:26379][,host…]/master-name[/db]`: the master that Sentinel names now
 * - `redis+cluster://[user:password@]host[:6379][,host…]`: Redis Cluster
 *
 * @throws when there is nobody to talk to
 */
export async function openRedis(url: string, events: RedisEvents): Promise<RedisConnection> {
  if (url.startsWith('redis+cluster:')) return await openCluster(parseHosts(url, 6379), events);
  return await openServer(url.startsWith('redis+sentinel:') ? await askSentinels(url) : url, events);
}

interface Hosts {
  readonly username: string;
  readonly password: string;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** Parts of the path. */
  readonly path: readonly string[];
}

/** The parts of a URL with several hosts, which `URL` cannot read. @throws Error when it has another form */
export function parseHosts(url: string, defaultPort: number): Hosts {
  const match = /^[a-z+]+:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)(\/.*)?$/.exec(url);
  if (match === null) throw new Error('the URL has no hosts');
  const [, username = '', password = '', list = '', path = ''] = match;
  const hosts = list.split(',').map((each) => {
    const parts = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(each);
    if (parts === null) throw new Error(`"${each}" is no host`);
    return { host: (parts[1] ?? '').replace(/^\[|\]$/g, ''), port: Number(parts[2] ?? defaultPort) };
  });
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    hosts,
    path: path.split('/').filter((each) => each !== ''),
  };
}

async function openServer(url: string, events: RedisEvents): Promise<RedisConnection> {
  const make = (name: string) =>
    createClient({ ...CLIENT, url, name: `hubbub-${name}`, socket: { ...SOCKET, reconnectStrategy: false } });
  const commands = make('commands');
  const subscriber = make('subscriber');
  const clients = [commands, subscriber];
  let over = false;
  const close = () => {
    over = true;
    for (const client of clients) if (client.isOpen) client.destroy();
  };
  const lose = (error: unknown) => {
    if (over) return;
    close();
    events.onLost(String(error));
  };
  for (const client of clients) client.on('error', lose).on('terminated', lose);
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const info = await commands.info('server');
    const sharded = Number(/redis_version:(\d+)/.exec(info)?.[1] ?? 0) >= SHARDED_SINCE;
    return {
      clustered: false,
      command: async (_key, args) => {
        try {
          return await commands.sendCommand(args);
        } catch (error) {
          // A master that was demoted in a failover: the new one has to be asked for.
          if (error instanceof Error && error.message.startsWith('READONLY')) lose(error);
          throw error;
        }
      },
      publish: (channel, message) => commands.sendCommand([sharded ? 'SPUBLISH' : 'PUBLISH', channel, message]),
      subscribe: (channel, listener) =>
        sharded ? subscriber.sSubscribe(channel, listener, true) : subscriber.subscribe(channel, listener, true),
      unsubscribe: (channel) => (sharded ? subscriber.sUnsubscribe(channel) : subscriber.unsubscribe(channel)),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The URL of the master as Sentinel knows it now: https://redis.io/docs/latest/develop/reference/sentinel-clients/ */
async function askSentinels(url: string): Promise<string> {
  const { username, password, hosts, path } = parseHosts(url, 26_379);
  const [master = '', db = '0'] = path;
  const failures: string[] = [];
  for (const { host, port } of hosts) {
    const sentinel = createClient({ ...CLIENT, socket: { ...SOCKET, host, port, reconnectStrategy: false } });
    sentinel.on('error', () => {});
    try {
      await sentinel.connect();
      const address = await sentinel.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master]);
      if (!Array.isArray(address)) throw new Error(`it knows no master "${master}"`);
      const found = new URL('redis://localhost');
      const name = String(address[0]);
      found.hostname = name.includes(':') ? `[${name}]` : name;
      found.port = String(address[1]);
      found.username = encodeURIComponent(username);
      found.password = encodeURIComponent(password);
      found.pathname = `/${db}`;
      return found.href;
    } catch (error) {
      failures.push(`${host}:${port}: ${String(error)}`);
    } finally {
      if (sentinel.isOpen) sentinel.destroy();
    }
  }
  throw new Error(`no Sentinel could name the master (${failures.join('; ')})`);
}

async function openCluster({ username, password, hosts }: Hosts, events: RedisEvents): Promise<RedisConnection> {
  const cluster = createCluster({
    RESP: 2,
    rootNodes: hosts.map(({ host, port }) => ({ socket: { host, port } })),
    defaults: { ...CLIENT, username, password, socket: SOCKET },
  });
  let check: NodeJS.Timeout | undefined;
  let over = false;
  const close = () => {
    over = true;
    clearInterval(check);
    if (cluster.isOpen) cluster.destroy();
  };
  // The cluster's client repairs itself; whether its subscriptions came through is for their owner to prove.
  cluster.on('error', () => {});
  for (const event of ['node-error', 'node-ready', 'sharded-channel-moved-error']) cluster.on(event, events.onDoubt);
  try {
    await cluster.connect();
  } catch (error) {
    close();
    throw error;
  }
  const command = (key: string, args: Argument[]) => cluster.sendCommand<unknown>(key, false, args);
  let failures = 0;
  check = setInterval(() => {
    command('hubbub:check', ['EXISTS', 'hubbub:check']).then(
      () => {
        failures = 0;
      },
      (error) => {
        failures++;
        if (failures < SOCKET_TIMEOUT_MS / CLUSTER_CHECK_MS || over) return;
        close();
        events.onLost(String(error));
      },
    );
  }, CLUSTER_CHECK_MS);
  check.unref();
  return {
    clustered: true,
    command,
    publish: (channel, message) => command(channel, ['SPUBLISH', channel, message]),
    subscribe: (channel, listener) => cluster.sSubscribe(channel, listener, true),
    unsubscribe: (channel) => cluster.sUnsubscribe(channel),
    close,
  };
}
