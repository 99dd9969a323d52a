import { measureLoad } from '../measure.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { Peer } from '../systems/peer.js';
import type { System } from '../systems/system.js';
import { type Bench, range, record, type Scenario, startFleet, timing } from './bench.js';
import { withSystem } from './contenders.js';

const PACED_PER_SECOND = 50;

export const lone: Scenario = {
  name: 'lone',
  description:
    'One sender and one receiver in a channel, nothing else. Back to back: the next message is sent when the one before has ' +
    `come back. Paced: ${PACED_PER_SECOND} messages a second. Of two instances, which are not pinned, the receiver is on the other one.`,
  async run(bench) {
    const { servers } = bench;
    for (const run of range(bench.runs)) {
      bench.say(`run ${run + 1} of ${bench.runs}`);
      // A short run meets the embedded database in a scenario of its own.
      if (!bench.quick) await visit(bench, 'embedded', HubbubSystem.start(servers, { kind: 'embedded' }));
      await visit(bench, 'PostgreSQL and Redis', HubbubSystem.start(servers, { kind: 'cluster' }));
      await visit(
        bench,
        'two instances',
        HubbubSystem.start(servers, { kind: 'cluster', instances: 2, pinned: false }),
      );
      for (const name of bench.contenders) {
        if (name !== 'hubbub') await visit(bench, 'PostgreSQL and Redis', Peer.start(servers, name));
      }
    }
  },
};

/** @param title the peers bear the title of what they are compared with */
async function visit(bench: Bench, title: string, starting: Promise<System>): Promise<void> {
  await withSystem(starting, async (system) => {
    const fleet = startFleet(bench, 2);
    try {
      const channelIds = await system.createChannels(1);
      const clients = [0, 1].map((user) => system.client(user, channelIds, user));
      await fleet.connect(system.dialect, clients, 1);
      const backToBack = await measureLoad(system, fleet, {
        ...timing(bench, 1),
        load: { kind: 'closed', senders: [0], inFlight: 1 },
      });
      record(bench, `${title}, back to back`, system.name, backToBack);
      const paced = await measureLoad(system, fleet, {
        ...timing(bench, 1),
        load: { kind: 'rate', senders: [0], perSecond: PACED_PER_SECOND },
      });
      record(bench, `${title}, paced`, system.name, paced);
    } finally {
      await fleet.stop();
    }
  });
}
