import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { peakRssMibOf, rssMibOf } from '../machine/proc.js';
import { measureLoad } from '../measure.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { type Bench, CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { withSystem } from './contenders.js';

const SUBSCRIBERS = 1000;
const REST_MS = 2000;

export const embedded: Scenario = {
  name: 'embedded',
  description:
    'Hubbub alone, with the embedded database in a folder: from the start of the process to the line that says it is ready, ' +
    'on an empty folder and on the one that this left behind; its memory two seconds later; then the saturating room of ' +
    `${SUBSCRIBERS} subscribers and a lone sender.`,
  async run(bench) {
    for (const run of range(bench.runs)) {
      bench.say(`run ${run + 1} of ${bench.runs}`);
      const folder = mkdtempSync(join(bench.servers.folder, 'embedded-'));
      await start(bench, 'first start', folder, async () => {});
      await start(bench, 'later start', folder, (system) => load(bench, system));
    }
  },
};

async function start(
  bench: Bench,
  name: string,
  folder: string,
  work: (system: HubbubSystem) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  await withSystem(
    HubbubSystem.start(bench.servers, { kind: 'embedded', env: { DATA_DIR: folder } }),
    async (system) => {
      const startSeconds = (performance.now() - started) / 1000;
      await delay(bench.quick ? 100 : REST_MS);
      record(bench, name, 'hubbub', {
        startSeconds,
        rssMib: rssMibOf(system.pids),
        peakRssMib: peakRssMibOf(system.pids),
      });
      await work(system);
    },
  );
}

async function load(bench: Bench, system: HubbubSystem): Promise<void> {
  const subscribers = bench.quick ? 50 : SUBSCRIBERS;
  const fleet = startFleet(bench, subscribers);
  try {
    const channelIds = await system.createChannels(1);
    const clients = range(subscribers).map((user) => system.client(user, channelIds));
    await fleet.connect(system.dialect, clients, CONNECT_PARALLEL);
    const measured = await measureLoad(system, fleet, {
      ...timing(bench, bench.quick ? 50_000 : 1_000_000),
      load: { kind: 'closed', senders: range(40), inFlight: 1 },
    });
    record(bench, `${subscribers} subscribers, saturating`, 'hubbub', {
      ...measured,
      peakRssMib: peakRssMibOf(system.pids),
    });
  } finally {
    await fleet.stop();
  }
}
