/** Throw-away PostgreSQL servers, and throw-away databases in them. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findPostgres, MIN_POSTGRES_MAJOR } from './binaries.js';
import { freePort } from './ports.js';
import { Child, type ChildOptions, cleanEnvironment } from './processes.js';
import { until, withTimeout } from './wait.js';

const INITDB_TIMEOUT_MS = 60_000;
/** Also covers the recovery after a crash. */
const START_TIMEOUT_MS = 30_000;
const BACKENDS_END_TIMEOUT_MS = 15_000;
const BACKUP_TIMEOUT_MS = 60_000;
const PROMOTION_TIMEOUT_S = 30;

type User = NonNullable<ChildOptions['user']>;

export interface PostgresOptions {
  /** Server settings beside those of the harness, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A database that a test has for itself. */
export interface TestDatabase {
  readonly url: string;
  /** Removes it, and cuts off whoever still uses it. May be repeated. */
  drop(): Promise<void>;
}

/**
 * A PostgreSQL server of its own on 127.0.0.1, superuser `postgres`, no password, data in a temporary folder. It survives
 * {@link kill9} and {@link restart} on the same port with its data, and leaves nothing behind after {@link stop}.
 */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #binFolder: string;
  readonly #user: User | undefined;
  readonly #settings: Readonly<Record<string, string>>;
  #child: Child | null = null;

  private constructor(
    place: { binFolder: string; folder: string; port: number; user: User | undefined },
    settings = {},
  ) {
    this.port = place.port;
    this.#folder = place.folder;
    this.#binFolder = place.binFolder;
    this.#user = place.user;
    this.#settings = settings;
  }

  /**
   * Makes a new server; settles when it takes connections.
   *
   * @throws when PostgreSQL is not installed, or does not start
   */
  static async start(options: PostgresOptions = {}): Promise<PostgresServer> {
    return await PostgresServer.#make((server) => server.#initialise(), options.settings);
  }

  static async #make(
    fill: (server: PostgresServer) => Promise<void>,
    settings?: PostgresOptions['settings'],
  ): Promise<PostgresServer> {
    const binFolder = findPostgres();
    if (binFolder === null) throw new Error(`PostgreSQL ${MIN_POSTGRES_MAJOR} or newer is not installed`);
    const user = unprivilegedUser();
    const folder = await mkdtemp(join(tmpdir(), 'hubbub-postgres-'));
    const server = new PostgresServer({ binFolder, folder, port: await freePort(), user }, settings);
    try {
      if (user !== undefined) await chown(folder, user.uid, user.gid);
      await fill(server);
      await server.#launch();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /**
   * Makes a standby of this server; settles when it takes connections that read.
   *
   * @param port where it follows this server. Default: the server's own
   */
  async standby(port = this.port): Promise<PostgresServer> {
    const source = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return await PostgresServer.#make(async (standby) => {
      const args = ['-D', standby.#folder, '-d', source, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
      await standby.#runToEnd('pg_basebackup', args, BACKUP_TIMEOUT_MS);
    }, this.#settings);
  }

  /** From now on commits wait for the standby; settles when it keeps up. */
  async makeSynchronous(): Promise<void> {
    await execute(this.url(), "alter system set synchronous_standby_names = '*'");
    await execute(this.url(), 'select pg_reload_conf()');
    await until(
      async () => (await execute(this.url(), "select 1 from pg_stat_replication where sync_state = 'sync'")) > 0,
      { timeoutMs: START_TIMEOUT_MS, message: 'the standby to be synchronous' },
    );
  }

  /** Makes a standby the primary; settles when it takes writes. */
  async promote(): Promise<void> {
    await execute(this.url(), `select pg_promote(true, ${PROMOTION_TIMEOUT_S})`);
  }

  /** Of the process that is the parent of all others. @throws when the server does not run */
  get pid(): number {
    if (this.#child === null) throw new Error('PostgreSQL does not run');
    return this.#child.pid;
  }

  /** The end of its log, at most 64 Ki characters. @throws when the server does not run */
  get output(): string {
    if (this.#child === null) throw new Error('PostgreSQL does not run');
    return this.#child.tail;
  }

  /** @param database default: the maintenance database */
  url(database = 'postgres'): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** A new, empty database. */
  createDatabase(): Promise<TestDatabase> {
    return createDatabase(this.url());
  }

  /** Kills the server without warning, as a crash would; settles when all its processes are gone. The data stays. */
  async kill9(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.signal('SIGKILL');
    // Its backends hold the output until they notice and end; before that no new server may open the data.
    await withTimeout(child.outputEnded, BACKENDS_END_TIMEOUT_MS, () => 'Backends of a killed PostgreSQL did not end');
    this.#child = null;
  }

  /** Starts the server again, stopping it in good order if it runs; settles when it takes connections. */
  async restart(): Promise<void> {
    await this.#child?.stop('SIGINT');
    await this.#child?.outputEnded;
    await this.#launch();
  }

  /** Ends the server and removes its data. May be repeated. */
  async stop(): Promise<void> {
    // An immediate shutdown: nobody needs what a checkpoint would save.
    await this.#child?.stop('SIGQUIT');
    this.#child = null;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  async #initialise(): Promise<void> {
    // Case folding beyond ASCII, as production databases have it; C.UTF-8 needs no language package.
    const locale = process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8';
    const args = ['-D', this.#folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
    await this.#runToEnd('initdb', [...args, `--locale=${locale}`, '--lc-messages=C'], INITDB_TIMEOUT_MS);
  }

  async #runToEnd(program: 'initdb' | 'pg_basebackup', args: readonly string[], timeoutMs: number): Promise<void> {
    const child = await this.#run(program, args);
    const exit = await withTimeout(child.exited, timeoutMs, () => `${program} takes too long:\n${child.tail}`);
    if (exit.code !== 0) throw new Error(`${program} failed:\n${child.tail}`);
  }

  async #launch(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '300',
      // Only a crash of the whole machine would tell the difference, and then the data is worthless anyway.
      fsync: 'off',
      ...this.#settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#child = await this.#run('postgres', ['-D', this.#folder, '-p', String(this.port), ...flags]);
    await this.#child.waitForLine(
      // A standby says that they are read-only.
      (line) => /database system is ready to accept .*connections/.test(line) || undefined,
      START_TIMEOUT_MS,
    );
  }

  #run(program: 'initdb' | 'postgres' | 'pg_basebackup', args: readonly string[]): Promise<Child> {
    return Child.start(join(this.#binFolder, program), args, {
      // The current folder may be closed to the unprivileged user.
      cwd: this.#folder,
      env: cleanEnvironment(),
      ...(this.#user === undefined ? {} : { user: this.#user }),
    });
  }
}

/**
 * Makes a new, empty database in a server that runs.
 *
 * @param maintenanceUrl a database of that server, with the right to make others
 */
export async function createDatabase(maintenanceUrl: string): Promise<TestDatabase> {
  const name = `hubbub_${randomUUID().replaceAll('-', '')}`;
  await execute(maintenanceUrl, `create database ${name} template template0`);
  const url = new URL(maintenanceUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => void (await execute(maintenanceUrl, `drop database if exists ${name} with (force)`)),
  };
}

/** @returns the number of rows */
async function execute(url: string, sql: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows.length;
  } finally {
    await client.end();
  }
}

/** PostgreSQL and its poolers refuse to run as root: whom to run them as instead. */
export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const entry = entries.find(([user]) => user === name);
    if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as');
}
