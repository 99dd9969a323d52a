import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../config.js';

const LOCK_FILE = 'lock';
// Result codes of SQLite: https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

/**
 * Keeps a data directory to this process: the embedded database has a single owner, and a second one would damage it.
 *
 * The lock is one of the operating system on an open file, so it ends with its process, however that ends, and holds
 * between containers that share the directory. A file with a process id in it does neither: in a container the id is
 * nearly always 1, and the one of another container cannot be looked up. Node.js has no file locks of its own; SQLite,
 * which it brings along, takes them on every system. Nothing is stored in the file.
 *
 * @param directory made when it does not exist
 * @returns gives the directory free
 * @throws ConfigError when a running process holds it
 */
export function lockDataDir(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, LOCK_FILE);
  try {
    return lock(file);
  } catch (error) {
    if (codeOf(error) === SQLITE_BUSY) {
      throw new ConfigError(
        'DATA_DIR',
        directory,
        'a directory of its own for each process; this one is in use by another. ' +
          'Stop that one, choose another directory, or set DATABASE_URL to run several instances on one database',
      );
    }
    // Something else was left there under this name; a lock that is held is always a file of SQLite's.
    if (codeOf(error) !== SQLITE_NOTADB) throw error;
    rmSync(file, { force: true });
    return lock(file);
  }
}

function lock(file: string): () => void {
  const database = new DatabaseSync(file);
  try {
    // No journal beside it: the transaction that holds the lock never writes.
    database.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive');
  } catch (error) {
    database.close();
    throw error;
  }
  // The file stays: whoever opened it meanwhile would else hold a lock on one that nobody else finds.
  return () => {
    if (database.isOpen) database.close();
  };
}

function codeOf(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null;
}
