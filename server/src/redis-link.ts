import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, ErrorReply, type RedisClientType } from '@redis/client';
import type { Logger } from './log.js';

const COMMAND_DEADLINE_MS = 500;
const CONNECT_TIMEOUT_MS = 2000;
const FIRST_CONNECT_WAIT_MS = 5000;
const PING_INTERVAL_MS = 1000;
/** Silence after which a connection counts as dead; pings are answered well within it. */
const SOCKET_TIMEOUT_MS = 3000;

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
 * The two connections of an instance to Redis: one for commands and publishing, one for subscriptions. They come back by
 * themselves; while one is away commands fail at once or after half a second, and their callers do without.
 */
export class RedisLink {
  readonly commands: RedisClientType;
  readonly subscriber: RedisClientType;
  readonly #log: Logger;
  readonly #listeners: (() => void)[] = [];
  #sharded = false;
  #wasUp = false;
  #closed = false;

  private constructor(url: string, log: Logger) {
    this.#log = log;
    const make = (name: string): RedisClientType => {
      const client: RedisClientType = createClient({
        url,
        name: `hubbub-${name}`,
        disableOfflineQueue: true,
        pingInterval: PING_INTERVAL_MS,
        socket: {
          connectTimeout: CONNECT_TIMEOUT_MS,
          socketTimeout: SOCKET_TIMEOUT_MS,
          // Never gives up; the jitter keeps a cluster from returning in step.
          reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 1000) * (0.5 + Math.random() / 2),
        },
      }) as RedisClientType;
      client.on('error', (error) => log.debug({ err: String(error), connection: name }, 'Redis connection error'));
      client.on('ready', () => void this.#onReady());
      client.on('reconnecting', () => this.#onLost());
      return client;
    };
    this.commands = make('commands');
    this.subscriber = make('subscriber');
  }

  /** Settles when Redis answers, or after five seconds without it: the server then starts and works without Redis. */
  static async open(url: string, log: Logger): Promise<RedisLink> {
    const link = new RedisLink(url, log);
    const connected = Promise.all([link.commands.connect(), link.subscriber.connect()]);
    connected.catch((error) => log.error({ err: String(error) }, 'Redis cannot be used'));
    const waited = new AbortController();
    await Promise.race([
      new Promise<void>((resolve) => link.onUp(resolve)),
      delay(FIRST_CONNECT_WAIT_MS, undefined, { signal: waited.signal }).catch(() => {}),
    ]);
    waited.abort();
    if (!link.up) log.warn('Redis does not answer: starting without it, it will be used as soon as it does');
    return link;
  }

  /** True while both connections are usable. */
  get up(): boolean {
    return !this.#closed && this.commands.isReady && this.subscriber.isReady;
  }

  /** Whether sharded Pub/Sub is there (Redis 7 and newer). Known once the link was up. */
  get sharded(): boolean {
    return this.#sharded;
  }

  /** Calls `listener` each time that the link comes up. */
  onUp(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** @throws when Redis is away or does not answer in time; whether the script ran is then unknown */
  async run(script: RedisScript, keys: string[], args: (string | number)[]): Promise<unknown> {
    const options = { keys, arguments: args.map(String) };
    const evaluate = async () => {
      try {
        return await this.commands.evalSha(script.sha, options);
      } catch (error) {
        if (!(error instanceof ErrorReply) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await this.commands.eval(script.source, options);
      }
    };
    return await withDeadline(evaluate());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.length = 0;
    for (const client of [this.commands, this.subscriber]) {
      if (client.isReady) await withDeadline(client.close()).catch(() => client.destroy());
      else if (client.isOpen) client.destroy();
    }
  }

  async #onReady(): Promise<void> {
    if (!this.up || this.#wasUp) return;
    try {
      const info = await withDeadline(this.commands.info('server'));
      this.#sharded = Number(/redis_version:(\d+)/.exec(info)?.[1] ?? 0) >= 7;
    } catch (error) {
      // The connection was lost again; its return calls here once more.
      this.#log.debug({ err: String(error) }, 'Redis was lost while it was looked at');
      return;
    }
    if (!this.up || this.#wasUp) return;
    this.#wasUp = true;
    this.#log.info({ sharded: this.#sharded }, 'Redis is connected');
    for (const listener of [...this.#listeners]) listener();
  }

  #onLost(): void {
    if (!this.#wasUp || this.#closed) return;
    this.#wasUp = false;
    this.#log.warn('Redis was lost: instances go on through the database until it returns');
  }
}

/** @throws when `promise` has not settled within the deadline of a Redis command */
export async function withDeadline<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('Redis did not answer in time')), COMMAND_DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
