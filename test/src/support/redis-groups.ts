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
const REPLICATED = { settings: { 'repl-diskless-sync-delay': '0' } };

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
    const group = new SentinelGroup(await RedisServer.start(REPLICATED), await RedisServer.start(REPLICATED));
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
    await until(
      async () => String(await command(this.replica.port, ['INFO', 'replication'])).includes('master_link_status:up'),
      {
        timeoutMs: START_TIMEOUT_MS,
        message: 'the replica follows its master',
      },
    );
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

/** A Redis Cluster of three masters. */
export class ClusterGroup {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /** Settles when every server says that the cluster is whole. */
  static async start(): Promise<ClusterGroup> {
    const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000', databases: '1' };
    const servers: RedisServer[] = [];
    for (let number = 0; number < CLUSTER_MASTERS; number++) servers.push(await RedisServer.start({ settings }));
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
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** Whether any server has subscribers of a sharded channel of this name. */
  async hasShardChannel(name: string): Promise<boolean> {
    for (const { port } of this.servers) {
      if (((await command(port, ['PUBSUB', 'SHARDCHANNELS'])) as string[]).includes(name)) return true;
    }
    return false;
  }

  async #join(): Promise<void> {
    const [first] = this.servers;
    for (const [index, { port }] of this.servers.entries()) {
      const from = Math.floor((SLOTS * index) / CLUSTER_MASTERS);
      const to = Math.floor((SLOTS * (index + 1)) / CLUSTER_MASTERS) - 1;
      await command(port, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to)]);
      if (index > 0) await command(first?.port ?? 0, ['CLUSTER', 'MEET', '127.0.0.1', String(port)]);
    }
    for (const { port } of this.servers) {
      await until(
        async () => {
          const info = String(await command(port, ['CLUSTER', 'INFO']));
          return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${CLUSTER_MASTERS}`);
        },
        { timeoutMs: START_TIMEOUT_MS, message: 'the cluster is whole' },
      );
    }
  }
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
