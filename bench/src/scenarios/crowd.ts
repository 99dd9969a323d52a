import { setTimeout as delay } from 'node:timers/promises';
import { rssMibOf } from '../machine/proc.js';
import { cpuTimes, ofLatencies, withoutGarbage } from '../measure.js';
import { HubbubSystem } from '../systems/hubbub.js';
import type { System } from '../systems/system.js';
import { type Bench, CONNECT_PARALLEL, range, record, type Scenario, startFleet } from './bench.js';
import { startContender, withSystem } from './contenders.js';

const CONNECTIONS = 19_000;
const MANY_CONNECTIONS = 100_000;
/** Each may have 20,000 files. */
const MANY_INSTANCES = 6;
/** As long as a ping interval, so that every connection has its ping in it. */
const IDLE_MS = 25_000;
/** After a start: what it left behind is collected, and compiled. */
const REST_MS = 2000;
const MESSAGES_TO_ALL = 5;

export const crowd: Scenario = {
  name: 'crowd',
  description:
    `${CONNECTIONS} users connect to one channel of one process, 200 at a time, are silent for ${IDLE_MS / 1000} s, and get ` +
    `${MESSAGES_TO_ALL} messages, one after the other. The memory of a connection is what the process's resident set has grown by, ` +
    'garbage collected before and after: what waits to be collected belongs to nobody. ' +
    `Then ${MANY_CONNECTIONS} users over ${MANY_INSTANCES} instances, which share the processors with everything else.`,
  async run(bench) {
    const connections = bench.quick ? 200 : CONNECTIONS;
    for (const run of range(bench.runs)) {
      for (const name of bench.contenders) {
        bench.say(`run ${run + 1} of ${bench.runs}: ${connections} connections, ${name}`);
        await withSystem(startContender(bench, name, true), (system) => visit(bench, system, connections, 1));
      }
    }
    const many = bench.quick ? 300 : MANY_CONNECTIONS;
    const instances = bench.quick ? 2 : MANY_INSTANCES;
    bench.say(`${many} connections over ${instances} instances`);
    const starting = HubbubSystem.start(bench.servers, { kind: 'cluster', instances, pinned: false, inspected: true });
    await withSystem(starting, (system) => visit(bench, system, many, instances));
  },
};

async function visit(bench: Bench, system: System, connections: number, instances: number): Promise<void> {
  const fleet = startFleet(bench, connections);
  try {
    const channelIds = await system.createChannels(1);
    await delay(bench.quick ? 100 : REST_MS);
    const emptyGrownMib = rssMibOf(system.pids);
    const empty = await withoutGarbage(system);
    await fleet.mark();
    const clients = range(connections).map((user) => system.client(user, channelIds, user));
    const seconds = await fleet.connect(system.dialect, clients, CONNECT_PARALLEL);
    await delay(bench.quick ? 100 : REST_MS);
    const joining = await fleet.mark();

    const before = cpuTimes(system);
    await delay(bench.quick ? 300 : IDLE_MS);
    const after = cpuTimes(system);
    const idle = await fleet.mark();
    const rssMib = rssMibOf(system.pids);
    const joined = await withoutGarbage(system);

    let settled = await fleet.settle({});
    for (const turn of range(MESSAGES_TO_ALL)) {
      await fleet.start({ kind: 'once', senders: [turn] }, 1);
      settled = await fleet.settle(await fleet.stopSending());
    }
    const messages = await fleet.mark();
    const where = instances === 1 ? 'one process' : `${instances} processes`;
    record(bench, `${connections} connections, ${where}`, system.name, {
      connections,
      connectsPerSecond: connections / seconds,
      kibPerConnection: ((joined.settledRssMib - empty.settledRssMib) * 1024) / connections,
      heapKibPerConnection: ((joined.heapMib - empty.heapMib) * 1024) / connections,
      grownKibPerConnection: ((rssMib - emptyGrownMib) * 1024) / connections,
      rssMib,
      idleCpuShare: (after.server - before.server) / 1e6 / idle.seconds,
      // The answer to the join itself is not presence.
      framesPerJoin: joining.otherFrames / connections - 1,
      presenceBytesPerJoin: joining.otherBytes / connections,
      ...ofLatencies(messages),
      lost: settled.lost,
      refused: settled.refused,
      faults: settled.faults,
    });
  } finally {
    await fleet.stop();
  }
}
