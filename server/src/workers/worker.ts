import { Socket } from 'node:net';
import { readConfig } from '../config.js';
import { explain, makeStop } from '../lifecycle.js';
import { createLogger } from '../log.js';
import { createServer } from '../server.js';
import { LINK_FD } from './calls.js';
import { Siblings } from './siblings.js';

/** Connections to PostgreSQL that a worker has at least: one may be held by a long read. */
const MIN_POOL_SIZE = 2;

/** A worker's process: one of several servers on one port, started and ended by the primary. */
async function main(): Promise<void> {
  // A signal to the process group is the primary's to act on; it tells its workers.
  process.on('SIGTERM', () => {});
  process.on('SIGINT', () => {});
  const siblings = await Siblings.open(new Socket({ fd: LINK_FD, readable: true, writable: true }));
  const { worker, workers, port } = siblings.hello;
  const whole = readConfig(process.env);
  const config = {
    ...whole,
    port,
    databasePoolSize: Math.max(MIN_POOL_SIZE, Math.floor(whole.databasePoolSize / workers)),
  };
  const log = createLogger(config.logLevel).child({ worker });
  const starting = createServer(config, log, siblings);
  const stop = makeStop(starting, config.drainWindowMs, log.child({}, { level: quieter(config.logLevel) }));
  void siblings.stopped.then(() => stop());
  try {
    await siblings.call('ready', (await starting).url);
  } catch (error) {
    const reason = explain(error);
    await siblings.call('failed', reason instanceof Error ? String(reason.stack) : String(reason)).catch(() => {});
    process.exit(1);
  }
}

/** The end of a worker is for the primary to tell of, unless it is trouble. */
function quieter(level: string): string {
  return level === 'info' ? 'warn' : level;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
