import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet, FleetCounts } from './generator/fleet.js';
import type { Load } from './generator/orders.js';
import { collectGarbage } from './machine/inspector.js';
import { cpuUsOf, rssMibOf } from './machine/proc.js';
import type { Measurement } from './metrics.js';
import type { System } from './systems/system.js';

export interface LoadPlan {
  readonly load: Load;
  /** Every so many messages of a client is timed; a power of two. */
  readonly sampleEvery: number;
  /** Under load before anything counts, in milliseconds. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Processor time of a system and its helpers, in microseconds. */
interface CpuTimes {
  readonly server: number;
  readonly helpers: number;
}

/**
 * Puts a system under load, measures, and waits until everyone has everything that was sent.
 *
 * @param fleet its clients are connected
 */
export async function measureLoad(system: System, fleet: Fleet, plan: LoadPlan): Promise<Measurement> {
  await fleet.start(plan.load, plan.sampleEvery);
  await delay(plan.warmUpMs);
  await fleet.mark();
  const before = cpuTimes(system);
  await delay(plan.measureMs);
  const counts = await fleet.mark();
  const after = cpuTimes(system);
  const rssMib = rssMibOf(system.pids);
  const settled = await fleet.settle(await fleet.stopSending());
  for (const text of settled.faultTexts) console.error(`  ${system.name}: ${text}`);
  return {
    ...ofCounts(counts),
    ...(plan.load.kind === 'rate' ? { latestSendMs: counts.latestSendUs / 1000 } : {}),
    ...ofCpu(before, after, counts),
    rssMib,
    lost: settled.lost,
    refused: settled.refused,
    faults: settled.faults,
  };
}

export function cpuTimes(system: System): CpuTimes {
  return { server: cpuUsOf(system.pids), helpers: cpuUsOf(system.helperPids()) };
}

/** What a system holds when its garbage is collected. */
export interface Settled {
  readonly settledRssMib: number;
  readonly heapMib: number;
  readonly resources: number;
}

/** Collects the garbage of a system that was started for it, and measures what is left. */
export async function withoutGarbage(system: System): Promise<Settled> {
  const remains = await Promise.all(system.inspectorUrls.map(collectGarbage));
  const sum = (key: 'heapBytes' | 'resources') => remains.reduce((total, each) => total + each[key], 0);
  return {
    settledRssMib: rssMibOf(system.pids),
    heapMib: sum('heapBytes') / 2 ** 20,
    resources: sum('resources'),
  };
}

/** From before the send to after the receipt, in milliseconds. */
export function ofLatencies({ latencies }: FleetCounts): Measurement {
  const ms = (part: number) => latencies.quantile(part) / 1000;
  return { p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99), maxMs: ms(1) };
}

function ofCounts(counts: FleetCounts): Measurement {
  const { seconds, sent, delivered, cpuUs } = counts;
  return {
    messagesPerSecond: sent / seconds,
    deliveriesPerSecond: delivered / seconds,
    ...ofLatencies(counts),
    generatorCpuShare: cpuUs / 1e6 / seconds,
  };
}

function ofCpu(before: CpuTimes, after: CpuTimes, { seconds, delivered }: FleetCounts): Measurement {
  const serverUs = after.server - before.server;
  return {
    cpuUsPerDelivery: delivered === 0 ? 0 : serverUs / delivered,
    serverCpuShare: serverUs / 1e6 / seconds,
    helperCpuShare: (after.helpers - before.helpers) / 1e6 / seconds,
  };
}
