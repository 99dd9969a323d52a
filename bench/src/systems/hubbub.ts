import { HubbubProcess } from '@hubbub/test/support/hubbub.js';
import { createDatabase, type TestDatabase } from '@hubbub/test/support/postgres.js';
import { reserveRedisDatabase } from '@hubbub/test/support/redis.js';
import { TokenKey, userClaims } from '@hubbub/test/support/tokens.js';
import type { NewClient } from '../generator/fleet.js';
import { INSPECT_OPTION, inspectorUrlOf } from '../machine/inspector.js';
import { pin } from '../machine/pin.js';
import { withChildren } from '../machine/proc.js';
import type { Servers } from './servers.js';
import type { System } from './system.js';

export interface HubbubOptions {
  /** `cluster`: PostgreSQL and Redis; `postgres`: PostgreSQL alone; `embedded`: PGlite and nothing else. */
  readonly kind: 'cluster' | 'postgres' | 'embedded';
  /** Default 1. */
  readonly instances?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** False: the instances run on any processor. Default true: on the server's. */
  readonly pinned?: boolean;
  /** Whether the instances' memory can be looked into. Default false. */
  readonly inspected?: boolean;
}

/** The limiter does all its work, and lets everything through. */
export const GENEROUS_RATE = { CHAT_RATE_LIMIT_PER_MINUTE: '1000000', CHAT_RATE_LIMIT_BURST: '1000000' };

/** A user may make ten channels a minute, and the answer to one more is an error. */
const CHANNELS_A_USER = 10;
/** Users that make channels are none of those who chat. */
const FIRST_CREATOR = 900_000;
const CREATE_PARALLEL = 20;

/** Hubbub with PostgreSQL and Redis, or alone. */
export class HubbubSystem implements System {
  readonly name = 'hubbub';
  readonly dialect = 'hubbub';
  readonly instances: readonly HubbubProcess[];
  /** Null: embedded. */
  readonly database: TestDatabase | null;
  readonly helperPids: () => readonly number[];
  readonly inspectorUrls: readonly string[];
  readonly #key: TokenKey;
  readonly #cleanups: readonly (() => Promise<void>)[];
  #creators = 0;

  private constructor(
    parts: Pick<HubbubSystem, 'instances' | 'database' | 'helperPids' | 'inspectorUrls'> & {
      key: TokenKey;
      cleanups: readonly (() => Promise<void>)[];
    },
  ) {
    this.instances = parts.instances;
    this.database = parts.database;
    this.helperPids = parts.helperPids;
    this.inspectorUrls = parts.inspectorUrls;
    this.#key = parts.key;
    this.#cleanups = parts.cleanups;
  }

  /** Starts instances on a database of their own; settles when they are ready. */
  static async start(servers: Servers, options: HubbubOptions): Promise<HubbubSystem> {
    const key = new TokenKey('ES256');
    const cleanups: (() => Promise<void>)[] = [];
    const env: Record<string, string> = {
      HOST: '127.0.0.1',
      JWT_PRIVATE_KEY: key.privatePem,
      LOG_LEVEL: 'info',
      DRAIN_SECONDS: '0',
      ...GENEROUS_RATE,
      ...options.env,
      ...servers.hubbubEnv,
    };
    let database: TestDatabase | null = null;
    let helperPids: () => number[] = () => [];
    if (options.kind === 'embedded') {
      env.DATA_DIR ??= 'memory://';
    } else {
      const postgres = await servers.postgres();
      database = await createDatabase(postgres.url());
      cleanups.push(database.drop);
      env.DATABASE_URL = database.url;
      helperPids = () => withChildren(postgres.pid);
    }
    if (options.kind === 'cluster') {
      const redis = await servers.redis();
      const redisDatabase = await reserveRedisDatabase(redis.url);
      cleanups.push(redisDatabase.drop);
      env.REDIS_URL = redisDatabase.url;
      const ofDatabase = helperPids;
      helperPids = () => [...ofDatabase(), redis.pid];
    }
    if (options.inspected === true) env.NODE_OPTIONS = [env.NODE_OPTIONS ?? '', INSPECT_OPTION].join(' ').trim();
    const count = options.instances ?? 1;
    const instances = await Promise.all(Array.from({ length: count }, () => HubbubProcess.start(env)));
    const { server } = servers.placement;
    if (server !== null && options.pinned !== false) for (const { pid } of instances) pin(pid, server);
    const inspectorUrls = options.inspected === true ? instances.map(({ output }) => inspectorUrlOf(output)) : [];
    return new HubbubSystem({ instances, database, helperPids, inspectorUrls, key, cleanups });
  }

  /** With those of its workers, where an instance has some. */
  get pids(): number[] {
    return this.instances.flatMap(({ pid }) => withChildren(pid));
  }

  token(user: number): string {
    return this.#key.sign(userClaims(`u${String(user).padStart(6, '0')}`));
  }

  async createChannels(count: number): Promise<string[]> {
    const ids: string[] = [];
    const users = Array.from({ length: Math.ceil(count / CHANNELS_A_USER) }, () => FIRST_CREATOR + this.#creators++);
    const worker = async () => {
      for (let user = users.pop(); user !== undefined; user = users.pop()) {
        const token = this.token(user);
        for (let made = 0; made < CHANNELS_A_USER && ids.length < count; made++) ids.push(await this.#create(token));
      }
    };
    await Promise.all(Array.from({ length: CREATE_PARALLEL }, worker));
    return ids.slice(0, count);
  }

  client(user: number, channelIds: readonly string[], instance = 0): NewClient {
    const joins = channelIds.length !== 1;
    const path = joins ? '/ws/chat' : `/api/v1/chat/channels/${channelIds[0]}/ws`;
    return { url: `${this.#wsUrl(instance)}${path}`, token: this.token(user), channelIds, joins };
  }

  async stop(): Promise<void> {
    const stopped = await Promise.allSettled(this.instances.map((instance) => instance.stop()));
    for (const cleanup of this.#cleanups) await cleanup();
    for (const each of stopped) if (each.status === 'rejected') throw each.reason;
  }

  async #create(token: string): Promise<string> {
    const response = await fetch(`${this.instances[0]?.url}/api/v1/chat/channels`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"name":"bench"}',
    });
    if (response.status !== 201) throw new Error(`no channel was made: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { id: string }).id;
  }

  #wsUrl(instance: number): string {
    const found = this.instances[instance % this.instances.length];
    if (found === undefined) throw new Error('there is no instance');
    return found.wsUrl;
  }
}
