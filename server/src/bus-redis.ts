import { setTimeout as delay } from 'node:timers/promises';
import { BATCH_KIND, type Batch, decodeBatch, encodeBatch } from './batch.js';
import type { Bus } from './bus.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { withDeadline } from './redis-connection.js';
import type { RedisLink } from './redis-link.js';

const PREFIX = 'chat:{';
const PROBE_WAIT_MS = 1000;
const PROBE_POLL_MS = 20;
/** Log lines about what cannot be read, at most. */
const IGNORED_LOG_MS = 60_000;

/**
 * The bus over Redis Pub/Sub: channel `chat:{<id>}`, sharded where Redis has it. This instance gets its own batches
 * directly and drops their echo.
 */
export class RedisBus implements Bus {
  onBatch: Bus['onBatch'] = () => {};
  onRecovered: Bus['onRecovered'] = () => {};
  readonly #link: RedisLink;
  readonly #origin: number;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #wanted = new Set<string>();
  /** Channels whose unsubscribe has not been answered yet; true: it was, in time. */
  readonly #leaving = new Map<string, Promise<boolean>>();
  /** Channels whose probe has not come back yet. */
  readonly #unproved = new Set<string>();
  /** False between the return of Redis and the proof of all subscriptions. */
  #proved = true;
  #proofs = 0;
  #ignoredLoggedMs = Number.NEGATIVE_INFINITY;

  /** @param origin number of this instance in its batches */
  constructor(link: RedisLink, origin: number, metrics: Metrics, log: Logger) {
    this.#link = link;
    this.#origin = origin;
    this.#metrics = metrics;
    this.#log = log;
    link.onUp(() => void this.#recover());
    link.onDoubt(() => void this.#prove());
  }

  get up(): boolean {
    return this.#link.whole && this.#proved;
  }

  async subscribe(channelId: string): Promise<void> {
    this.#wanted.add(channelId);
    // The client library forgets a listener when the answer to an unsubscribe comes, even one that was added meanwhile.
    const isLeft = (await this.#leaving.get(channelId)) ?? true;
    if (!this.#link.up) return;
    const isSubscribed = await this.#subscribe(channelId);
    if (!isLeft || !isSubscribed) this.#doubt(channelId);
  }

  unsubscribe(channelId: string): void {
    this.#wanted.delete(channelId);
    this.#unproved.delete(channelId);
    if (!this.#link.up) return;
    // Should it fail, the connection is going, and the subscription with it.
    const left = withDeadline(this.#link.connection.unsubscribe(channelName(channelId)))
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        if (this.#leaving.get(channelId) === left) this.#leaving.delete(channelId);
      });
    this.#leaving.set(channelId, left);
  }

  publish(channelId: string, batch: Batch, atMs = performance.now()): void {
    this.onBatch(channelId, batch, atMs);
    this.#send(channelId, batch);
  }

  close(): Promise<void> {
    this.#wanted.clear();
    this.#unproved.clear();
    return Promise.resolve();
  }

  #send(channelId: string, batch: Batch): void {
    if (!this.#link.up) {
      this.#metrics.busErrors.inc();
      return;
    }
    this.#metrics.busPublished.inc();
    this.#link.connection
      .publish(channelName(channelId), encodeBatch(batch))
      .catch(() => this.#metrics.busErrors.inc());
  }

  readonly #listen = (bytes: Buffer, channel: Buffer): void => {
    const channelId = channel.toString('latin1', PREFIX.length, channel.length - 1);
    const batch = decodeBatch(bytes);
    if (batch === null) {
      this.#ignore(channelId, null);
      return;
    }
    if (batch.origin === this.#origin) {
      if (batch.kind === BATCH_KIND.probe) this.#unproved.delete(channelId);
      return;
    }
    if (batch.kind === BATCH_KIND.probe) return;
    this.#metrics.busReceived.inc();
    try {
      this.onBatch(channelId, batch, performance.now());
    } catch (error) {
      // A batch of another version may hold what this one stumbles over. What it loses by that is read from the database.
      this.#ignore(channelId, error);
    }
  };

  /** @param error null: it is no batch of this version */
  #ignore(channelId: string, error: unknown): void {
    this.#metrics.busIgnored.inc();
    const now = performance.now();
    if (now - this.#ignoredLoggedMs < IGNORED_LOG_MS) return;
    this.#ignoredLoggedMs = now;
    const what = 'Ignored a batch on the bus that this version cannot read; the database stands in';
    this.#log.warn({ channel_id: channelId, ...(error === null ? {} : { err: error }) }, what);
  }

  /** @returns false when it was not confirmed in time */
  async #subscribe(channelId: string): Promise<boolean> {
    try {
      await withDeadline(this.#link.connection.subscribe(channelName(channelId), this.#listen));
      return true;
    } catch (error) {
      this.#log.warn({ channel_id: channelId, err: String(error) }, 'Subscribing failed; the database stands in');
      return false;
    }
  }

  /** Whether a channel is subscribed to is not known: it has to be proved, together with what is being proved now. */
  #doubt(channelId: string): void {
    if (this.#proved) void this.#prove([channelId]);
    else {
      this.#unproved.add(channelId);
      this.#send(channelId, this.#probe());
    }
  }

  /** The link is new: everything that is wanted is subscribed to again, and proved. */
  async #recover(): Promise<void> {
    this.#proved = false;
    this.#proofs++;
    await Promise.all([...this.#wanted].map((channelId) => this.#subscribe(channelId)));
    await this.#prove();
  }

  /**
   * Proves the subscriptions by a message to oneself: client libraries have come back without subscribing again,
   * unnoticed for a day (socketio/socket.io#4845). Those that fail are made again, until all are proved.
   */
  async #prove(channels: Iterable<string> = this.#wanted): Promise<void> {
    this.#proved = false;
    for (const channelId of channels) this.#unproved.add(channelId);
    const proof = ++this.#proofs;
    while (proof === this.#proofs && this.#link.whole) {
      for (const channelId of this.#unproved) this.#send(channelId, this.#probe());
      for (let waited = 0; this.#unproved.size > 0 && waited < PROBE_WAIT_MS; waited += PROBE_POLL_MS)
        await delay(PROBE_POLL_MS);
      if (proof !== this.#proofs) return;
      if (this.#unproved.size === 0) {
        this.#proved = true;
        this.onRecovered();
        return;
      }
      this.#log.warn({ channels: this.#unproved.size }, 'Some subscriptions are not alive: subscribing again');
      for (const channelId of [...this.#unproved]) {
        if (!this.#link.whole || proof !== this.#proofs) return;
        await withDeadline(this.#link.connection.unsubscribe(channelName(channelId))).catch(() => {});
        if (this.#link.up && this.#wanted.has(channelId)) await this.#subscribe(channelId);
      }
    }
  }

  #probe(): Batch {
    return { kind: BATCH_KIND.probe, origin: this.#origin, firstSeq: 0, count: 0, note: '', frames: Buffer.alloc(0) };
  }
}

function channelName(channelId: string): string {
  return `${PREFIX}${channelId}}`;
}
