import { createHash } from 'node:crypto';
import type { Logger } from './log.js';
import { openRedis, type RedisConnection, withDeadline } from './redis-connection.js';

const FIRST_CONNECT_WAIT_MS = 5000;
const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

/** A Lua script; Redis runs it as one atomic step. All its keys must lie in one hash slot. */
export class RedisScript {
  readonly source: string;
  readonly sha: string;

  constructor(source: string) {
    this.source = source;
    this.sha = createHash('sha1').update(source).digest('hex');
  }
}

/**
 * This instance's link to Redis. When its connections are lost it opens new ones until it succeeds; nothing of an old
 * connection is carried over, so subscriptions are always made anew. While it is down, commands fail at once, and their
 * callers do without. While one of several servers is down, what the others hold goes on, until all are served again.
 */
export class RedisLink {
  readonly #url: string;
  readonly #log: Logger;
  readonly #upListeners: (() => void)[] = [];
  readonly #doubtListeners: (() => void)[] = [];
  #connection: RedisConnection | null = null;
  #wounded = false;
  #retry: NodeJS.Timeout | null = null;
  #attempts = 0;
  #closed = false;

  private constructor(url: string, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  /** Settles when Redis answers, or after five seconds without it: the server then starts and works without Redis. */
  static async open(url: string, log: Logger): Promise<RedisLink> {
    const link = new RedisLink(url, log);
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, FIRST_CONNECT_WAIT_MS);
      link.onUp(() => {
        clearTimeout(patience);
        resolve();
      });
      void link.#connect();
    });
    if (!link.up) log.warn('Redis does not answer: starting without it; it will be used as soon as it does');
    return link;
  }

  get up(): boolean {
    return this.#connection !== null;
  }

  /** False also while one of several servers is away: what it holds can then not be had. */
  get whole(): boolean {
    return this.#connection !== null && !this.#wounded;
  }

  /** The connection of now. @throws while there is none */
  get connection(): RedisConnection {
    if (this.#connection === null) throw new Error('Redis is away');
    return this.#connection;
  }

  /** Whether keys are spread over several servers. */
  get clustered(): boolean {
    return this.#connection?.clustered === true;
  }

  /** Calls `listener` each time that a new connection is there, and whole. */
  onUp(listener: () => void): void {
    this.#upListeners.push(listener);
  }

  /** Calls `listener` when subscriptions may have been dropped although the link is up. */
  onDoubt(listener: () => void): void {
    this.#doubtListeners.push(listener);
  }

  /** One command. @throws when Redis is away or does not answer in time; whether it was carried out is then unknown */
  command(key: string, args: (string | Buffer)[]): Promise<unknown> {
    return this.#connection === null
      ? Promise.reject(new Error('Redis is away'))
      : withDeadline(this.#connection.command(key, args));
  }

  /** Runs a script. @throws as {@link command} */
  async run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const [key = ''] = keys;
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await this.command(key, ['EVALSHA', script.sha, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.command(key, ['EVAL', script.source, ...rest]);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#connection?.close();
    this.#connection = null;
  }

  async #connect(): Promise<void> {
    let connection: RedisConnection | null = null;
    let lost: string | null = null;
    const isCurrent = () => connection !== null && connection === this.#connection;
    try {
      connection = await openRedis(this.#url, {
        onLost: (why) => {
          lost = why;
          if (isCurrent()) this.#onLost(why);
        },
        onWounded: (why) => {
          lost = why;
          if (isCurrent()) this.#onWounded(why);
        },
        onDoubt: () => {
          if (isCurrent()) for (const listener of this.#doubtListeners) listener();
        },
      });
      if (lost !== null || this.#closed) connection.close();
      if (lost !== null) throw new Error(lost);
      if (this.#closed) return;
      this.#connection?.close();
      this.#connection = connection;
      this.#wounded = false;
      this.#attempts = 0;
      this.#log.info('Redis is connected');
      for (const listener of this.#upListeners) listener();
    } catch (error) {
      this.#log.debug({ err: String(error) }, 'Redis cannot be reached');
      this.#connectLater();
    }
  }

  #onLost(why: string): void {
    this.#connection = null;
    if (this.#closed) return;
    this.#log.warn({ why }, 'Redis was lost: instances go on through the database until it returns');
    this.#connectLater();
  }

  #onWounded(why: string): void {
    this.#wounded = true;
    if (this.#closed) return;
    this.#log.warn({ why }, 'A server of Redis was lost: what it held goes through the database until another has it');
    this.#connectLater();
  }

  /** The jitter keeps the instances of a cluster from returning in step. */
  #connectLater(): void {
    if (this.#closed) return;
    const waitMs = Math.min(MIN_RETRY_MS * 2 ** this.#attempts, MAX_RETRY_MS) * (0.5 + Math.random() / 2);
    this.#attempts++;
    this.#retry = setTimeout(() => void this.#connect(), waitMs);
    this.#retry.unref();
  }
}
