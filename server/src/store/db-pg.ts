import type pg from 'pg';
import { StorageUnavailable } from '../errors.js';
import type { Logger } from '../log.js';
import { type Db, isFatal, isUnavailable, type Queryable, SQLSTATE, sqlState } from './db.js';
import { type PgSession, PgSessions, type PgSessionsOptions } from './pg-sessions.js';

const PING_DEADLINE_MS = 1000;
const MIGRATION_TIMEOUT_MS = 600_000;

/**
 * PostgreSQL 13 or newer through a pool of connections; every statement is prepared once a connection, where no pooler
 * stands between.
 */
export class PgDb implements Db {
  readonly #sessions: PgSessions;
  /** Statement text -> its name as a prepared statement. Bounded: all texts are constants of the store. */
  readonly #names = new Map<string, string>();

  constructor(options: PgSessionsOptions, log: Logger) {
    this.#sessions = new PgSessions(options, log);
  }

  query<Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.#withSession((session) => this.#run<Row>(session, text, params));
  }

  exec(text: string): Promise<void> {
    return this.#withSession(async ({ client }) => {
      await client.query(text);
    });
  }

  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#withSession(async (session) => {
      const { client } = session;
      await client.query('begin');
      try {
        const result = await fn({
          query: (text, params = []) => this.#run(session, text, params),
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
    await this.#sessions.close();
  }

  async #run<Row>({ client, isDirect }: PgSession, text: string, params: readonly unknown[]): Promise<Row[]> {
    const values = [...params];
    const result = await client.query(isDirect ? { name: this.#nameOf(text), text, values } : { text, values });
    return result.rows as Row[];
  }

  async #withSession<T>(fn: (session: PgSession) => Promise<T>): Promise<T> {
    let session: PgSession;
    try {
      session = await this.#sessions.acquire();
    } catch (error) {
      throw new StorageUnavailable('not-applied', error);
    }
    try {
      const result = await fn(session);
      session.release();
      return result;
    } catch (error) {
      const state = sqlState(error);
      if (state === null && isConnectionError(error)) {
        session.release(true);
        throw new StorageUnavailable('unknown', error);
      }
      if (state === SQLSTATE.readOnlyTransaction) {
        session.abandonServer();
        throw new StorageUnavailable('not-applied', error);
      }
      if (state !== null && isUnavailable(state)) {
        session.release(true);
        // A backend that is ended may have committed before it could say so; a statement that failed has not.
        throw new StorageUnavailable(isFatal(error) ? 'unknown' : 'not-applied', error);
      }
      session.release();
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
