import { readConfig } from './config.js';
import { explain, makeStop } from './lifecycle.js';
import { createLogger } from './log.js';
import { createServer } from './server.js';
import { startWorkers } from './workers/primary.js';

const DEVELOPMENT_WARNING =
  'Development mode: anyone on this machine may take a token. Configure JWT_PRIVATE_KEY, JWT_PUBLIC_KEY or JWT_JWKS_URL for ' +
  'real use';

/** The process: configuration, start, signals. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  const starting =
    config.workers === 1 ? createServer(config, log) : startWorkers(config, log, { onGivenUp: () => stop(1) });

  // From here on, so that a start that is called off ends in good order, too.
  let stopping = false;
  const stop = makeStop(starting, config.drainWindowMs, log);
  const onSignal = (signal: NodeJS.Signals) => {
    if (!stopping) log.info({ signal }, 'Draining');
    stopping = true;
    stop();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  const server = await starting;
  if (stopping) return;
  if (config.key.kind === 'development') log.warn(DEVELOPMENT_WARNING);
  const storage = config.databaseUrl === null ? `embedded database in ${config.dataDir}` : 'PostgreSQL';
  const localBus = config.workers === 1 ? 'in-process bus' : 'local bus between the workers';
  const bus = config.redisUrl === null ? localBus : 'Redis';
  const { workers } = config;
  log.info({ url: server.url, storage, bus, workers, pid: process.pid }, `Hubbub is ready at ${server.url}`);
}

main().catch((error) => {
  // Before there is a logger, or because of what it was to log: a sentence for the person at the terminal.
  console.error(explain(error));
  process.exit(1);
});
