import type { NewClient } from '../generator/fleet.js';
import { cpuUsOf } from '../machine/proc.js';
import { type LoadPlan, measureLoad } from '../measure.js';
import type { Measurement } from '../metrics.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { type Bench, CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { withSystem } from './contenders.js';
import { CHANNELS_A_CLIENT, inTwoChannels, spreadSenders } from './rooms.js';

const SUBSCRIBERS = 1000;
const ROOM_SENDERS = 40;
const CHANNELS = 1000;
const PEOPLE = 20;
const ROOMS_SENDERS = 400;
const WORKERS = [1, 2];
const QUICK_WORKERS = [2];
const KINDS = ['postgres', 'cluster'] as const;

export const workers: Scenario = {
  name: 'workers',
  description:
    `One process against ${WORKERS.at(-1)} workers on one port (\`HUBBUB_WORKERS\`), with and without Redis, both loads saturating: ` +
    `a room of ${SUBSCRIBERS} subscribers, and ${CHANNELS} rooms of ${PEOPLE}. Nothing of the server is pinned; the generator, ` +
    "PostgreSQL and Redis keep to theirs, so on two processors the workers share one with them. The server's processor time " +
    'is that of all its processes, the primary included.',
  async run(bench) {
    for (const run of range(bench.runs)) {
      for (const kind of KINDS) {
        for (const count of bench.quick ? QUICK_WORKERS : WORKERS) {
          bench.say(`run ${run + 1} of ${bench.runs}: ${count} workers, ${kind}`);
          const env = { HUBBUB_WORKERS: String(count) };
          await withSystem(HubbubSystem.start(bench.servers, { kind, env, pinned: false }), async (system) => {
            const processes = count === 1 ? '1 process' : `${count} workers`;
            const suffix = `${processes}, ${kind === 'cluster' ? 'with Redis' : 'without Redis'}`;
            await visit(bench, system, suffix, roomVisit(bench));
            await visit(bench, system, suffix, roomsVisit(bench));
          });
        }
      }
    }
  },
};

/** A load, and who takes part in it. */
interface Visit {
  readonly title: string;
  readonly channels: number;
  readonly users: number;
  readonly clients: (system: HubbubSystem, ids: readonly string[]) => NewClient[];
  readonly plan: LoadPlan;
}

function roomVisit(bench: Bench): Visit {
  const users = bench.quick ? 50 : SUBSCRIBERS;
  return {
    title: `room of ${users}`,
    channels: 1,
    users,
    clients: (system, ids) => range(users).map((user) => system.client(user, ids)),
    plan: {
      ...timing(bench, bench.quick ? 50_000 : 2_000_000),
      load: { kind: 'closed', senders: range(ROOM_SENDERS), inFlight: 1 },
    },
  };
}

function roomsVisit(bench: Bench): Visit {
  const [channels, people] = bench.quick ? [10, 4] : [CHANNELS, PEOPLE];
  const users = (channels * people) / CHANNELS_A_CLIENT;
  return {
    title: `${channels} rooms of ${people}`,
    channels,
    users,
    clients: (system, ids) => inTwoChannels(system, ids, users),
    plan: {
      ...timing(bench, bench.quick ? 10_000 : 200_000),
      load: { kind: 'closed', senders: spreadSenders(users, ROOMS_SENDERS), inFlight: 1 },
    },
  };
}

async function visit(bench: Bench, system: HubbubSystem, suffix: string, of: Visit): Promise<void> {
  const fleet = startFleet(bench, of.users);
  try {
    const ids = await system.createChannels(of.channels);
    await fleet.connect(system.dialect, of.clients(system, ids), CONNECT_PARALLEL);
    const parents = system.instances.map(({ pid }) => pid);
    const hasWorkers = system.pids.length > parents.length;
    const beforeUs = cpuUsOf(parents);
    const startedMs = performance.now();
    const measured = await measureLoad(system, fleet, of.plan);
    const seconds = (performance.now() - startedMs) / 1000;
    // A single process has no primary beside it. The share is over the warm-up and the end as well.
    const primary: Measurement = hasWorkers ? { primaryCpuShare: (cpuUsOf(parents) - beforeUs) / 1e6 / seconds } : {};
    record(bench, `${of.title}, ${suffix}`, system.name, { ...measured, ...primary });
  } finally {
    await fleet.stop();
  }
}
