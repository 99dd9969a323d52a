import { setTimeout as delay } from 'node:timers/promises';
import { measureLoad, withoutGarbage } from '../measure.js';
import type { Measurement } from '../metrics.js';
import { type Bench, CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { startContender, withSystem } from './contenders.js';

const SUBSCRIBERS = [100, 300, 1000, 3000, 10_000, 19_000];
const QUICK_SUBSCRIBERS = [20];
const SUBSCRIBERS_RATE = 100_000;
const QUICK_SUBSCRIBERS_RATE = 2000;
const SENDERS = 40;

const CHANNELS = [1, 10, 100, 1000, 10_000];
const QUICK_CHANNELS = [10];
const CONNECTIONS = 10_000;
const QUICK_CONNECTIONS = 40;
const CHANNELS_RATE = 4000;
const QUICK_CHANNELS_RATE = 400;
/** Of few large channels there is a message only every few seconds. */
const CHANNELS_MEASURE_MS = 30_000;
/** After a start and after the connecting: presence has been told, and what was begun is done. */
const REST_MS = 3000;

interface Layout {
  readonly connections: number;
  readonly channels: number;
}

/** One load after the other on the same connections. */
interface CostLoad {
  readonly name: string;
  /** Deliveries a second; null: as many as go. */
  readonly rate: number | null;
  readonly measureMs?: number;
}

export const costs: Scenario = {
  name: 'costs',
  description:
    'What a delivery and a connection cost as there are more of them. Against subscribers: one channel, saturated by ' +
    `${SENDERS} senders, then at ${SUBSCRIBERS_RATE} deliveries/s. Against channels: ${CONNECTIONS} connections, each in ` +
    `one of the channels, at ${CHANNELS_RATE} deliveries/s; the more channels, the fewer people hear a message, and the more ` +
    'messages those are, each of which is checked and stored. Memory is measured with everyone connected and garbage collected.',
  async run(bench) {
    for (const run of range(bench.runs)) {
      for (const connections of bench.quick ? QUICK_SUBSCRIBERS : SUBSCRIBERS) {
        bench.say(`run ${run + 1} of ${bench.runs}: ${connections} subscribers`);
        const rate = bench.quick ? QUICK_SUBSCRIBERS_RATE : SUBSCRIBERS_RATE;
        await visit(bench, { connections, channels: 1 }, [
          { name: `${connections} subscribers, saturating`, rate: null },
          { name: `${connections} subscribers, ${rate} deliveries/s`, rate },
        ]);
      }
      for (const channels of bench.quick ? QUICK_CHANNELS : CHANNELS) {
        bench.say(`run ${run + 1} of ${bench.runs}: ${channels} channels`);
        const connections = bench.quick ? QUICK_CONNECTIONS : CONNECTIONS;
        const rate = bench.quick ? QUICK_CHANNELS_RATE : CHANNELS_RATE;
        const name = `${channels} channels, ${rate} deliveries/s`;
        await visit(bench, { connections, channels }, [{ name, rate, measureMs: CHANNELS_MEASURE_MS }]);
      }
    }
  },
};

async function visit(bench: Bench, { connections, channels }: Layout, loads: readonly CostLoad[]): Promise<void> {
  await withSystem(startContender(bench, 'hubbub', true), async (system) => {
    const fleet = startFleet(bench, connections);
    try {
      const ids = await system.createChannels(channels);
      await delay(bench.quick ? 50 : REST_MS);
      const empty = await withoutGarbage(system);
      const clients = range(connections).map((user) => system.client(user, [ids[user % channels] ?? '']));
      await fleet.connect(system.dialect, clients, CONNECT_PARALLEL);
      await delay(bench.quick ? 50 : REST_MS);
      const joined = await withoutGarbage(system);
      const memory: Measurement = {
        connections,
        channels,
        settledRssMib: joined.settledRssMib,
        heapMib: joined.heapMib,
        kibPerConnection: ((joined.settledRssMib - empty.settledRssMib) * 1024) / connections,
        heapKibPerConnection: ((joined.heapMib - empty.heapMib) * 1024) / connections,
      };
      for (const { name, rate, measureMs } of loads) {
        const times = timing(bench, rate ?? (bench.quick ? 50_000 : 2_000_000));
        const measured = await measureLoad(system, fleet, {
          ...times,
          measureMs: bench.quick ? times.measureMs : (measureMs ?? times.measureMs),
          load:
            rate === null
              ? { kind: 'closed', senders: range(Math.min(SENDERS, connections)), inFlight: 1 }
              : { kind: 'rate', senders: range(connections), perSecond: (rate * channels) / connections },
        });
        record(bench, name, system.name, { ...memory, ...measured, ...costsOf(measured) });
      }
    } finally {
      await fleet.stop();
    }
  });
}

/** Nothing of what did not happen. */
function costsOf({ cpuUsPerDelivery = 0, serverCpuShare = 0, messagesPerSecond = 0 }: Measurement): Measurement {
  if (cpuUsPerDelivery === 0 || messagesPerSecond === 0) return {};
  return {
    deliveriesPerCpuSecond: 1e6 / cpuUsPerDelivery,
    cpuUsPerMessage: (serverCpuShare * 1e6) / messagesPerSecond,
  };
}
