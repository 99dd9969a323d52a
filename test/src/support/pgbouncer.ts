/** A throw-away PgBouncer. */
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPgbouncer } from './binaries.js';
import { freePort } from './ports.js';
import { unprivilegedUser } from './postgres.js';
import { Child } from './processes.js';

const START_TIMEOUT_MS = 15_000;

interface PgBouncerOptions {
  /** Of the server that it leads to. */
  readonly postgresPort: number;
  /** How long a client keeps a connection to the server. */
  readonly mode: 'transaction' | 'statement';
  /** Connections to the server at most, for each database. */
  readonly poolSize: number;
}

export class PgBouncer {
  readonly #program: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #user = unprivilegedUser();
  #child: Child | null = null;

  private constructor(program: string, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.#port = port;
  }

  /**
   * Settles when it takes connections.
   *
   * @throws when it is not installed, or does not start
   */
  static async start({ postgresPort, mode, poolSize }: PgBouncerOptions): Promise<PgBouncer> {
    const program = findPgbouncer();
    if (program === null) throw new Error('PgBouncer is not installed');
    const folder = await mkdtemp(join(tmpdir(), 'hubbub-pgbouncer-'));
    const pooler = new PgBouncer(program, folder, await freePort());
    try {
      const lines = [
        '[databases]',
        `* = host=127.0.0.1 port=${postgresPort} user=postgres`,
        '[pgbouncer]',
        'listen_addr = 127.0.0.1',
        `listen_port = ${pooler.#port}`,
        'unix_socket_dir =',
        'auth_type = any',
        `pool_mode = ${mode}`,
        `default_pool_size = ${poolSize}`,
      ];
      await writeFile(pooler.#file, `${lines.join('\n')}\n`);
      if (pooler.#user !== undefined) {
        for (const path of [folder, pooler.#file]) await chown(path, pooler.#user.uid, pooler.#user.gid);
      }
      await pooler.#launch();
    } catch (error) {
      await pooler.stop();
      throw error;
    }
    return pooler;
  }

  /** The URL of a database as it is reached through the pooler. @param databaseUrl its own */
  through(databaseUrl: string): string {
    const url = new URL(databaseUrl);
    url.port = String(this.#port);
    return url.href;
  }

  /** Ends it with all its connections, and starts it again; settles when it takes new ones. */
  async restart(): Promise<void> {
    await this.#child?.stop();
    await this.#launch();
  }

  /** Ends it and leaves nothing behind. May be repeated. */
  async stop(): Promise<void> {
    await this.#child?.stop();
    this.#child = null;
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, 'pgbouncer.ini');
  }

  async #launch(): Promise<void> {
    this.#child = await Child.start(this.#program, [this.#file], {
      cwd: this.#folder,
      ...(this.#user === undefined ? {} : { user: this.#user }),
    });
    await this.#child.waitForLine((line) => line.includes('process up') || undefined, START_TIMEOUT_MS);
  }
}
