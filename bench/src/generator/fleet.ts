import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pin } from '../machine/pin.js';
import type { DialectName } from './dialect.js';
import { Histogram } from './histogram.js';
import type { ClientOrder } from './load-client.js';
import type { Answers, Counts, Load, Order, Settled } from './orders.js';

const ENTRY = fileURLToPath(new URL('./generator-process.js', import.meta.url));
/** Sockets of one process: it may have no more than 20,000 files, and a few are other ones. */
const MAX_CLIENTS_A_PROCESS = 18_000;
/** Connections from one address: it has 28,000 ports, of which some may still wait for their end. */
const CLIENTS_AN_ADDRESS = 14_000;

/** Without any news for so long, nothing more will come; the second time everything has had its time. */
const QUIET_MS = 15_000;
const SHORT_QUIET_MS = 1000;

/** What all generators counted between two marks. */
export interface FleetCounts {
  readonly seconds: number;
  readonly sent: number;
  readonly delivered: number;
  readonly otherFrames: number;
  readonly otherBytes: number;
  readonly latencies: Histogram;
  readonly latestSendUs: number;
  readonly cpuUs: number;
}

/** What is true when nothing is on its way any more. */
export interface FleetSettled extends Omit<Settled, 'refused'> {
  /** Messages that were answered with an error since the clients connected. */
  readonly refused: number;
}

/** Whom a client is, without what the fleet adds. */
export type NewClient = Omit<ClientOrder, 'number' | 'localAddress'>;

/** The generator: processes that hold the clients of a run. */
export class Fleet {
  readonly #members: readonly Member[];
  #clients = 0;

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /**
   * @param processes at least so many; more when the clients would not fit
   * @param cpus list for taskset; null: not pinned
   */
  static start(processes: number, clients: number, cpus: string | null): Fleet {
    const count = Math.max(processes, Math.ceil(clients / MAX_CLIENTS_A_PROCESS));
    const members = Array.from({ length: count }, () => new Member());
    for (const { pid } of members) if (cpus !== null) pin(pid, cpus);
    return new Fleet(members);
  }

  get pids(): number[] {
    return this.#members.map(({ pid }) => pid);
  }

  /**
   * Connects clients and has them join, spread over the processes in turn.
   *
   * @param parallel connections that are opened at a time, in all
   * @returns how long it took, in seconds
   */
  async connect(dialect: DialectName, clients: readonly NewClient[], parallel: number): Promise<number> {
    const first = this.#clients;
    this.#clients += clients.length;
    const orders = clients.map((client, index): ClientOrder => {
      const number = first + index;
      const address = Math.floor(number / CLIENTS_AN_ADDRESS);
      return { ...client, number, localAddress: address === 0 ? null : `127.0.0.${address + 1}` };
    });
    const started = performance.now();
    const width = Math.max(1, Math.ceil(parallel / this.#members.length));
    await Promise.all(
      this.#members.map((member, index) => {
        const own = orders.filter(({ number }) => number % this.#members.length === index);
        return member.tell('connect', { kind: 'connect', dialect, clients: own, parallel: width });
      }),
    );
    return (performance.now() - started) / 1000;
  }

  /** @param load its rate is what all generators send together */
  async start(load: Load, sampleEvery: number): Promise<void> {
    const size = this.#members.length;
    await Promise.all(
      this.#members.map((member, index) => {
        const own = load.senders.filter((number) => number % size === index).length;
        const share =
          load.kind === 'rate' ? { ...load, perSecond: (load.perSecond * own) / load.senders.length } : load;
        return member.tell('start', { kind: 'start', load: share, sampleEvery });
      }),
    );
  }

  /** What was counted since the last mark, or the start. */
  async mark(): Promise<FleetCounts> {
    const counts = await Promise.all(this.#members.map((member) => member.tell('mark', { kind: 'mark' })));
    const latencies = new Histogram();
    for (const each of counts) latencies.add(each.latencies);
    const sum = (key: 'sent' | 'delivered' | 'otherFrames' | 'otherBytes' | 'cpuUs') =>
      counts.reduce((total, each) => total + each[key], 0);
    return {
      seconds: counts.reduce((total, each: Counts) => total + each.toUs - each.fromUs, 0) / counts.length / 1e6,
      sent: sum('sent'),
      delivered: sum('delivered'),
      otherFrames: sum('otherFrames'),
      otherBytes: sum('otherBytes'),
      latencies,
      latestSendUs: Math.max(...counts.map(({ latestSendUs }) => latestSendUs)),
      cpuUs: sum('cpuUs'),
    };
  }

  /** Ends the sending. @returns messages sent in all, by channel */
  async stopSending(): Promise<Record<string, number>> {
    const parts = await Promise.all(this.#members.map((member) => member.tell('stop', { kind: 'stop' })));
    return addUp(parts);
  }

  /**
   * Waits until everyone has everything that was sent and not refused, or nothing has come for a while.
   *
   * @param sent by channel, since the clients connected
   */
  async settle(sent: Readonly<Record<string, number>>): Promise<FleetSettled> {
    const first = await this.#settle(sent, QUIET_MS);
    if (Object.keys(first.refused).length === 0) return { ...first, refused: 0 };
    const taken = Object.entries(sent).map(([id, count]) => [id, count - (first.refused[id] ?? 0)] as const);
    const second = await this.#settle(Object.fromEntries(taken), SHORT_QUIET_MS);
    return { ...second, refused: Object.values(second.refused).reduce((sum, count) => sum + count, 0) };
  }

  async #settle(expected: Readonly<Record<string, number>>, quietMs: number): Promise<Settled> {
    const order = { kind: 'settle', expected, quietMs } as const;
    const parts = await Promise.all(this.#members.map((member) => member.tell('settle', order)));
    return {
      atUs: Math.max(...parts.map(({ atUs }) => atUs)),
      lost: parts.reduce((sum, { lost }) => sum + lost, 0),
      refused: addUp(parts.map(({ refused }) => refused)),
      faults: parts.reduce((sum, { faults }) => sum + faults, 0),
      faultTexts: parts.flatMap(({ faultTexts }) => faultTexts),
    };
  }

  async drop(except: readonly number[]): Promise<void> {
    await Promise.all(this.#members.map((member) => member.tell('drop', { kind: 'drop', except })));
  }

  /** Those that were dropped connect again and resume. @param parallel connections at a time, in all */
  async comeBack(parallel: number): Promise<void> {
    const width = Math.max(1, Math.ceil(parallel / this.#members.length));
    await Promise.all(this.#members.map((member) => member.tell('return', { kind: 'return', parallel: width })));
  }

  /** Ends all connections and processes; settles when they are gone. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#members.map((member) => member.tell('drop', { kind: 'drop', except: [] })));
    await Promise.all(this.#members.map((member) => member.stop()));
  }
}

function addUp(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const part of parts) for (const [key, count] of Object.entries(part)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

/** One process of the fleet. */
class Member {
  readonly #child: ChildProcess = fork(ENTRY, [], { serialization: 'advanced' });
  readonly #ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async tell<K extends Order['kind']>(_kind: K, order: Extract<Order, { kind: K }>): Promise<Answers[K]> {
    return await new Promise<Answers[K]>((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`a generator ended with ${code}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (message: { answer: Answers[K] } | { error: string }) => {
        this.#child.off('exit', onExit);
        if ('error' in message) reject(new Error(message.error));
        else resolve(message.answer);
      });
      this.#child.send(order);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
