/**
 * A load: users with a connection each in one channel, who write in turn at a steady rate. They are clients of the SDK, so
 * that what is counted is what an application gets: a connection that is lost meanwhile resumes, as in an application.
 */
import { createHistogram, monitorEventLoopDelay, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { type Channel, type Client, connect, type GetToken, HubbubClientError } from '@hubbub/client';
import { Ledger } from './ledger.js';

export interface LoadPlan {
  readonly url: URL;
  readonly connections: number;
  /** Messages a second, of all together. */
  readonly rate: number;
  readonly durationSeconds: number;
  /** The token of a connection. @param index from 0 */
  readonly getToken: (index: number) => GetToken;
}

export interface LoadFigures {
  readonly seconds: number;
  readonly accepted: number;
  /** Messages that the server refused, by the code of its answer. */
  readonly refused: ReadonlyMap<string, number>;
  /** Messages without an answer: whether they are stored is not known. */
  readonly unanswered: number;
  readonly delivered: number;
  readonly lost: number;
  readonly doubled: number;
  /** Connections that were lost, and resumed. */
  readonly reconnects: number;
  /** From the call that sends to the receipt by each client, in milliseconds. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  /** By how much this process itself was late, in milliseconds (99th percentile): it is part of the latencies. */
  readonly ownLagMs: number;
}

interface Watcher {
  /** Called once a second. */
  readonly onProgress: (figures: { seconds: number; accepted: number; delivered: number; refused: number }) => void;
  readonly onNotice: (text: string) => void;
  /** Ends the sending; what was sent is still waited for. */
  readonly signal: AbortSignal;
}

/** Connections that are opened at a time. */
const WIDTH = 50;
const CONNECT_TIMEOUT_MS = 60_000;
const PACE_MS = 5;
const PROGRESS_MS = 1000;
/** Without any news for so long, nothing more will come. A client that has lost its connection may take this long. */
const QUIET_MS = 10_000;
const LOOK_MS = 50;
const CONTENT = /^load (\d+)$/;

/**
 * Makes a channel, puts the load on it, waits until everything is there or nothing comes any more, and takes the channel
 * away again.
 *
 * @throws HubbubClientError when the channel or a connection is refused
 */
export async function runLoad(plan: LoadPlan, watcher: Watcher): Promise<LoadFigures> {
  const owner = open(plan, 0);
  const clients = [owner];
  try {
    const { id } = await owner.rest.createChannel({ name: `hubbub load ${new Date().toISOString()}` });
    try {
      return await new Load(plan, clients, id).run(watcher);
    } finally {
      await owner.rest.deleteChannel(id).catch((error) => {
        watcher.onNotice(`The channel ${id} could not be removed (${String(error)}): remove it yourself.`);
      });
    }
  } finally {
    for (const client of clients) client.close();
  }
}

function open({ url, getToken }: LoadPlan, index: number): Client {
  // A redirect could lead to a host that is not one's own.
  const strictFetch: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'error' });
  return connect({ url, getToken: getToken(index), fetch: strictFetch, maxMessages: 1 });
}

class Load {
  readonly #plan: LoadPlan;
  readonly #channelId: string;
  /** Those that were opened so far, for their owner to close. */
  readonly #clients: Client[];
  readonly #channels: Channel[] = [];
  readonly #ledger: Ledger;
  readonly #sentAtMs: Float64Array;
  readonly #latenciesUs: RecordableHistogram = createHistogram();
  readonly #refused = new Map<string, number>();
  #sent = 0;
  #unanswered = 0;
  #deliveries = 0;
  #reconnects = 0;
  #newsAtMs = performance.now();

  /** @param clients the first one; the others are added */
  constructor(plan: LoadPlan, clients: Client[], channelId: string) {
    const messages = plan.rate * plan.durationSeconds;
    this.#plan = plan;
    this.#channelId = channelId;
    this.#clients = clients;
    this.#ledger = new Ledger(plan.connections, messages);
    this.#sentAtMs = new Float64Array(messages);
  }

  async run({ onProgress, signal }: Watcher): Promise<LoadFigures> {
    await this.#join(signal);
    const lag = monitorEventLoopDelay({ resolution: PACE_MS });
    const startedAtMs = performance.now();
    const secondsNow = () => (performance.now() - startedAtMs) / 1000;
    const progress = setInterval(() => {
      onProgress({
        seconds: secondsNow(),
        accepted: this.#ledger.accepted,
        delivered: this.#deliveries,
        refused: sumOf(this.#refused),
      });
    }, PROGRESS_MS);
    lag.enable();
    await this.#send(signal);
    const seconds = secondsNow();
    await this.#settle();
    lag.disable();
    clearInterval(progress);
    const ms = (part: number) => this.#latenciesUs.percentile(part) / 1000;
    return {
      seconds,
      accepted: this.#ledger.accepted,
      refused: this.#refused,
      unanswered: this.#unanswered,
      delivered: this.#ledger.delivered,
      lost: this.#ledger.lost,
      doubled: this.#ledger.doubled,
      reconnects: this.#reconnects,
      latencyMs: { p50: ms(50), p95: ms(95), p99: ms(99), max: this.#latenciesUs.max / 1000 },
      ownLagMs: Math.max(0, lag.percentile(99) / 1e6 - PACE_MS),
    };
  }

  async #join(interruption: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([interruption, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
    let next = 0;
    const worker = async () => {
      for (let index = next++; index < this.#plan.connections; index = next++) {
        const client = this.#clients[index] ?? open(this.#plan, index);
        this.#clients[index] = client;
        await this.#joinOne(client, index, signal);
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, worker));
  }

  async #joinOne(client: Client, index: number, signal: AbortSignal): Promise<void> {
    await client.ready({ signal });
    const channel = client.channel(this.#channelId);
    this.#channels[index] = channel;
    await channel.join({ signal });
    // The frames as they come: the SDK would hide one that came twice.
    client.on('frame', (frame) => {
      if (frame.type !== 'message' || frame.channel_id !== this.#channelId) return;
      const number = Number(CONTENT.exec(String(frame.content))?.[1] ?? Number.NaN);
      const sentAtMs = this.#sentAtMs[number];
      if (sentAtMs === undefined) return;
      this.#newsAtMs = performance.now();
      if (!this.#ledger.receive(index, number, number % this.#plan.connections === index)) return;
      this.#deliveries++;
      this.#latenciesUs.record(Math.max(1, Math.round((this.#newsAtMs - sentAtMs) * 1000)));
    });
    client.on('status', ({ state }) => {
      if (state === 'online') this.#reconnects++;
    });
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { rate, durationSeconds } = this.#plan;
    const startedAtMs = performance.now();
    for (let elapsedMs = 0; elapsedMs < durationSeconds * 1000 && !signal.aborted; ) {
      await delay(PACE_MS);
      elapsedMs = performance.now() - startedAtMs;
      const due = Math.min(this.#sentAtMs.length, Math.floor((elapsedMs / 1000) * rate));
      while (this.#sent < due) this.#sendOne(this.#sent++);
    }
  }

  #sendOne(number: number): void {
    const channel = this.#channels[number % this.#channels.length];
    if (channel === undefined) return;
    this.#sentAtMs[number] = performance.now();
    this.#unanswered++;
    channel.send(`load ${number}`).then(
      ({ status }) => {
        if (status === 'sent') this.#ledger.accept(number);
        else this.#refuse('HELD');
        this.#answered();
      },
      (error) => {
        const code = error instanceof HubbubClientError ? error.code : 'INTERNAL';
        // What is still on its way when the clients are closed stays without an answer.
        if (code === 'CLOSED') return;
        this.#refuse(code);
        this.#answered();
      },
    );
  }

  #refuse(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  #answered(): void {
    this.#unanswered--;
    this.#newsAtMs = performance.now();
  }

  async #settle(): Promise<void> {
    this.#newsAtMs = performance.now();
    const isComplete = () =>
      this.#unanswered === 0 && this.#deliveries >= this.#ledger.accepted * this.#plan.connections;
    while (!isComplete() && performance.now() - this.#newsAtMs < QUIET_MS) await delay(LOOK_MS);
  }
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
