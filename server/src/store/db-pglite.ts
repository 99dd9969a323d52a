import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, types } from '@electric-sql/pglite';
import { dataDir } from '@electric-sql/pglite-prepopulatedfs';
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
    if (directory.startsWith('memory://')) return new PgliteDb(await start(directory, true), () => {});
    const unlock = lockDataDir(directory);
    const path = join(directory, 'pglite');
    const marker = join(directory, 'initialized');
    const isNew = !existsSync(marker);
    // Without the marker it is what a first start left behind that was interrupted: nothing was ever stored in it.
    if (isNew) rmSync(path, { recursive: true, force: true });
    const pglite = await start(path, isNew);
    if (isNew) writeFileSync(marker, '');
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

/** @param isNew a new cluster is unpacked, not made: initdb takes five times as long */
async function start(path: string, isNew: boolean): Promise<PGlite> {
  const pglite = new PGlite(path, { parsers, ...(isNew ? { loadDataDir: await dataDir() } : {}) });
  await pglite.waitReady;
  return pglite;
}
