import { type Batch, decodeBatch, encodeBatch } from '../batch.js';
import type { Bus } from '../bus.js';
import type { Metrics } from '../metrics.js';
import type { Siblings } from './siblings.js';

/** The bus between the workers of one instance without Redis: the primary passes each batch on as it came. */
export class LocalBus implements Bus {
  onBatch: Bus['onBatch'] = () => {};
  onRecovered: Bus['onRecovered'] = () => {};
  readonly #siblings: Siblings;
  readonly #metrics: Metrics;

  constructor(siblings: Siblings, metrics: Metrics) {
    this.#siblings = siblings;
    this.#metrics = metrics;
    siblings.onBatch = (channelId, bytes) => {
      const batch = decodeBatch(bytes);
      if (batch === null) return;
      metrics.busReceived.inc();
      this.onBatch(channelId, batch, performance.now());
    };
    siblings.onBatchesLost = () => this.onRecovered();
  }

  get up(): boolean {
    return this.#siblings.connected;
  }

  async subscribe(channelId: string): Promise<void> {
    // It fails only when the primary is gone, and this worker about to follow it; the database stands in until then.
    await this.#siblings.call('subscribe', channelId).catch(() => {});
  }

  unsubscribe(channelId: string): void {
    this.#siblings.call('unsubscribe', channelId).catch(() => {});
  }

  publish(channelId: string, batch: Batch, atMs = performance.now()): void {
    this.onBatch(channelId, batch, atMs);
    if (this.#siblings.publish(channelId, encodeBatch(batch))) this.#metrics.busPublished.inc();
    else this.#metrics.busErrors.inc();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
