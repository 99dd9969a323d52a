import type { Duplex } from 'node:stream';
import { MemoryLimiter } from '../limiter.js';
import type { Logger } from '../log.js';
import type { Reports } from '../self-report.js';
import type { Hello, PrimaryCalls, WorkerCalls } from './calls.js';
import { Link } from './link.js';
import { SharedPresence } from './shared-presence.js';

/**
 * How long the users of a dead worker still count as online, in milliseconds: most come back to another worker before,
 * and nobody needs to hear that they were gone.
 */
const LAPSE_MS = 5000;

/** The life of a worker, as its process's owner wants to hear of it. */
export interface WorkerEvents {
  readonly hello: Hello;
  readonly prepared: () => void;
  readonly ready: (url: string) => void;
  readonly failed: (reason: string) => void;
}

/** A worker's end of its link, seen from the primary. */
export interface Peer {
  /** Tells it to listen on the port. */
  listen(): void;
  /** Tells it to drain and to end. */
  stop(): void;
}

class ConnectedWorker implements Peer {
  readonly id: number;
  readonly link: Link<PrimaryCalls, WorkerCalls>;
  readonly channels = new Set<string>();
  serving = false;
  lossy = false;

  constructor(id: number, open: (worker: ConnectedWorker) => Link<PrimaryCalls, WorkerCalls>) {
    this.id = id;
    this.link = open(this);
  }

  listen(): void {
    this.link.call('listen').catch(() => {});
  }

  stop(): void {
    this.link.call('stop').catch(() => {});
  }
}

/**
 * What the workers of an instance share, in the primary: batches are passed from each to those that want them, and,
 * without Redis, rate limits and presence are held for all.
 */
export class Switchboard {
  readonly #log: Logger;
  readonly #workers = new Set<ConnectedWorker>();
  readonly #subscribers = new Map<string, Set<ConnectedWorker>>();
  readonly #limiter = new MemoryLimiter();
  readonly #presence = new SharedPresence();
  readonly #lapses = new Set<NodeJS.Timeout>();
  readonly #gathering = new Map<keyof Reports, ReturnType<PrimaryCalls['gather']>>();
  #ids = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Begins to serve a worker. @param stream the primary's end of its pipe */
  connect(stream: Duplex, events: WorkerEvents): Peer {
    const worker = new ConnectedWorker(++this.#ids, (each) => this.#open(stream, each, events));
    this.#workers.add(worker);
    return worker;
  }

  close(): void {
    this.#limiter.close();
    for (const lapse of this.#lapses) clearTimeout(lapse);
    for (const worker of this.#workers) worker.link.close();
  }

  #open(stream: Duplex, worker: ConnectedWorker, events: WorkerEvents): Link<PrimaryCalls, WorkerCalls> {
    const presence = this.#presence;
    return new Link<PrimaryCalls, WorkerCalls>(stream, {
      own: {
        hello: () => events.hello,
        prepared: events.prepared,
        ready: (url) => {
          worker.serving = true;
          events.ready(url);
        },
        failed: events.failed,
        subscribe: (channelId) => this.#subscribe(worker, channelId),
        unsubscribe: (channelId) => this.#unsubscribe(worker, channelId),
        take: (uses) => uses.map(({ key, rate }) => this.#limiter.take(key, rate)),
        enter: (channelId, userId, max) => presence.enter(worker.id, channelId, userId, max),
        exit: (channelId, userId) => presence.exit(worker.id, channelId, userId),
        counts: (channelIds) => presence.counts(channelIds),
        roster: (channelId, limit) => presence.roster(channelId, limit),
        gather: (kind) => this.#gather(kind),
      },
      onBatch: (channelId, _bytes, frame) => this.#relay(worker, channelId, frame),
      onDrain: () => {
        if (!worker.lossy) return;
        worker.lossy = false;
        worker.link.call('batchesLost').catch(() => {});
      },
      onClose: () => this.#disconnect(worker),
    });
  }

  #subscribe(worker: ConnectedWorker, channelId: string): void {
    worker.channels.add(channelId);
    const subscribers = this.#subscribers.get(channelId);
    if (subscribers === undefined) this.#subscribers.set(channelId, new Set([worker]));
    else subscribers.add(worker);
  }

  #unsubscribe(worker: ConnectedWorker, channelId: string): void {
    worker.channels.delete(channelId);
    const subscribers = this.#subscribers.get(channelId);
    if (subscribers === undefined) return;
    subscribers.delete(worker);
    if (subscribers.size === 0) this.#subscribers.delete(channelId);
  }

  #relay(from: ConnectedWorker, channelId: string, frame: Buffer): void {
    for (const worker of this.#subscribers.get(channelId) ?? []) {
      if (worker !== from && !worker.link.relay(frame)) worker.lossy = true;
    }
  }

  /** Those who ask at once share an answer: what a report costs is bounded, however many ask. */
  #gather(kind: keyof Reports): ReturnType<PrimaryCalls['gather']> {
    let gathering = this.#gathering.get(kind);
    if (gathering === undefined) {
      const serving = [...this.#workers].filter((worker) => worker.serving);
      gathering = Promise.all(serving.map((worker) => worker.link.call('report', kind).catch(() => null)));
      this.#gathering.set(kind, gathering);
      void gathering.finally(() => this.#gathering.delete(kind));
    }
    return gathering;
  }

  #disconnect(worker: ConnectedWorker): void {
    this.#workers.delete(worker);
    for (const channelId of [...worker.channels]) this.#unsubscribe(worker, channelId);
    const lapse = setTimeout(() => {
      this.#lapses.delete(lapse);
      this.#lapse(worker);
    }, LAPSE_MS);
    lapse.unref();
    this.#lapses.add(lapse);
  }

  #lapse(dead: ConnectedWorker): void {
    const gone = this.#presence.drop(dead.id);
    // Any of them will do: its announcements reach the others by way of the bus.
    const teller = [...this.#workers].find((worker) => worker.serving);
    if (teller === undefined) return;
    for (const [channelId, userIds] of gone) {
      teller.link
        .call('lapsed', channelId, userIds)
        .catch((error) => this.#log.warn({ err: String(error) }, 'Lapsed users were not told of'));
    }
  }
}
