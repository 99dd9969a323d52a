import { setTimeout as delay } from 'node:timers/promises';
import { StorageUnavailable } from './errors.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import type { Db } from './store/db.js';
import {
  type DueChannel,
  endLease,
  extendLease,
  findDue,
  type Removed,
  removeBatch,
  takeLease,
  vacuum,
} from './store/retention.js';

interface RetentionOptions {
  readonly db: Db;
  /** Days for which messages are kept at most; null: for ever, in channels that say nothing else. */
  readonly days: number | null;
  readonly instanceId: string;
  /** Whether nothing but this makes room of removed rows. */
  readonly isEmbedded: boolean;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** A channel begins with this place now. */
  readonly onCut: (channelId: string, firstSeq: number) => void;
}

/** How often an instance looks whether a run is due that nobody does. */
const LOOK_INTERVAL_MS = 5000;
/** Between two complete runs, of all instances together. */
const RUN_INTERVAL_MS = 10 * 60 * 1000;
/** After an instance was killed another one goes on after so long. */
const LEASE_MS = 60_000;
const CHANNELS_A_LOOK = 500;
/** Rows of a batch, at first and within these bounds as it takes more or less time than it should. */
const FIRST_ROWS = 200;
const LEAST_ROWS = 100;
const MOST_ROWS = 1000;
/** A batch that takes longer is followed by a smaller one; one that takes less than half of it by a larger one. */
const BATCH_MS = 40;
/** For each millisecond of work so many of rest: a fifth of one connection at most. */
const REST_FACTOR = 4;
const LEAST_REST_MS = 5;
const REST_AFTER_FAILURE_MS = 1000;
/** In a row; the channel is left to the next run then. */
const MOST_FAILURES = 5;
const PROGRESS_INTERVAL_MS = 60_000;
/** Below this the embedded database is not worth holding up. */
const VACUUM_ROWS = 1000;

const KINDS = ['messages', 'events', 'held', 'reports'] as const;

/** What a run has done: rows removed, and channels that it had to give up. */
type Tally = { [kind in (typeof KINDS)[number]]: number } & { failed: number };

/**
 * Removes what is older than it may be kept, on one instance at a time, in small batches with rests between them. A run
 * that is broken off, by a shutdown or the death of the instance, is taken up by another instance.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #ending = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | null = null;
  #rows = FIRST_ROWS;
  #extendAtMs = 0;
  #tellAtMs = 0;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Does a run if one is due and nobody else is at it. Settles when it is done, or broken off; never rejects. */
  look(): Promise<void> {
    this.#running ??= this.#look()
      .catch((error) => {
        const level = error instanceof StorageUnavailable ? 'debug' : 'warn';
        this.#options.log[level]({ err: String(error) }, 'Old messages will be removed later');
      })
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  /** Ends after the batch that is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.#running;
  }

  async #look(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    const { db, instanceId, metrics } = this.#options;
    const { taken, finishedAt } = await takeLease(db, instanceId, LEASE_MS, RUN_INTERVAL_MS);
    metrics.retentionOverdue.set(0);
    metrics.retentionLastRun.set((finishedAt?.getTime() ?? 0) / 1000);
    if (!taken) return;
    const total: Tally = { messages: 0, events: 0, held: 0, reports: 0, failed: 0 };
    let finished = false;
    try {
      const startedMs = performance.now();
      this.#extendAtMs = startedMs + LEASE_MS / 3;
      this.#tellAtMs = startedMs + PROGRESS_INTERVAL_MS;
      finished = await this.#run(total);
      this.#tell(total, finished ? 'Old messages were removed' : 'The removal of old messages was broken off');
      if (finished && this.#options.isEmbedded && total.messages + total.events >= VACUUM_ROWS) await vacuum(db);
    } finally {
      metrics.retentionOverdue.set(0);
      await endLease(db, instanceId, finished);
    }
    if (finished) metrics.retentionLastRun.set(Date.now() / 1000);
  }

  /** @returns whether nothing that was due is left */
  async #run(total: Tally): Promise<boolean> {
    const { db, days, metrics } = this.#options;
    let afterId: string | null = null;
    do {
      const startedMs = performance.now();
      const { due, lastId }: Awaited<ReturnType<typeof findDue>> = await findDue(db, afterId, days, CHANNELS_A_LOOK);
      const overdueMs = due.map(({ keptFrom, oldestAt }) => keptFrom.getTime() - oldestAt.getTime());
      metrics.retentionOverdue.set(Math.max(0, ...overdueMs) / 1000);
      if (!(await this.#rest(performance.now() - startedMs))) return false;
      for (const channel of due) if (!(await this.#clear(channel, total))) return false;
      afterId = lastId;
    } while (afterId !== null);
    return total.failed === 0;
  }

  /** Removes all that is due in a channel, or gives it up for this run. @returns false when the run is to end */
  async #clear(channel: DueChannel, total: Tally): Promise<boolean> {
    const { db, log, onCut } = this.#options;
    let failures = 0;
    for (let isDone = false; !isDone; ) {
      const startedMs = performance.now();
      let waitMs = LEAST_REST_MS;
      try {
        const removed = await removeBatch(db, channel, this.#rows);
        isDone = removed.isDone;
        failures = 0;
        this.#count(removed, total);
        if (removed.messages + removed.events > 0) onCut(channel.id, removed.firstSeq);
        const tookMs = performance.now() - startedMs;
        if (tookMs > BATCH_MS) this.#rows = Math.max(LEAST_ROWS, Math.floor(this.#rows / 2));
        else if (!isDone && tookMs < BATCH_MS / 2) this.#rows = Math.min(MOST_ROWS, this.#rows * 2);
      } catch (error) {
        failures++;
        log.warn({ channel_id: channel.id, rows: this.#rows, err: String(error) }, 'A batch could not be removed');
        if (failures === MOST_FAILURES) {
          total.failed++;
          return true;
        }
        this.#rows = Math.max(LEAST_ROWS, Math.floor(this.#rows / 2));
        waitMs = REST_AFTER_FAILURE_MS;
      }
      if (!(await this.#rest(performance.now() - startedMs, waitMs))) return false;
      if (performance.now() >= this.#tellAtMs) {
        this.#tellAtMs = performance.now() + PROGRESS_INTERVAL_MS;
        this.#tell(total, 'Old messages are being removed');
      }
    }
    return true;
  }

  /**
   * Rests from work that took so long.
   *
   * @param atLeastMs rests so long in any case
   * @returns false when the run is to end: the server does, or the lease was lost
   */
  async #rest(workMs: number, atLeastMs = LEAST_REST_MS): Promise<boolean> {
    const { db, instanceId } = this.#options;
    const restMs = Math.max(atLeastMs, workMs * REST_FACTOR);
    // Cut short by the end, which is looked for next.
    await delay(restMs, undefined, { signal: this.#ending.signal }).catch(() => {});
    if (this.#ending.signal.aborted) return false;
    if (performance.now() < this.#extendAtMs) return true;
    this.#extendAtMs = performance.now() + LEASE_MS / 3;
    return await extendLease(db, instanceId, LEASE_MS);
  }

  #count(removed: Removed, total: Tally): void {
    for (const kind of KINDS) {
      total[kind] += removed[kind];
      this.#options.metrics.retentionRows.inc({ kind }, removed[kind]);
    }
  }

  #tell(total: Tally, text: string): void {
    if (Object.values(total).some((rows) => rows > 0)) this.#options.log.info(total, text);
  }
}
