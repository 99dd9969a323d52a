import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Child, cleanEnvironment, describeExit } from '../support/processes.js';
import { recordLog } from '../support/run-records.js';
import { TcpLink } from '../support/tcp-link.js';
import { clockMs } from './events.js';

const READY_TIMEOUT_MS = 30_000;
/** Over what Hubbub allows itself for a shutdown. */
const DRAIN_TIMEOUT_MS = 60_000;
const RESTART_PAUSE_MS = 300;
const MAX_ATTEMPTS = 40;
/** pino's number for `error`. */
const ERROR_LEVEL = 50;

/** What went wrong with an instance without anybody having hurt it there. */
export interface InstanceFault {
  readonly t: number;
  readonly instance: number;
  readonly rule: 'instance-error' | 'instance-exit';
  readonly text: string;
}

export interface InstanceOptions {
  /** `main.js` of the server to run. */
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  readonly postgresPort: number;
  readonly redisPort: number;
  /** Path of the database in its URL. */
  readonly database: string;
  readonly logFile: string;
}

/** One instance of Hubbub over all its lives, and the three links that it has. */
export class Instance {
  readonly number: number;
  readonly clients: TcpLink;
  readonly postgres: TcpLink;
  readonly redis: TcpLink;
  readonly faults: InstanceFault[] = [];
  /** Largest resident set of any life, in bytes; 0 where the system does not tell. */
  maxRssBytes = 0;
  readonly #options: InstanceOptions;
  #child: Child | null = null;
  #starting: Promise<void> | null = null;
  #closed = false;
  /** Its end is wanted, or it has not got ready yet: a start without a database ends, and that is right. */
  #mayEnd = true;

  private constructor(
    number: number,
    links: { clients: TcpLink; postgres: TcpLink; redis: TcpLink },
    options: InstanceOptions,
  ) {
    this.number = number;
    this.clients = links.clients;
    this.postgres = links.postgres;
    this.redis = links.redis;
    this.#options = options;
  }

  /** Settles when the links are laid; the process is not started. */
  static async create(number: number, options: InstanceOptions): Promise<Instance> {
    const [clients, postgres, redis] = await Promise.all([
      TcpLink.listen(),
      TcpLink.listen(options.postgresPort),
      TcpLink.listen(options.redisPort),
    ]);
    return new Instance(number, { clients, postgres, redis }, options);
  }

  get links(): readonly TcpLink[] {
    return [this.clients, this.postgres, this.redis];
  }

  get url(): string {
    return `http://127.0.0.1:${this.clients.port}`;
  }

  /**
   * Starts the process, again and again until it is ready, as a supervisor does.
   *
   * @throws when it is closed meanwhile, or does not get ready in many attempts
   */
  start(): Promise<void> {
    this.#starting ??= this.#startAgainAndAgain().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async kill(): Promise<void> {
    this.#mayEnd = true;
    this.clients.target = 0;
    await this.#child?.stop('SIGKILL');
    this.#child = null;
  }

  /** Asks it to end, as a rolling update does; it must end well and in time. */
  async drain(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#mayEnd = true;
    const exit = await child.stop('SIGTERM', DRAIN_TIMEOUT_MS);
    this.clients.target = 0;
    this.#child = null;
    if (exit.code !== 0) this.#report('instance-exit', `after SIGTERM: ${describeExit(exit)}`);
  }

  pause(): void {
    this.#child?.signal('SIGSTOP');
  }

  unpause(): void {
    this.#child?.signal('SIGCONT');
  }

  async measure(): Promise<void> {
    const child = this.#child;
    if (child === null || child.ended) return;
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    this.maxRssBytes = Math.max(this.maxRssBytes, kibibytes * 1024);
  }

  /** Ends the process in good order, and the links. May be repeated. */
  async close(): Promise<void> {
    this.#closed = true;
    this.unpause();
    await this.drain();
    await Promise.all(this.links.map((link) => link.close()));
  }

  async #startAgainAndAgain(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#launch();
        return;
      } catch (error) {
        if (this.#closed || attempt >= MAX_ATTEMPTS) throw error;
        await delay(RESTART_PAUSE_MS);
      }
    }
  }

  async #launch(): Promise<void> {
    const { main, env, database } = this.#options;
    if (this.#closed) throw new Error(`Instance ${this.number} is closed`);
    this.#mayEnd = true;
    const child = await Child.start(process.execPath, [main], {
      env: cleanEnvironment({
        HOST: '127.0.0.1',
        PORT: '0',
        ...env,
        DATABASE_URL: `postgres://postgres@127.0.0.1:${this.postgres.port}${database}`,
        REDIS_URL: `redis://127.0.0.1:${this.redis.port}`,
      }),
      onLine: (line) => this.#onLine(line),
    });
    this.#child = child;
    void child.exited.then((exit) => {
      if (this.#child !== child || this.#mayEnd) return;
      this.#report('instance-exit', `by itself: ${describeExit(exit)}`);
      this.clients.target = 0;
      // The run goes on, for whatever else it may find.
      this.start().catch((error) => this.#report('instance-exit', String(error)));
    });
    try {
      this.clients.target = await child.waitForLine(readyPort, READY_TIMEOUT_MS);
      this.#mayEnd = false;
    } catch (error) {
      await child.stop('SIGKILL');
      throw error;
    }
  }

  #onLine(line: string): void {
    appendFileSync(this.#options.logFile, `${line}\n`);
    recordLog(line);
    const entry = parse(line);
    if (entry === null) {
      // While it starts, plain text is how it explains why it cannot.
      if (!this.#mayEnd) this.#report('instance-error', line);
    } else if (entry.level >= ERROR_LEVEL) this.#report('instance-error', line);
  }

  #report(rule: InstanceFault['rule'], text: string): void {
    this.faults.push({ t: clockMs(), instance: this.number, rule, text });
  }
}

function readyPort(line: string): number | undefined {
  const url = parse(line)?.url;
  return url === undefined ? undefined : Number(new URL(url).port);
}

function parse(line: string): { level: number; url?: string } | null {
  if (!line.startsWith('{')) return null;
  try {
    const entry: { level?: number; msg?: string; url?: string } = JSON.parse(line);
    const ready = entry.msg?.startsWith('Hubbub is ready') === true;
    return { level: entry.level ?? 0, ...(ready && entry.url !== undefined ? { url: entry.url } : {}) };
  } catch {
    return null;
  }
}
