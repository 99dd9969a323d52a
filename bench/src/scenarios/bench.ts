import { availableParallelism } from 'node:os';
import { Fleet } from '../generator/fleet.js';
import type { LoadPlan } from '../measure.js';
import { METRICS, type Measurement, type MetricName } from '../metrics.js';
import type { Case, Recorder } from '../results.js';
import type { Servers } from '../systems/servers.js';
import type { SystemName } from '../systems/system.js';
import type { Contender } from './contenders.js';

/** What a scenario works with. */
export interface Bench {
  readonly servers: Servers;
  readonly recorder: Recorder;
  /** A short run, small enough for any machine, that proves only that everything works. */
  readonly quick: boolean;
  /** Rows of a scenario that fills tables; null: its own number. */
  readonly rows: number | null;
  readonly runs: number;
  /** What is run of that which is compared. */
  readonly contenders: readonly Contender[];
  /** Tells how far it is. */
  readonly say: (text: string) => void;
}

export interface Scenario {
  readonly name: string;
  /** What is done, in a sentence or two. */
  readonly description: string;
  run(bench: Bench): Promise<void>;
}

/** Connections that are opened at a time: a server's queue of new ones is no longer than 511 by default. */
export const CONNECT_PARALLEL = 200;

const SHOWN: readonly MetricName[] = [
  'connectsPerSecond',
  'kibPerConnection',
  'heapKibPerConnection',
  'idleCpuShare',
  'messagesPerSecond',
  'deliveriesPerSecond',
  'p50Ms',
  'p99Ms',
  'cpuUsPerDelivery',
  'deliveriesPerCpuSecond',
  'serverCpuShare',
  'primaryCpuShare',
  'generatorCpuShare',
  'generatorLimit',
  'currentSeconds',
  'transactionsPerReturn',
  'startSeconds',
  'removedRows',
  'removedPerSecond',
  'planMs',
  'blocks',
  'heapMib',
  'rssMib',
  'lost',
  'refused',
  'faults',
];

/** Enters one run into the results, and tells what came out. */
export function record(
  bench: Bench,
  name: string,
  system: SystemName,
  measurement: Measurement,
  more: Pick<Case, 'series' | 'note'> = {},
): void {
  bench.recorder.add(name, system, measurement, more);
  const shown = SHOWN.filter((metric) => measurement[metric] !== undefined).map(
    (metric) => `${METRICS[metric].label} ${(measurement[metric] ?? 0).toFixed(METRICS[metric].digits)}`,
  );
  bench.say(`${name}, ${system}: ${shown.join(', ')}`);
}

/**
 * A generator for every processor but the server's, and more where the clients do not fit. Two on one processor would
 * wait for each other, and that would count as the server's latency.
 */
export function startFleet(bench: Bench, clients: number): Fleet {
  const processes = bench.quick ? 2 : Math.max(1, availableParallelism() - 1);
  return Fleet.start(processes, clients, bench.servers.placement.others);
}

/** @param deliveriesPerSecond about how many there will be: no more than some 100,000 a second are timed */
export function timing(bench: Bench, deliveriesPerSecond: number): Omit<LoadPlan, 'load'> {
  const sampleEvery = 2 ** Math.max(0, Math.ceil(Math.log2(deliveriesPerSecond / 100_000)));
  return { sampleEvery, warmUpMs: bench.quick ? 100 : 3000, measureMs: bench.quick ? 400 : 8000 };
}

/** The whole numbers below `count`. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
