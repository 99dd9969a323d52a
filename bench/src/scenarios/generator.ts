import { setTimeout as delay } from 'node:timers/promises';
import { cpuTimes, ofLatencies } from '../measure.js';
import { Peer } from '../systems/peer.js';
import { CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { withSystem } from './contenders.js';

const SIZES = [100, 1000];

export const generator: Scenario = {
  name: 'generator',
  description:
    'The limit of the generator itself: a process writes the same ready frames to all clients, as fast as they take them, and ' +
    'the clients do all that they do elsewhere: count, follow each sequence, time samples. What is measured in other scenarios ' +
    'has to stay below that, or it is the generator that is measured.',
  async run(bench) {
    for (const run of range(bench.runs)) {
      for (const clients of bench.quick ? [50] : SIZES) {
        bench.say(`run ${run + 1} of ${bench.runs}: ${clients} clients`);
        await withSystem(Peer.start(bench.servers, 'flood'), async (system) => {
          const fleet = startFleet(bench, clients);
          try {
            const channelIds = await system.createChannels(1);
            const orders = range(clients).map((user) => system.client(user, channelIds));
            await fleet.connect(system.dialect, orders, CONNECT_PARALLEL);
            const { warmUpMs, measureMs, sampleEvery } = timing(bench, 4_000_000);
            await fleet.start({ kind: 'once', senders: [0] }, sampleEvery);
            await delay(warmUpMs);
            await fleet.mark();
            const before = cpuTimes(system);
            await delay(measureMs);
            const counts = await fleet.mark();
            const after = cpuTimes(system);
            record(bench, `${clients} clients`, 'flood', {
              deliveriesPerSecond: counts.delivered / counts.seconds,
              ...ofLatencies(counts),
              cpuUsPerDelivery: (after.server - before.server) / counts.delivered,
              serverCpuShare: (after.server - before.server) / 1e6 / counts.seconds,
              generatorCpuShare: counts.cpuUs / 1e6 / counts.seconds,
              generatorLimit: counts.delivered / (counts.cpuUs / 1e6),
            });
          } finally {
            await fleet.stop();
          }
        });
      }
    }
  },
};
