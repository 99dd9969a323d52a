import { ConfigError, readConfig } from './config.js';
import { StorageUnavailable } from './errors.js';
import { createLogger } from './log.js';
import { createServer } from './server.js';

/** How long a shutdown may take after its drain before the process ends all the same. */
const SHUTDOWN_LIMIT_MS = 30_000;
const DEVELOPMENT_WARNING =
  'Development mode: anyone on this machine may take a token. Configure JWT_PRIVATE_KEY, JWT_PUBLIC_KEY or JWT_JWKS_URL for ' +
  'real use';

/** The process: configuration, start, signals. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  const starting = createServer(config, log);

  // From here on, so that a start that is called off ends in good order, too.
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'Draining');
    setTimeout(() => {
      log.error('The shutdown took too long: ending now');
      process.exit(1);
    }, config.drainWindowMs + SHUTDOWN_LIMIT_MS).unref();
    starting
      .then((server) => server.close())
      .then(
        () => {
          log.info('Stopped');
          process.exit(0);
        },
        (error) => {
          log.error({ err: error }, 'The shutdown failed');
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  const server = await starting;
  if (stopping) return;
  if (config.key.kind === 'development') log.warn(DEVELOPMENT_WARNING);
  const storage = config.databaseUrl === null ? `embedded database in ${config.dataDir}` : 'PostgreSQL';
  const bus = config.redisUrl === null ? 'in-process bus' : 'Redis';
  log.info({ url: server.url, storage, bus, pid: process.pid }, `Hubbub is ready at ${server.url}`);
}

main().catch((error) => {
  // Before there is a logger, or because of what it was to log: a sentence for the person at the terminal.
  console.error(explain(error));
  process.exit(1);
});

/** What a person can act on, in a sentence; the whole error where there is none. */
function explain(error: unknown): unknown {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof StorageUnavailable) {
    return `DATABASE_URL: the database cannot be reached (${reasonOf(error.cause)}): is it running, and is the URL right?`;
  }
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'EADDRINUSE') return `PORT: ${error.message}; set PORT to a free one (0: any).`;
    if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL')
      return `HOST, PORT: ${error.message}; choose others.`;
  }
  return error;
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ');
  return cause instanceof Error ? cause.message : String(cause);
}
