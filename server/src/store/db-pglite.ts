import { PGlite, types } from '@electric-sql/pglite';
import { StorageUnavailable } from '../errors.js';
import { lockDataDir } from './data-dir-lock.js';
import type { Db, Queryable } from './db.js';

const parsers = { [types.INT8]: (text: string) => Number(text) };

/**
 * PostgreSQL compiled to WebAssembly, in this process: nothing to install. One connection, so statements and
 * transactions run one after the other.
 */
export class PgliteDb implements Db {
  readonly #pglite: PGlite;

  readonly #unlock: () => void;

  private constructor(pglite: PGlite, unlock: () => void) {
    this.#pglite = pglite;
    this.#unlock = unlock;
  }

  /**
   * @param directory where the data lives; made when it does not exist. `memory://` keeps nothing
   * @returns the database once it is ready for statements
   * @throws ConfigError when another process has the directory
   */
  static async open(directory: string): Promise<PgliteDb> {
    const inMemory = directory.startsWith('memory://');
    const unlock = inMemory ? () => {} : lockDataDir(directory);
    const pglite = new PGlite(inMemory ? directory : `${directory}/pglite`, { parsers });
    await pglite.waitReady;
    return new PgliteDb(pglite, unlock);
  }

  async query<Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    this.#assertOpen();
    return (await this.#pglite.query<Row>(text, [...params])).rows;
  }

  async exec(text: string): Promise<void> {
    this.#assertOpen();
    await this.#pglite.exec(text);
  }

  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    this.#assertOpen();
    return this.#pglite.transaction((tx) =>
      fn({
        query: async <Row>(text: string, params: readonly unknown[] = []) =>
          (await tx.query<Row>(text, [...params])).rows,
        exec: async (text) => {
          await tx.exec(text);
        },
      }),
    );
  }

  async ping(): Promise<boolean> {
    return !this.#pglite.closed;
  }

  async close(): Promise<void> {
    if (this.#pglite.closed) return;
    await this.#pglite.close();
    this.#unlock();
  }

  #assertOpen(): void {
    if (this.#pglite.closed) throw new StorageUnavailable('not-applied', new Error('the embedded database is closed'));
  }
}
