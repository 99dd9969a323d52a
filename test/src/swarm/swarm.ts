import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a swarm is told to do. */
export interface SwarmOrder {
  /** WebSocket URL of the channel, one for each client; clients are spread over them in turn. */
  readonly urls: readonly string[];
  /** One token a client. */
  readonly tokens: readonly string[];
  readonly messagesPerSecond: number;
  readonly seconds: number;
  /** Messages that each client should get in all, from every swarm. */
  readonly expected: number;
  /** Every n-th client reads its messages whole and measures their latency. */
  readonly sampleEvery: number;
}

export interface SwarmReport {
  readonly clients: number;
  /** Clients that got everything, once, in order. */
  readonly complete: number;
  readonly faults: readonly string[];
  /** From before the send to after the receipt, in milliseconds, sorted. */
  readonly latenciesMs: readonly number[];
  /** Ids in the order of seq, as each sampled client saw them: one entry if all agree. */
  readonly orders: readonly string[];
  readonly cpuSeconds: number;
}

const ENTRY = fileURLToPath(new URL('./swarm-process.js', import.meta.url));

/** Clients in a process of their own, so that they cost the test's process nothing. */
export class Swarm {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;

  private constructor(order: SwarmOrder) {
    this.#child = fork(ENTRY, [], { serialization: 'json' });
    this.#ready = this.#answer('ready');
    this.#child.send({ order });
  }

  /** Settles when all clients are subscribed. */
  static async start(order: SwarmOrder): Promise<Swarm> {
    const swarm = new Swarm(order);
    await swarm.#ready;
    return swarm;
  }

  /** Sends at the ordered rate, waits until all clients have everything (or 15 s without news), and reports. */
  async run(): Promise<SwarmReport> {
    const report = this.#answer('report');
    this.#child.send({ go: true });
    return (await report) as SwarmReport;
  }

  stop(): void {
    this.#child.kill();
  }

  #answer(key: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: Record<string, unknown>) => {
        if (!(key in message) && !('error' in message)) return;
        this.#child.off('message', onMessage);
        if ('error' in message) reject(new Error(String(message.error)));
        else resolve(message[key]);
      };
      this.#child.on('message', onMessage);
      this.#child.once('exit', (code) => reject(new Error(`the swarm's process ended with ${code}`)));
    });
  }
}
