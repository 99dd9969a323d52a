/** Throw-away Redis servers, and databases in them that one test has for itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { findRedis } from './binaries.js';
import { freePort } from './ports.js';
import { Child } from './processes.js';

const START_TIMEOUT_MS = 15_000;
const DATABASES = 1024;
const COUNTER_KEY = 'hubbub-test:databases';

export interface RedisOptions {
  /** Server settings beside those of the harness, as in redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A numbered Redis database. Pub/Sub knows no databases: channel names are shared by the whole server. */
export interface RedisDatabase {
  readonly url: string;
  /** Empties it. May be repeated. */
  drop(): Promise<void>;
}

/**
 * A Redis server of its own on 127.0.0.1, without a disk: what it knows is gone when it ends. It has a password when its
 * settings say `requirepass`.
 */
export class RedisServer {
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  #child: Child | null = null;

  private constructor(place: { program: string; folder: string; port: number }, settings = {}) {
    this.port = place.port;
    this.#program = place.program;
    this.#folder = place.folder;
    this.#settings = settings;
  }

  /**
   * Makes a new server; settles when it takes connections.
   *
   * @throws when Redis is not installed, or does not start
   */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const program = findRedis();
    if (program === null) throw new Error('Redis (redis-server or valkey-server) is not installed');
    const folder = await mkdtemp(join(tmpdir(), 'hubbub-redis-'));
    const server = new RedisServer({ program, folder, port: await freePort() }, options.settings);
    try {
      await server.#launch();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** @throws when the server does not run */
  get pid(): number {
    if (this.#child === null) throw new Error('Redis does not run');
    return this.#child.pid;
  }

  get url(): string {
    const { requirepass } = this.#settings;
    return `redis://${requirepass === undefined ? '' : `:${requirepass}@`}127.0.0.1:${this.port}`;
  }

  /** Kills the server without warning; settles when it is gone. */
  async kill9(): Promise<void> {
    await this.#child?.stop('SIGKILL');
    this.#child = null;
  }

  /** Starts the server again on its port, empty, stopping it if it runs; settles when it takes connections. */
  async restart(): Promise<void> {
    await this.#child?.stop();
    await this.#launch();
  }

  /** Ends the server and leaves nothing behind. May be repeated. */
  async stop(): Promise<void> {
    await this.#child?.stop();
    this.#child = null;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #launch(): Promise<void> {
    const settings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.#folder,
      databases: String(DATABASES),
      save: '',
      appendonly: 'no',
      ...this.#settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    this.#child = await Child.start(this.#program, args, { cwd: this.#folder });
    await this.#child.waitForLine(
      (line) => line.includes('Ready to accept connections') || undefined,
      START_TIMEOUT_MS,
    );
  }
}

/**
 * A Redis database that no other test of this run uses. The number is drawn in Redis itself (database 0), because test
 * files run in processes of their own.
 *
 * @param serverUrl URL of a server that {@link RedisServer} started, without a database number
 */
export async function reserveRedisDatabase(serverUrl: string): Promise<RedisDatabase> {
  const drawn = await withClient(serverUrl, (client) => client.incr(COUNTER_KEY));
  const url = `${serverUrl}/${1 + ((drawn - 1) % (DATABASES - 1))}`;
  const drop = () => withClient(url, async (client) => void (await client.flushDb()));
  await drop();
  return { url, drop };
}

type Client = ReturnType<typeof makeClient>;

function makeClient(url: string) {
  return createClient({ url, socket: { reconnectStrategy: false } });
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = makeClient(url);
  // Without a listener a lost connection would end the process; the command itself fails all the same.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}
