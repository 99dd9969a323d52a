/** Hubbub in the two ways that people run it: one process without anything else, or instances that share servers. */
import { HubbubProcess } from './hubbub.js';
import { createDatabase } from './postgres.js';
import { reserveRedisDatabase } from './redis.js';
import { api } from './rest.js';
import { recordSecret } from './run-records.js';
import { type Claims, TokenKey, userClaims } from './tokens.js';

/** `embedded`: one instance in development mode, all in memory; `cluster`: instances on PostgreSQL and Redis. */
export type PairKind = 'embedded' | 'cluster';

export const PAIR_KINDS: readonly PairKind[] = ['embedded', 'cluster'];

export interface PairOptions {
  /** Settings of every instance, beside or in place of those of the kind. */
  readonly env?: Readonly<Record<string, string>>;
  /** Instances of a cluster. Default 2. */
  readonly instances?: number;
  /** Database of a cluster. Default: a new one on the test run's server, dropped at the end. */
  readonly databaseUrl?: string;
  /** Redis of a cluster. Default: a database of the test run's server, emptied at the end. */
  readonly redisUrl?: string;
}

type Cleanup = () => Promise<void>;

/** Running instances, with a way to act as any user. */
export class Pair {
  readonly kind: PairKind;
  readonly instances: readonly HubbubProcess[];
  /** What every instance was started with; {@link HubbubProcess.start} with it adds one more to a cluster. */
  readonly env: Readonly<Record<string, string>>;
  readonly #key: TokenKey | null;
  readonly #cleanups: readonly Cleanup[];

  constructor(kind: PairKind, parts: Pick<Pair, 'instances' | 'env'> & { key: TokenKey | null; cleanups: Cleanup[] }) {
    this.kind = kind;
    this.instances = parts.instances;
    this.env = parts.env;
    this.#key = parts.key;
    this.#cleanups = parts.cleanups;
  }

  /** The instance at `index`, modulo their number: tests that spread users over a pair work with a single one, too. */
  at(index: number): HubbubProcess {
    const instance = this.instances[index % this.instances.length];
    if (instance === undefined) throw new Error('There is no instance');
    return instance;
  }

  /** The key that a cluster trusts. @throws in an embedded one, which keeps its key to itself */
  get key(): TokenKey {
    if (this.#key === null) throw new Error('An embedded instance does not show its key');
    return this.#key;
  }

  /**
   * A valid token of the user of this name, who has the same id each time: in a cluster signed here, else asked for at
   * the development endpoint.
   *
   * @param claims added claims, such as `role`; an embedded instance grants `role` alone
   */
  async token(username: string, claims: Claims = {}): Promise<string> {
    if (this.#key !== null) return this.#key.sign(userClaims(username, claims));
    const path = '/api/v1/dev/token';
    const { body } = await api(this.at(0).url).post<{ token: string }>(path, { username, ...claims }, { expect: 201 });
    recordSecret(body.token);
    return body.token;
  }

  /**
   * Stops the instances, then removes their database and keys. May be repeated.
   *
   * @throws when an instance did not stop in good order; the rest is done all the same
   */
  async stop(): Promise<void> {
    const stopped = await Promise.allSettled(this.instances.map((instance) => instance.stop()));
    await runAll(this.#cleanups);
    const failed = stopped.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

/**
 * Starts Hubbub; settles when every instance is ready.
 *
 * @throws when one does not start; what was started is stopped then
 */
export async function startPair(kind: PairKind, options: PairOptions = {}): Promise<Pair> {
  const cleanups: Cleanup[] = [];
  const key = kind === 'cluster' ? new TokenKey() : null;
  const instances: HubbubProcess[] = [];
  try {
    const own = key === null ? { DATA_DIR: 'memory://' } : await clusterEnv(key, options, cleanups);
    // On loopback, which a configured key would open to all interfaces.
    const env = { HOST: '127.0.0.1', ...own, ...options.env };
    const count = kind === 'cluster' ? (options.instances ?? 2) : 1;
    // Together: instances that meet a new database at once must agree on who sets it up.
    const started = await Promise.allSettled(Array.from({ length: count }, () => HubbubProcess.start(env)));
    for (const result of started) if (result.status === 'fulfilled') instances.push(result.value);
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return new Pair(kind, { instances, env, key, cleanups });
  } catch (error) {
    await Promise.allSettled(instances.map((instance) => instance.stop()));
    await runAll(cleanups);
    throw error;
  }
}

async function clusterEnv(key: TokenKey, options: PairOptions, cleanups: Cleanup[]): Promise<Record<string, string>> {
  let { databaseUrl, redisUrl } = options;
  if (databaseUrl === undefined) {
    const database = await createDatabase(testServerUrl('HUBBUB_TEST_DATABASE_URL'));
    cleanups.push(database.drop);
    databaseUrl = database.url;
  }
  if (redisUrl === undefined) {
    const redis = await reserveRedisDatabase(testServerUrl('HUBBUB_TEST_REDIS_URL'));
    cleanups.push(redis.drop);
    redisUrl = redis.url;
  }
  return { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, JWT_PRIVATE_KEY: key.privatePem };
}

/**
 * URL of a server of this test run.
 *
 * @throws when the test was not started by the runner
 */
export function testServerUrl(name: 'HUBBUB_TEST_DATABASE_URL' | 'HUBBUB_TEST_REDIS_URL'): string {
  const url = process.env[name];
  if (url === undefined) throw new Error(`${name} is not set: run this test by npm test`);
  return url;
}

async function runAll(cleanups: readonly Cleanup[]): Promise<void> {
  for (const cleanup of cleanups) await cleanup();
}
