import type { Config } from './config.js';
import type { Logger } from './log.js';
import { parseDatabaseUrl } from './store/database-url.js';
import type { Db } from './store/db.js';
import { PgDb } from './store/db-pg.js';
import { PgliteDb } from './store/db-pglite.js';

const STATEMENT_TIMEOUT_MS = 5000;

/** Opens the database of the configuration. */
export async function openDb(config: Config, log: Logger): Promise<Db> {
  if (config.databaseUrl === null) return await PgliteDb.open(config.dataDir);
  const options = {
    servers: parseDatabaseUrl(config.databaseUrl),
    poolSize: config.databasePoolSize,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  };
  return new PgDb(options, log);
}
