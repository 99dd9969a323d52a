import { mkdirSync } from 'node:fs';
import { PGlite, types } from '@electric-sql/pglite';
import { StorageUnavailable } from '../errors.js';
import type { Db, Queryable } from './db.js';

const parsers = { [types.INT8]: (text: string) => Number(text) };

/**
 * PostgreSQL compiled to WebAssembly, in this process: nothing to install. One connection, so statements and
 * transactions run one after the other.
 */
export class PgliteDb implements Db {
  readonly #pglite: PGlite;

  private constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /**
   * @param directory where the data lives; made when it does not exist. `memory://` keeps nothing
   * @returns the database once it is ready for statements
   */
  static async open(directory: string): Promise<PgliteDb> {
    if (!directory.startsWith('memory://')) mkdirSync(directory, { recursive: true, mode: 0o700 });
    const pglite = new PGlite(directory, { parsers });
    await pglite.waitReady;
    return new PgliteDb(pglite);
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
    if (!this.#pglite.closed) await this.#pglite.close();
  }

  #assertOpen(): void {
    if (this.#pglite.closed) throw new StorageUnavailable('not-applied', new Error('the embedded database is closed'));
  }
}
