import { createClient, createCluster } from '@redis/client';

type Argument = string | Buffer;
type Listener = (message: Buffer, channel: Buffer) => void;

/** One life of the connections to Redis, from their opening to the loss of any of them; nothing in it is repaired. */
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
  /**
   * One of several servers was lost. What the others hold is served until a new connection takes this one's place; what
   * the lost one held fails. Called once.
   */
  readonly onWounded: (why: string) => void;
  /** Subscriptions may have been dropped or moved: they have to be proved. */
  readonly onDoubt: () => void;
}

const COMMAND_DEADLINE_MS = 500;
const CONNECT_TIMEOUT_MS = 2000;
const PING_INTERVAL_MS = 500;
/** Silence after which a connection counts as dead; pings are answered well within it. */
const SOCKET_TIMEOUT_MS = 2000;
/** Sharded Pub/Sub came with Redis 7. */
export const SHARDED_SINCE = 7;
const CLUSTER_CHECK_MS = 500;
/** The library's name for it: a server is left, and its subscriptions with it. */
const SERVER_LEFT = '__resubscribeListeners';

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
    // With retries of its own the library would wait for a dead master that the slots still name, for as long as it is
    // dead, and would see no other topology meanwhile: its place is taken by a new connection instead.
    defaults: { ...CLIENT, username, password, socket: { ...SOCKET, reconnectStrategy: false } },
  });
  let nextCheck: NodeJS.Timeout | undefined;
  let over = false;
  const end = () => {
    over = true;
    clearTimeout(nextCheck);
  };
  const close = () => {
    end();
    // Also one that did not open: it may have connections to some of the servers.
    cluster.destroy();
  };
  const wound = (why: unknown) => {
    if (over) return;
    end();
    events.onWounded(String(why));
  };
  const check = async () => {
    if (cluster.masters.length === 0) throw new Error('the cluster has no slots');
    const answers = await Promise.allSettled(
      cluster.masters.map(async ({ address, connectPromise, client }) => {
        const ready = (await connectPromise) ?? client;
        if (ready === undefined) throw new Error(`the master ${address} is not connected`);
        const info = await withDeadline(ready.sendCommand(['CLUSTER', 'INFO']));
        if (!String(info).includes('cluster_state:ok')) throw new Error(`${address} says that slots are not served`);
      }),
    );
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  };
  let failures = 0;
  const checkLater = () => {
    nextCheck = setTimeout(async () => {
      try {
        await check();
        failures = 0;
      } catch (error) {
        failures++;
        if (failures >= SOCKET_TIMEOUT_MS / CLUSTER_CHECK_MS) wound(error);
      }
      if (!over) checkLater();
    }, CLUSTER_CHECK_MS);
    nextCheck.unref();
  };
  cluster.on('error', () => {});
  cluster.on('node-error', wound);
  for (const event of ['node-ready', 'sharded-channel-moved-error']) cluster.on(event, () => over || events.onDoubt());
  // What a server had that is no master any more: the library would subscribe to it again, with nobody to take a failure.
  cluster.removeAllListeners(SERVER_LEFT).on(SERVER_LEFT, () => wound('a server has no slots any more'));
  try {
    await cluster.connect();
    await check();
  } catch (error) {
    // A connection that is destroyed before it is made would be made all the same, and stay.
    await Promise.allSettled(cluster.masters.map(({ connectPromise }) => connectPromise));
    close();
    throw error;
  }
  checkLater();
  const command = (key: string, args: Argument[]) => cluster.sendCommand<unknown>(key, false, args);
  return {
    clustered: true,
    command,
    publish: (channel, message) => command(channel, ['SPUBLISH', channel, message]),
    subscribe: (channel, listener) => cluster.sSubscribe(channel, listener, true),
    unsubscribe: (channel) => cluster.sUnsubscribe(channel),
    close,
  };
}

/** @throws when `promise` has not settled within the deadline of a Redis command */
export async function withDeadline<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('Redis did not answer in time')), COMMAND_DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
