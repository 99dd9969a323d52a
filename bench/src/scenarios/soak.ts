import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from '../generator/fleet.js';
import { openFilesOf, rssMibOf } from '../machine/proc.js';
import { measureLoad, ofLatencies, withoutGarbage } from '../measure.js';
import type { Measurement } from '../metrics.js';
import { spreadOf } from '../results.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { withSystem } from './contenders.js';

const SUBSCRIBERS = 1000;
const SATURATING_SENDERS = 40;
const SENDERS = 20;
const POINTS = 120;
const QUICK_POINTS = 4;
const STEP_MS = 10_000;
const QUICK_STEP_MS = 200;
/** After a collection, until what waited for it has gone out. */
const CATCH_UP_MS = 1000;
const LOOP_DELAY = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m;

export const soak: Scenario = {
  name: 'soak',
  description:
    `${(POINTS * STEP_MS) / 60_000} minutes at half of what a saturated room of ${SUBSCRIBERS} reaches here, measured right ` +
    `before. Every ${STEP_MS / 1000} s: latency and rate since the point before, resident memory and event-loop delay, and then, ` +
    'with the garbage collected, the live heap and what the process holds open. Messages of that collection and of the ' +
    `${CATCH_UP_MS / 1000} s after it count for no latency. It is run once.`,
  async run(bench) {
    await withSystem(HubbubSystem.start(bench.servers, { kind: 'cluster', inspected: true }), async (system) => {
      const subscribers = bench.quick ? 50 : SUBSCRIBERS;
      const fleet = startFleet(bench, subscribers);
      try {
        const channelIds = await system.createChannels(1);
        const clients = range(subscribers).map((user) => system.client(user, channelIds));
        await fleet.connect(system.dialect, clients, CONNECT_PARALLEL);
        const saturating = await measureLoad(system, fleet, {
          ...timing(bench, bench.quick ? 50_000 : 2_000_000),
          load: { kind: 'closed', senders: range(SATURATING_SENDERS), inFlight: 1 },
        });
        record(bench, `${subscribers} subscribers, saturating`, system.name, saturating);

        const perSecond = Math.max(1, (saturating.messagesPerSecond ?? 0) / 2);
        const { sampleEvery } = timing(bench, perSecond * subscribers);
        await fleet.start({ kind: 'rate', senders: range(SENDERS), perSecond }, sampleEvery);
        const series: Measurement[] = [];
        const startedMs = performance.now();
        const [points, stepMs] = bench.quick ? [QUICK_POINTS, QUICK_STEP_MS] : [POINTS, STEP_MS];
        for (const turn of range(points)) {
          if (turn > 0) await delay(bench.quick ? 100 : CATCH_UP_MS);
          await fleet.mark();
          await delay(Math.max(stepMs / 2, startedMs + (turn + 1) * stepMs - performance.now()));
          const point = await pointOf(system, fleet, (performance.now() - startedMs) / 1000);
          series.push(point);
          if (turn % 6 === 0) bench.say(`point ${turn + 1} of ${points}: ${inWords(point)}`);
        }
        const { lost, refused, faults } = await fleet.settle(await fleet.stopSending());
        record(bench, 'half load', system.name, { ...mediansOf(series), lost, refused, faults }, { series });
      } finally {
        await fleet.stop();
      }
    });
  },
};

async function pointOf(system: HubbubSystem, fleet: Fleet, atSeconds: number): Promise<Measurement> {
  const counts = await fleet.mark();
  const rssMib = rssMibOf(system.pids);
  const loopDelayMs = await loopDelayMsOf(system);
  const { heapMib, resources } = await withoutGarbage(system);
  return {
    atSeconds,
    messagesPerSecond: counts.sent / counts.seconds,
    deliveriesPerSecond: counts.delivered / counts.seconds,
    ...ofLatencies(counts),
    rssMib,
    heapMib,
    loopDelayMs,
    openFiles: openFilesOf(system.pids),
    resources,
  };
}

/** Since the last time it was asked for. */
async function loopDelayMsOf({ instances }: HubbubSystem): Promise<number> {
  const response = await fetch(`${instances[0]?.url}/metrics`);
  const found = LOOP_DELAY.exec(await response.text())?.[1];
  if (found === undefined) throw new Error('the server does not tell its event-loop delay');
  return Number(found) * 1000;
}

function mediansOf(series: readonly Measurement[]): Measurement {
  const metrics = ['messagesPerSecond', 'deliveriesPerSecond', 'p50Ms', 'p95Ms', 'p99Ms', 'rssMib', 'heapMib'] as const;
  const medians = metrics.map((metric) => [metric, spreadOf(series, metric)?.median ?? 0]);
  return { ...Object.fromEntries(medians), maxMs: spreadOf(series, 'maxMs')?.max ?? 0 };
}

function inWords({ deliveriesPerSecond = 0, p99Ms = 0, rssMib = 0, heapMib = 0, resources = 0 }: Measurement): string {
  return (
    `deliveries/s ${deliveriesPerSecond.toFixed(0)}, p99 ms ${p99Ms.toFixed(1)}, RSS MiB ${rssMib.toFixed(0)}, ` +
    `live heap MiB ${heapMib.toFixed(1)}, active resources ${resources}`
  );
}
