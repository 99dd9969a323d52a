import type { Batch } from './batch.js';

/**
 * Carries batches between the instances of a cluster. It is a hint, never the truth: what it carries was stored before,
 * and a receiver that misses something reads it from the database.
 *
 * - Delivery is at most once to other instances. To this instance every published batch is delivered exactly once,
 *   before `publish` returns, whether or not there is anyone else.
 * - Batches of one channel published by one instance arrive in their order, or not at all; those of two instances in
 *   any order.
 */
export interface Bus {
  /**
   * Called with every batch of a subscribed channel, from this instance and from others. `atMs`: when it was received
   * here, or what it was published with (`performance.now()`). Set once, before use.
   */
  onBatch: (channelId: string, batch: Batch, atMs: number) => void;
  /** Called when batches may have been lost and no longer are: time to compare what the hubs have with the database. */
  onRecovered: () => void;
  /** False while other instances cannot be heard. */
  readonly up: boolean;
  /** Settles when batches published from now on will arrive; while the bus is down, at once. Never rejects. */
  subscribe(channelId: string): Promise<void>;
  unsubscribe(channelId: string): void;
  /** Never throws and never waits: what cannot be sent is counted and lost. @param atMs now, when absent */
  publish(channelId: string, batch: Batch, atMs?: number): void;
  close(): Promise<void>;
}

/** The bus of a single instance. */
export class MemoryBus implements Bus {
  onBatch: Bus['onBatch'] = () => {};
  onRecovered: Bus['onRecovered'] = () => {};
  readonly up = true;

  subscribe(): Promise<void> {
    return Promise.resolve();
  }

  unsubscribe(): void {}

  publish(channelId: string, batch: Batch, atMs = performance.now()): void {
    this.onBatch(channelId, batch, atMs);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
