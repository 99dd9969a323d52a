import pg from 'pg';
import { StorageUnavailable } from '../errors.js';
import type { Logger } from '../log.js';
import { type Db, isFatal, isUnavailable, type Queryable, sqlState } from './db.js';

interface PgOptions {
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  /** Longest time a statement may take, in milliseconds, here and on the server. */
  readonly statementTimeoutMs: number;
}

const INT8_OID = 20;
const CONNECT_TIMEOUT_MS = 3000;
const PING_DEADLINE_MS = 1000;
const MIGRATION_TIMEOUT_MS = 600_000;

// Every bigint of the schema is a seq or a count, far below 2^53, so a number holds it exactly.
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/** PostgreSQL 13 or newer through a pool of connections; every statement is prepared once a connection. */
export class PgDb implements Db {
  readonly #pool: pg.Pool;
  /** Statement text -> its name as a prepared statement. Bounded: all texts are constants of the store. */
  readonly #names = new Map<string, string>();

  constructor(options: PgOptions, log: Logger) {
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.poolSize,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: options.statementTimeoutMs,
      // A server that answers nothing at all cannot time a statement out, so the client does, a little later.
      query_timeout: options.statementTimeoutMs + 1000,
      application_name: 'hubbub',
      keepAlive: true,
      types,
    });
    // An idle connection that the server ends must not end the process; the pool opens another when one is needed.
    this.#pool.on('error', (error) => log.warn({ err: error.message }, 'A database connection was lost'));
  }

  query<Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.#withClient((client) => this.#run<Row>(client, text, params));
  }

  exec(text: string): Promise<void> {
    return this.#withClient(async (client) => {
      await client.query(text);
    });
  }

  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#withClient(async (client) => {
      await client.query('begin');
      try {
        const result = await fn({
          query: (text, params = []) => this.#run(client, text, params),
          exec: async (text) => {
            // Migrations may rewrite large tables; they alone run through exec.
            await client.query(`set local statement_timeout = ${MIGRATION_TIMEOUT_MS}`);
            await client.query({ text, query_timeout: MIGRATION_TIMEOUT_MS } as pg.QueryConfig);
          },
        });
        await client.query('commit');
        return result;
      } catch (error) {
        // Where the connection is gone so is the transaction; the first error is the one that tells why.
        if (!isConnectionError(error)) await client.query('rollback').catch(() => {});
        throw error;
      }
    });
  }

  async ping(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), PING_DEADLINE_MS);
    });
    const answer = this.query('select 1').then(
      () => true,
      () => false,
    );
    const alive = await Promise.race([answer, patience]);
    clearTimeout(timer);
    return alive;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #run<Row>(client: pg.PoolClient, text: string, params: readonly unknown[]): Promise<Row[]> {
    const result = await client.query({ name: this.#nameOf(text), text, values: [...params] });
    return result.rows as Row[];
  }

  async #withClient<T>(fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw new StorageUnavailable('not-applied', error);
    }
    try {
      const result = await fn(client);
      client.release();
      return result;
    } catch (error) {
      const state = sqlState(error);
      if (state === null && isConnectionError(error)) {
        client.release(true);
        throw new StorageUnavailable('unknown', error);
      }
      if (state !== null && isUnavailable(state)) {
        client.release(true);
        // A backend that is ended may have committed before it could say so; a statement that failed has not.
        throw new StorageUnavailable(isFatal(error) ? 'unknown' : 'not-applied', error);
      }
      client.release();
      throw error;
    }
  }

  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `s${this.#names.size}`;
      this.#names.set(text, name);
    }
    return name;
  }
}

/** An error of the connection and not of our own code: `pg` gives these no class of their own. */
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof StorageUnavailable) return true;
  if ('code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code)) return true;
  return /^(Connection terminated|Query read timeout|Client (has encountered|was closed)|timeout)/.test(error.message);
}
