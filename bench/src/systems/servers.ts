import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PostgresServer } from '@hubbub/test/support/postgres.js';
import { RedisServer } from '@hubbub/test/support/redis.js';
import { type Placement, pin } from '../machine/pin.js';
import { withChildren } from '../machine/proc.js';

const POSTGRES_SETTINGS = { synchronous_commit: 'on', shared_buffers: '256MB', max_wal_size: '4GB' };

/** PostgreSQL and Redis of a bench run, started when they are first asked for. */
export class Servers {
  readonly placement: Placement;
  readonly hubbubEnv: Readonly<Record<string, string>>;
  /** For everything temporary. */
  readonly folder = mkdtempSync(join(tmpdir(), 'hubbub-bench-'));
  readonly #durable: boolean;
  #postgres: Promise<PostgresServer> | null = null;
  #redis: Promise<RedisServer> | null = null;

  /**
   * @param hubbubEnv settings of every instance of Hubbub, beside those of its scenario
   * @param durable as in production: acknowledged means on the disk. Default true; false where nothing is measured
   */
  constructor(placement: Placement, hubbubEnv: Readonly<Record<string, string>> = {}, durable = true) {
    this.placement = placement;
    this.hubbubEnv = hubbubEnv;
    this.#durable = durable;
  }

  postgres(): Promise<PostgresServer> {
    const settings = { ...POSTGRES_SETTINGS, fsync: this.#durable ? 'on' : 'off' };
    this.#postgres ??= PostgresServer.start({ settings }).then((server) => this.#place(server));
    return this.#postgres;
  }

  redis(): Promise<RedisServer> {
    this.#redis ??= RedisServer.start().then((server) => this.#place(server));
    return this.#redis;
  }

  async stop(): Promise<void> {
    const started = await Promise.allSettled([this.#postgres, this.#redis]);
    await Promise.allSettled(started.map((each) => (each.status === 'fulfilled' ? each.value?.stop() : undefined)));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  #place<S extends { readonly pid: number }>(server: S): S {
    const { others } = this.placement;
    if (others !== null) for (const pid of withChildren(server.pid)) pin(pid, others);
    return server;
  }
}
