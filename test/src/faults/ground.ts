/** A cluster on a PostgreSQL and a Redis of its own, both behind links that can be hurt. */
import pg from 'pg';
import { Stage } from '../contract/stage.js';
import type { PairOptions } from '../support/pair.js';
import { PostgresServer, type TestDatabase } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { TcpLink } from '../support/tcp-link.js';

interface Parts {
  readonly postgres: PostgresServer;
  readonly database: TestDatabase;
  readonly redis: RedisServer;
  readonly toPostgres: TcpLink;
  readonly toRedis: TcpLink;
  readonly stage: Stage;
}

export class Ground {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  /** What all instances reach PostgreSQL over; {@link sql} goes past it. */
  readonly toPostgres: TcpLink;
  readonly toRedis: TcpLink;
  readonly stage: Stage;
  readonly #databaseUrl: string;

  private constructor(parts: Parts) {
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.toPostgres = parts.toPostgres;
    this.toRedis = parts.toRedis;
    this.stage = parts.stage;
    this.#databaseUrl = parts.database.url;
  }

  /** Settles when two instances are ready. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<Ground> {
    const [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
    const database = await postgres.createDatabase();
    const [toPostgres, toRedis] = await Promise.all([TcpLink.listen(postgres.port), TcpLink.listen(redis.port)]);
    const options: PairOptions = {
      databaseUrl: withPort(database.url, toPostgres.port),
      redisUrl: withPort(redis.url, toRedis.port),
      env: { CHAT_RATE_LIMIT_PER_MINUTE: '0', ...env },
    };
    const stage = new Stage('cluster', options);
    const ground = new Ground({ postgres, database, redis, toPostgres, toRedis, stage });
    try {
      await stage.start();
    } catch (error) {
      await ground.#release();
      throw error;
    }
    return ground;
  }

  /** One statement as an operator runs it, past the link. */
  async sql<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.#databaseUrl });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  /** @throws when an instance had ended, logged an error, or does not stop in good order */
  async stop(): Promise<void> {
    this.toPostgres.heal();
    this.toRedis.heal();
    try {
      await this.stage.stop();
    } finally {
      await this.#release();
    }
  }

  async #release(): Promise<void> {
    await Promise.all([this.toPostgres.close(), this.toRedis.close()]);
    await Promise.all([this.postgres.stop(), this.redis.stop()]);
  }
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
