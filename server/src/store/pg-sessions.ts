import pg from 'pg';
import type { Logger } from '../log.js';
import type { DatabaseServers } from './database-url.js';

export interface PgSessionsOptions {
  readonly servers: DatabaseServers;
  /** Connections at most. */
  readonly poolSize: number;
  /** Longest time a statement may take, in milliseconds, here and on the server. */
  readonly statementTimeoutMs: number;
}

/** A connection that its holder has for himself until he releases it. */
export interface PgSession {
  readonly client: pg.PoolClient;
  /**
   * Whether it is a session of the server. Else a pooler stands between, which may lead each transaction to another
   * session: what a session keeps, such as a prepared statement or a setting, is not there for the next.
   */
  readonly isDirect: boolean;
  /** @param failed it is of no use any more, and is closed */
  release(failed?: boolean): void;
  /** The server takes no writes: closes it, and the others beside it before they are used again. */
  abandonServer(): void;
}

/** What is known about a connection since it was opened. */
interface Opened {
  readonly isDirect: boolean;
  /** Connections are abandoned by generations. */
  readonly generation: number;
}

interface Check {
  readonly read_only: boolean;
  readonly direct: boolean;
  /** In words, as PostgreSQL shows it. */
  readonly statement_timeout: string;
}

const INT8_OID = 20;
const CONNECT_TIMEOUT_MS = 3000;
/** A server that only reads for long is read from meanwhile, by connections that last so long at least. */
const ABANDON_INTERVAL_MS = 1000;

// Every bigint of the schema is a seq or a count, far below 2^53, so a number holds it exactly.
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/**
 * A pool of connections to the one server that is used now. Where several are named, those that are away and those that
 * take no writes are passed over; all connections go to the same one.
 */
export class PgSessions {
  readonly #options: PgSessionsOptions;
  readonly #log: Logger;
  readonly #pool: pg.Pool;
  readonly #opened = new WeakMap<pg.ClientBase, Opened>();
  /** Number of the server that the next connection goes to. */
  #next = 0;
  /** What the latest connection was opened to: number of the server, and whether it takes writes. */
  #home: { readonly server: number; readonly isWritable: boolean } | null = null;
  #generation = 0;
  #abandonedAtMs = Number.NEGATIVE_INFINITY;
  #poolerSeen = false;

  constructor(options: PgSessionsOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    const { poolSize, statementTimeoutMs } = options;
    this.#pool = new pg.Pool({
      max: poolSize,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      // A server that answers nothing at all cannot time a statement out, so the client does, a little later.
      query_timeout: statementTimeoutMs + 1000,
      application_name: 'hubbub',
      keepAlive: true,
      types,
      Client: clientOf(options.servers.urls, () => this.#next),
      onConnect: (client) => this.#onConnect(client as ServerClient),
    });
    // A connection that the server ends must not end the process; the pool opens another when one is needed. The pool
    // listens to idle ones alone; one that is in use may be ended between two statements, where no query hears of it.
    this.#pool.on('connect', (client) => {
      client.on('error', (error) => log.debug({ err: error.message }, 'A database connection in use was lost'));
    });
    this.#pool.on('error', (error) => log.warn({ err: error.message }, 'A database connection was lost'));
  }

  /** @throws when no server can be used, or all connections are in use for too long */
  async acquire(): Promise<PgSession> {
    for (;;) {
      const client = await this.#connect();
      const opened = this.#opened.get(client);
      if (opened?.generation === this.#generation) return this.#session(client, opened);
      client.release(true);
    }
  }

  /** Ends all connections, after what is under way. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  #session(client: pg.PoolClient, { isDirect, generation }: Opened): PgSession {
    return {
      client,
      isDirect,
      release: (failed = false) => client.release(failed),
      abandonServer: () => {
        client.release(true);
        if (generation === this.#generation) this.#abandon();
      },
    };
  }

  #abandon(): void {
    const nowMs = performance.now();
    if (nowMs - this.#abandonedAtMs < ABANDON_INTERVAL_MS) return;
    this.#abandonedAtMs = nowMs;
    this.#generation++;
  }

  async #connect(): Promise<pg.PoolClient> {
    const { poolSize, servers } = this.#options;
    const errors: unknown[] = [];
    for (;;) {
      const server = this.#next;
      const isNew = this.#pool.idleCount === 0 && this.#pool.totalCount < poolSize;
      try {
        return await this.#pool.connect();
      } catch (error) {
        errors.push(error);
        // Waiting in vain for a connection that others have says nothing about the server.
        if (isNew) this.#leave(server);
        const isOver = this.#next === server || errors.length === servers.urls.length;
        if (isOver) throw errors.length === 1 ? error : new AggregateError(errors);
      }
    }
  }

  /** Settles when the connection can be used. */
  async #onConnect(client: ServerClient): Promise<void> {
    const { statementTimeoutMs, servers } = this.#options;
    try {
      // A pooler makes up the process id that it tells at the start. Nothing is set there: others would get the setting.
      const query = {
        text: `select current_setting('transaction_read_only')::boolean as read_only, pg_backend_pid() = $1 as direct,
          case when pg_backend_pid() = $1 then set_config('statement_timeout', $2, false)
            else current_setting('statement_timeout') end as statement_timeout`,
        values: [client.processID, String(statementTimeoutMs)],
        query_timeout: CONNECT_TIMEOUT_MS,
      };
      const [check] = (await client.query<Check>(query)).rows;
      if (check === undefined) throw new Error('the first query had no answer');
      if (check.read_only && servers.mustWrite) {
        throw new Error(`${client.host}:${client.port} takes no writes: it is a standby, or set to read only`);
      }
      if (!check.direct) this.#tellOfPooler(check);
      const isWritable = !check.read_only;
      this.#arrive(client, isWritable);
      this.#opened.set(client, { isDirect: check.direct, generation: this.#generation });
    } catch (error) {
      this.#leave(client.server);
      throw error;
    }
  }

  /**
   * All connections go to one server: those to another are not used again. Behind one name there may be another server,
   * too; that one takes writes and the other does not tells it.
   */
  #arrive({ server, host, port }: ServerClient, isWritable: boolean): void {
    const before = this.#home;
    if (before !== null && (before.server !== server || before.isWritable !== isWritable)) {
      this.#generation++;
      this.#log.warn(
        { host, port, writable: isWritable },
        'The database has become another server, or changed its role',
      );
    }
    this.#home = { server, isWritable };
    this.#next = server;
  }

  #leave(server: number): void {
    if (this.#next === server) this.#next = (server + 1) % this.#options.servers.urls.length;
  }

  #tellOfPooler(check: Check): void {
    if (this.#poolerSeen) return;
    this.#poolerSeen = true;
    this.#log.info('The database is behind a pooler: statements are not prepared');
    if (check.statement_timeout !== '0') return;
    this.#log.warn(
      'The database has no statement_timeout, and behind a pooler Hubbub cannot set one: a statement that hangs keeps its ' +
        `locks. Set it for the role: alter role ... set statement_timeout = '${this.#options.statementTimeoutMs}ms'`,
    );
  }
}

/** A connection to one of the servers. */
interface ServerClient extends pg.Client {
  /** Number of the server. */
  readonly server: number;
  /** What the server calls the session, or what a pooler makes up. */
  readonly processID: number;
}

/** The pool gives each of its clients the same settings; these ones know by themselves where to go. */
function clientOf(urls: readonly string[], next: () => number): new () => pg.ClientBase {
  return class extends pg.Client {
    readonly server: number;

    constructor(settings?: pg.ClientConfig) {
      const server = next();
      super({ ...settings, connectionString: urls[server] });
      this.server = server;
    }
  };
}
