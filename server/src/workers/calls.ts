import type { RateDecision } from '../limiter.js';
import type { RateUse } from '../limiter-round.js';
import type { EnterResult } from '../presence-store.js';
import type { Reports } from '../self-report.js';

/** File descriptor of a worker's end of the pipe to the primary. */
export const LINK_FD = 3;

/** What a worker learns of the whole that it is a part of. */
export interface Hello {
  /** 1 to `workers`. One that takes the place of a dead one has its number. */
  readonly worker: number;
  readonly workers: number;
  /** Port to listen on, together with the others. */
  readonly port: number;
  /** False: it takes the place of a dead one, and the others are serving. */
  readonly first: boolean;
  /** PEM of the key of development mode; null: a key is configured. */
  readonly developmentKey: string | null;
}

/** What a worker asks of the primary. */
export interface PrimaryCalls {
  hello(): Hello;
  /** Everything is ready but the port; it waits for {@link WorkerCalls.listen}. */
  prepared(): void;
  /** It listens. @param url where */
  ready(url: string): void;
  /** It could not start. @param reason a sentence for the person at the terminal */
  failed(reason: string): void;
  /** Settles when batches of the channel that are published from now on will come. */
  subscribe(channelId: string): void;
  unsubscribe(channelId: string): void;
  /** A decision for each use, in their order. */
  take(uses: readonly RateUse[]): RateDecision[];
  enter(channelId: string, userId: string, max: number): EnterResult;
  exit(channelId: string, userId: string): { last: boolean; online: number };
  counts(channelIds: readonly string[]): Map<string, number>;
  roster(channelId: string, limit: number): { userIds: string[]; count: number };
  /** One report of each worker that serves; null in place of one that did not answer. */
  gather(kind: keyof Reports): Promise<(Reports[keyof Reports] | null)[]>;
}

/** What the primary asks of a worker. */
export interface WorkerCalls {
  /** All workers are prepared: they listen at the same time, so that none gets all the early clients. */
  listen(): void;
  report(kind: keyof Reports): Promise<Reports[keyof Reports]>;
  /** Users left a channel because their worker died: its members are to be told. */
  lapsed(channelId: string, userIds: readonly string[]): void;
  /** Batches for this worker were dropped, and no longer are. */
  batchesLost(): void;
  /** Drain and end. */
  stop(): void;
}
