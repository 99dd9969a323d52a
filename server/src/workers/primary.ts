import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import { loadDevelopmentKey } from '../dev-keys.js';
import { StartFailed } from '../lifecycle.js';
import type { Logger } from '../log.js';
import type { Server } from '../server.js';
import { LINK_FD } from './calls.js';
import { type Peer, Switchboard } from './switchboard.js';

const WORKER_FILE = fileURLToPath(new URL('./worker.js', import.meta.url));
const MIN_RESTART_MS = 100;
const MAX_RESTART_MS = 5000;
/** A worker that ends sooner than this after its start counts as one that cannot run. */
const SETTLED_MS = 10_000;
/** So many such ends of one worker in a row, none of them with a reason, are a crash loop. */
const MAX_CRASHES = 5;

/*
 * A worker's place has these states:
 *
 *   preparing -> prepared -> serving -> (its process ends) waiting -> preparing ...
 *
 * At the first start all wait in `prepared` for each other. Whatever ends before all serve for the first time ends the
 * start; afterwards a worker that ends is started again.
 */
interface Place {
  readonly number: number;
  process: ChildProcess | null;
  peer: Peer | null;
  state: 'preparing' | 'prepared' | 'serving' | 'waiting';
  startedAtMs: number;
  /** Starts since it last served for a while: the next one waits the longer. */
  starts: number;
  /** How many of them ended without saying why. */
  crashes: number;
  /** Why the process of now could not start, in its own words. */
  failure: string | null;
  restart: NodeJS.Timeout | null;
}

/** How a process ended; `err`: it could not be started. */
interface End {
  readonly code?: number | null;
  readonly signal?: NodeJS.Signals | null;
  readonly err?: Error;
}

interface WorkersOptions {
  /** Called once when a worker cannot be kept running: the process should end. */
  readonly onGivenUp: () => void;
}

/**
 * Starts the workers of the configuration, each a server in a process of its own, all on one port.
 *
 * @returns once all of them listen
 * @throws StartFailed when one cannot start; the others are ended then
 */
export async function startWorkers(config: Config, log: Logger, options: WorkersOptions): Promise<Server> {
  const primary = new Primary(config, log, options, await claimPort(config));
  return { url: await primary.start(), close: () => primary.close() };
}

/**
 * The port that the workers are to share. Sockets that share a port do not see a foreign one on it; a plain one does.
 *
 * @throws when it is taken
 */
async function claimPort({ host, port }: Config): Promise<number> {
  const probe = createTcpServer();
  probe.listen({ host, port });
  await once(probe, 'listening');
  const { port: found } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return found;
}

class Primary {
  readonly #log: Logger;
  readonly #options: WorkersOptions;
  readonly #port: number;
  readonly #developmentKey: string | null;
  readonly #switchboard: Switchboard;
  readonly #places: readonly Place[];
  readonly #started = Promise.withResolvers<string>();
  readonly #closed = Promise.withResolvers<void>();
  /** `starting`: not all have served yet; `failed`: and they never will; `running`; `closing`. */
  #state: 'starting' | 'failed' | 'running' | 'closing' = 'starting';
  #badEnds = 0;

  constructor(config: Config, log: Logger, options: WorkersOptions, port: number) {
    this.#log = log;
    this.#options = options;
    this.#port = port;
    const { key, dataDir, workers } = config;
    const pem = () => loadDevelopmentKey(dataDir).export({ type: 'pkcs8', format: 'pem' }).toString();
    this.#developmentKey = key.kind === 'development' ? pem() : null;
    this.#switchboard = new Switchboard(log);
    this.#places = Array.from({ length: workers }, (_, index) => ({
      number: index + 1,
      process: null,
      peer: null,
      state: 'waiting',
      startedAtMs: 0,
      starts: 0,
      crashes: 0,
      failure: null,
      restart: null,
    }));
    // Whatever way this process ends, it leaves none behind that serves without it.
    process.on('exit', () => this.#killAll());
  }

  /** @returns the URL, once all workers listen */
  start(): Promise<string> {
    for (const place of this.#places) this.#spawn(place);
    return this.#started.promise;
  }

  /** Lets all workers drain and end. @throws when one does not end well */
  async close(): Promise<void> {
    this.#state = 'closing';
    for (const place of this.#places) {
      if (place.restart !== null) clearTimeout(place.restart);
      place.peer?.stop();
    }
    this.#closeIfAllEnded();
    await this.#closed.promise;
  }

  #spawn(place: Place): void {
    const worker = spawn(process.execPath, [...process.execArgv, WORKER_FILE], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    place.process = worker;
    place.state = 'preparing';
    place.startedAtMs = Date.now();
    place.failure = null;
    place.restart = null;
    place.peer = this.#switchboard.connect(worker.stdio[LINK_FD] as Duplex, {
      hello: {
        worker: place.number,
        workers: this.#places.length,
        port: this.#port,
        first: this.#state === 'starting',
        developmentKey: this.#developmentKey,
      },
      prepared: () => this.#onPrepared(place),
      ready: (url) => this.#onReady(place, url),
      failed: (reason) => {
        place.failure = reason;
      },
    });
    const ended = (how: End) => {
      if (place.process === worker) this.#onEnd(place, how);
    };
    worker.once('error', (error) => ended({ err: error }));
    worker.once('exit', (code, signal) => ended({ code, signal }));
  }

  #onPrepared(place: Place): void {
    place.state = 'prepared';
    if (this.#state !== 'starting') place.peer?.listen();
    else if (this.#places.every(({ state }) => state === 'prepared')) {
      for (const { peer } of this.#places) peer?.listen();
    }
  }

  #onReady(place: Place, url: string): void {
    place.state = 'serving';
    if (this.#state !== 'starting') {
      this.#log.info({ worker: place.number, worker_pid: place.process?.pid }, 'The worker serves again');
      return;
    }
    if (!this.#places.every(({ state }) => state === 'serving')) return;
    this.#state = 'running';
    this.#started.resolve(url);
  }

  #onEnd(place: Place, how: End): void {
    const { failure, state } = place;
    const servedMs = Date.now() - place.startedAtMs;
    place.process = null;
    place.peer = null;
    place.state = 'waiting';
    if (this.#state === 'running') this.#restart(place, how, servedMs >= SETTLED_MS && state === 'serving');
    else if (this.#state === 'closing') {
      if (how.code !== 0) this.#badEnds++;
      this.#closeIfAllEnded();
    } else if (this.#state === 'starting') {
      this.#state = 'failed';
      this.#killAll();
      const ending = how.signal ?? how.err?.message ?? `code ${how.code}`;
      this.#started.reject(new StartFailed(failure ?? `Worker ${place.number} ended during its start (${ending}).`));
    }
  }

  #restart(place: Place, how: End, settled: boolean): void {
    const { failure } = place;
    place.starts = settled ? 1 : place.starts + 1;
    // One that says why it cannot start (the database is away) will start when that is over; the others go on.
    place.crashes = settled || failure !== null ? 0 : place.crashes + 1;
    const restartMs = Math.min(MIN_RESTART_MS * 2 ** place.starts, MAX_RESTART_MS);
    this.#log.error(
      { worker: place.number, ...how, failure, restart_ms: restartMs },
      'A worker has ended: it is restarted',
    );
    if (place.crashes >= MAX_CRASHES) {
      this.#log.fatal(
        { worker: place.number },
        `A worker ended ${MAX_CRASHES} times in a row right after its start: giving up`,
      );
      this.#options.onGivenUp();
      return;
    }
    place.restart = setTimeout(() => this.#spawn(place), restartMs);
  }

  #closeIfAllEnded(): void {
    if (this.#places.some((place) => place.process !== null)) return;
    this.#switchboard.close();
    if (this.#badEnds === 0) this.#closed.resolve();
    else this.#closed.reject(new Error(`${this.#badEnds} workers did not end in good order`));
  }

  #killAll(): void {
    for (const { process: worker } of this.#places) worker?.kill('SIGKILL');
  }
}
