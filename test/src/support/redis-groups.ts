/** Redis servers that belong together: a master with replicas under Sentinels, and a Cluster. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { findRedis } from './binaries.js';
import { freePort } from './ports.js';
import { Child } from './processes.js';
import { RedisServer } from './redis.js';
import { until } from './wait.js';

const MASTER_NAME = 'hubbub';
const SENTINELS = 3;
const CLUSTER_MASTERS = 3;
const SLOTS = 16_384;
const START_TIMEOUT_MS = 15_000;
/** By default a master waits for five seconds for more replicas, before it sends to the first. */
const NODE = { 'repl-diskless-sync-delay': '0' };
const CLUSTER_NODE = { ...NODE, 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000', databases: '1' };

/** A master, a replica, and three Sentinels that make the replica the master within seconds of the master's end. */
export class SentinelGroup {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly #sentinels: Child[] = [];
  readonly #ports: number[] = [];
  #folder = '';

  private constructor(master: RedisServer, replica: RedisServer) {
    this.master = master;
    this.replica = replica;
  }

  /** Settles when the Sentinels know each other and the replica. */
  static async start(): Promise<SentinelGroup> {
    const group = new SentinelGroup(
      await RedisServer.start({ settings: NODE }),
      await RedisServer.start({ settings: NODE }),
    );
    try {
      await group.#begin();
    } catch (error) {
      await group.stop();
      throw error;
    }
    return group;
  }

  /** The URL form that Hubbub takes. */
  get url(): string {
    return `redis+sentinel://${this.#ports.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`;
  }

  /** Port of the master as the first Sentinel knows it now. */
  async masterPort(): Promise<number> {
    const address = await command(this.#ports[0] ?? 0, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME]);
    return Number((address as string[])[1]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sentinels.map((sentinel) => sentinel.stop('SIGKILL')));
    await Promise.all([this.master.stop(), this.replica.stop()]);
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    await command(this.replica.port, ['REPLICAOF', '127.0.0.1', String(this.master.port)]);
    await follows(this.replica);
    this.#folder = await mkdtemp(join(tmpdir(), 'hubbub-sentinel-'));
    for (let number = 0; number < SENTINELS; number++) await this.#startSentinel(number);
    for (const port of this.#ports) {
      await until(
        async () => {
          const state = String(await command(port, ['SENTINEL', 'MASTER', MASTER_NAME]));
          return state.includes(`num-other-sentinels,${SENTINELS - 1}`) && state.includes('num-slaves,1');
        },
        { timeoutMs: START_TIMEOUT_MS, message: 'the Sentinels know each other' },
      );
    }
  }

  async #startSentinel(number: number): Promise<void> {
    const port = await freePort();
    const file = join(this.#folder, `sentinel-${number}.conf`);
    // Sentinels write what they learn into their configuration file.
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${this.master.port} 2`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
      `sentinel failover-timeout ${MASTER_NAME} 5000`,
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const sentinel = await Child.start(program(), [file, '--sentinel'], { cwd: this.#folder });
    this.#sentinels.push(sentinel);
    this.#ports.push(port);
    await sentinel.waitForLine((line) => line.includes('Sentinel ID is') || undefined, START_TIMEOUT_MS);
  }
}

/** A Redis Cluster of three masters, without replicas at first. */
export class ClusterGroup {
  readonly servers: readonly RedisServer[];
  readonly #replicas: RedisServer[] = [];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /** Settles when every server says that the cluster is whole. */
  static async start(): Promise<ClusterGroup> {
    const servers: RedisServer[] = [];
    for (let number = 0; number < CLUSTER_MASTERS; number++)
      servers.push(await RedisServer.start({ settings: CLUSTER_NODE }));
    const group = new ClusterGroup(servers);
    try {
      await group.#join();
    } catch (error) {
      await group.stop();
      throw error;
    }
    return group;
  }

  /** The URL form that Hubbub takes. */
  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.servers, ...this.#replicas].map((server) => server.stop()));
  }

  /** One command to one of the servers. */
  ask(server: RedisServer, ...args: string[]): Promise<unknown> {
    return command(server.port, args);
  }

  /** The server that a key or a shard channel belongs to as long as nobody has taken another's place. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await command(this.#first.port, ['CLUSTER', 'KEYSLOT', key]));
    return this.servers.findLast((_, index) => slot >= firstSlot(index)) ?? this.#first;
  }

  /** A key of this form, on any of the servers; null: there is none now. */
  async findKey(form: RegExp): Promise<string | null> {
    for (const { port } of this.servers) {
      const found = ((await command(port, ['KEYS', '*'])) as string[]).find((key) => form.test(key));
      if (found !== undefined) return found;
    }
    return null;
  }

  async holds(server: RedisServer, key: string): Promise<boolean> {
    return (await command(server.port, ['EXISTS', key])) === 1;
  }

  /** How many connections have subscribed to a shard channel on a server. */
  async subscribers(server: RedisServer, shardChannel: string): Promise<number> {
    const [, count] = (await command(server.port, ['PUBSUB', 'SHARDNUMSUB', shardChannel])) as [string, number];
    return count;
  }

  async isMaster(server: RedisServer): Promise<boolean> {
    return String(await command(server.port, ['INFO', 'replication'])).includes('role:master');
  }

  /** Gives a master a replica, which takes its place when it ends; settles when it has all that the master has. */
  async replicate(master: RedisServer): Promise<RedisServer> {
    const replica = await RedisServer.start({ settings: CLUSTER_NODE });
    this.#replicas.push(replica);
    await command(replica.port, ['CLUSTER', 'MEET', '127.0.0.1', String(master.port)]);
    await this.#agree([...this.servers, replica], CLUSTER_MASTERS + this.#replicas.length);
    await command(replica.port, ['CLUSTER', 'REPLICATE', String(await command(master.port, ['CLUSTER', 'MYID']))]);
    await this.#follows(replica, master);
    return replica;
  }

  /** Starts a master that was killed again; settles when it is a replica of the one that took its place. */
  async rejoin(former: RedisServer, master: RedisServer): Promise<void> {
    await former.restart();
    await this.#follows(former, master);
  }

  async #follows(replica: RedisServer, master: RedisServer): Promise<void> {
    await follows(replica);
    // The others have to know it as a replica, or they let it have no vote.
    const id = String(await command(master.port, ['CLUSTER', 'MYID']));
    for (const { port } of this.servers) {
      await until(async () => String(await command(port, ['CLUSTER', 'NODES'])).includes(`slave ${id}`), {
        timeoutMs: START_TIMEOUT_MS,
        message: 'the cluster knows the replica',
      });
    }
  }

  get #first(): RedisServer {
    const [first] = this.servers;
    if (first === undefined) throw new Error('the cluster has no servers');
    return first;
  }

  async #join(): Promise<void> {
    for (const [index, { port }] of this.servers.entries()) {
      const range = [firstSlot(index), firstSlot(index + 1) - 1];
      await command(port, ['CLUSTER', 'ADDSLOTSRANGE', ...range.map(String)]);
      if (index > 0) await command(this.#first.port, ['CLUSTER', 'MEET', '127.0.0.1', String(port)]);
    }
    await this.#agree(this.servers, CLUSTER_MASTERS);
  }

  /** Settles when each of the servers knows so many nodes and says that the cluster is whole. */
  async #agree(servers: readonly RedisServer[], nodes: number): Promise<void> {
    for (const { port } of servers) {
      await until(
        async () => {
          const info = String(await command(port, ['CLUSTER', 'INFO']));
          return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}`);
        },
        { timeoutMs: START_TIMEOUT_MS, message: 'the cluster is whole' },
      );
    }
  }
}

/** The first slot of a cluster's server at this index. */
function firstSlot(index: number): number {
  return Math.floor((SLOTS * index) / CLUSTER_MASTERS);
}

/** Settles when a replica has all that its master has. */
async function follows({ port }: RedisServer): Promise<void> {
  await until(async () => String(await command(port, ['INFO', 'replication'])).includes('master_link_status:up'), {
    timeoutMs: START_TIMEOUT_MS,
    message: 'the replica follows its master',
  });
}

function program(): string {
  const found = findRedis();
  if (found === null) throw new Error('Redis is not installed');
  return found;
}

async function command(port: number, args: string[]): Promise<unknown> {
  const client = createClient({ RESP: 2, url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.sendCommand(args);
  } finally {
    client.destroy();
  }
}
