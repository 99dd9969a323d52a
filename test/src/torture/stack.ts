import { dirname, join } from 'node:path';
import { createClient } from '@redis/client';
import pg from 'pg';
import { PostgresServer, type TestDatabase } from '../support/postgres.js';
import { Child, cleanEnvironment } from '../support/processes.js';
import { RedisServer } from '../support/redis.js';
import type { TokenKey } from '../support/tokens.js';
import { Instance } from './instance.js';

/** Text of a message may be long, so that a reader who stands still is soon too far behind. */
const MESSAGE_MAX_CHARS = 8000;

export interface StackOptions {
  readonly instances: number;
  readonly main: string;
  readonly key: TokenKey;
  /** Where the logs of the instances go. */
  readonly folder: string;
}

interface Servers {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly database: TestDatabase;
}

/** Everything that a run torments: PostgreSQL, Redis, and instances behind links that can be hurt. */
export class Stack {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly instances: readonly Instance[];
  readonly #database: TestDatabase;
  readonly #main: string;

  private constructor(servers: Servers, instances: readonly Instance[], main: string) {
    this.postgres = servers.postgres;
    this.redis = servers.redis;
    this.#database = servers.database;
    this.instances = instances;
    this.#main = main;
  }

  /** Settles when the servers run and the links to them are laid; the instances are still to be started. */
  static async create(options: StackOptions): Promise<Stack> {
    const postgres = await PostgresServer.start();
    const redis = await RedisServer.start();
    const database = await postgres.createDatabase();
    const instances = await Promise.all(
      Array.from({ length: options.instances }, (_, number) =>
        Instance.create(number, {
          main: options.main,
          env: {
            JWT_PRIVATE_KEY: options.key.privatePem,
            CHAT_RATE_LIMIT_PER_MINUTE: '0',
            DRAIN_SECONDS: '2',
            CHAT_MESSAGE_MAX_CHARS: String(MESSAGE_MAX_CHARS),
          },
          postgresPort: postgres.port,
          redisPort: redis.port,
          database: new URL(database.url).pathname,
          logFile: join(options.folder, `instance-${number}.log`),
        }),
      ),
    );
    return new Stack({ postgres, redis, database }, instances, options.main);
  }

  /** Settles when all instances are ready. */
  async start(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.start()));
  }

  /** Runs one statement beside the links, as an operator would. @returns its rows */
  async sql<Row extends pg.QueryResultRow>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.#database.url });
    // A server that is killed in the midst of it rejects the query as well.
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Row>(text, [...params])).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Checks the audit trail as an operator does. @returns what is wrong with it; null: it holds */
  async verifyTrail(): Promise<string | null> {
    const command = await Child.start(process.execPath, [join(dirname(this.#main), 'hubbub.js'), 'audit', 'verify'], {
      env: cleanEnvironment({ DATABASE_URL: this.#database.url }),
    });
    const { code } = await command.exited;
    await command.outputEnded;
    return code === 0 ? null : command.tail;
  }

  /** Sends one command to Redis beside the links. */
  async redisCommand(args: string[]): Promise<void> {
    const client = createClient({ url: this.redis.url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    await client.connect();
    try {
      // `CLIENT KILL` may hit this connection as well, whose answer then never comes.
      await client.sendCommand(args).catch(() => {});
    } finally {
      if (client.isOpen) client.destroy();
    }
  }

  async measure(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.measure()));
  }

  /** Ends everything and leaves nothing behind but the logs. May be repeated. */
  async close(): Promise<void> {
    await Promise.allSettled(this.instances.map((instance) => instance.close()));
    await Promise.allSettled([this.postgres.stop(), this.redis.stop()]);
  }
}
