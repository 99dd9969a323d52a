import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Reporters, Reports } from '../self-report.js';
import type { Hello, PrimaryCalls, WorkerCalls } from './calls.js';
import { Link } from './link.js';

/** What a worker knows of the other workers of its instance: all that it has with them goes by way of the primary. */
export class Siblings {
  readonly hello: Hello;
  /** The key of development mode, the same in all workers; null: a key is configured. */
  readonly developmentKey: KeyObject | null;
  /** Called with the batches that siblings publish in channels that this worker is subscribed to. */
  onBatch: (channelId: string, bytes: Buffer) => void = () => {};
  /** Called when such batches were lost, and no longer are. */
  onBatchesLost: () => void = () => {};
  /** Called with users who left a channel because their worker died; one worker is told. */
  onLapsed: (channelId: string, userIds: readonly string[]) => void = () => {};
  /** Called when all workers are prepared. */
  onListen: () => void = () => {};
  /** Settles when this worker has to drain and end: it is told to, maybe before it has begun, or the primary is gone. */
  readonly stopped: Promise<void>;
  /** What the siblings hear of this worker; set before it is ready. */
  reporters: Reporters | null = null;
  readonly #link: Link<WorkerCalls, PrimaryCalls>;

  private constructor(hello: Hello, link: Link<WorkerCalls, PrimaryCalls>, stopped: Promise<void>) {
    this.stopped = stopped;
    this.hello = hello;
    this.developmentKey = hello.developmentKey === null ? null : createPrivateKey(hello.developmentKey);
    this.#link = link;
  }

  /**
   * @param stream this worker's end of the pipe to the primary
   * @throws when the primary is gone
   */
  static async open(stream: Duplex): Promise<Siblings> {
    let siblings: Siblings | null = null;
    const stopped = Promise.withResolvers<void>();
    const link = new Link<WorkerCalls, PrimaryCalls>(stream, {
      own: {
        report: (kind) => {
          if (siblings === null || siblings.reporters === null) throw new Error('This worker is not ready');
          return siblings.reporters[kind]();
        },
        lapsed: (channelId, userIds) => siblings?.onLapsed(channelId, userIds),
        batchesLost: () => siblings?.onBatchesLost(),
        listen: () => siblings?.onListen(),
        stop: () => stopped.resolve(),
      },
      onBatch: (channelId, bytes) => siblings?.onBatch(channelId, bytes),
      onDrain: () => {},
      onClose: () => {
        siblings?.onListen();
        stopped.resolve();
      },
    });
    siblings = new Siblings(await link.call('hello'), link, stopped.promise);
    return siblings;
  }

  /** Settles when all workers are prepared, or the primary is gone. */
  async prepared(): Promise<void> {
    const listen = new Promise<void>((resolve) => {
      this.onListen = resolve;
    });
    await this.#link.call('prepared');
    await listen;
  }

  /** False once the primary is gone. */
  get connected(): boolean {
    return this.#link.open;
  }

  /** Asks the primary. @throws when it is gone, or does not answer within 5 s */
  call<K extends keyof PrimaryCalls>(name: K, ...args: Parameters<PrimaryCalls[K]>) {
    return this.#link.call(name, ...args);
  }

  /** One report of each worker that serves, this one too; null in place of one that did not answer. */
  async gather<K extends keyof Reports>(kind: K): Promise<(Reports[K] | null)[]> {
    return (await this.#link.call('gather', kind)) as (Reports[K] | null)[];
  }

  /** @returns false when the batch could not be sent */
  publish(channelId: string, bytes: Buffer): boolean {
    return this.#link.sendBatch(channelId, bytes);
  }
}
