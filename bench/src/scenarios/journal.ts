import { measureLoad } from '../measure.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { CONNECT_PARALLEL, range, record, type Scenario, startFleet } from './bench.js';
import { withSystem } from './contenders.js';

const INSTANCES = 2;
const CHANNELS = 200;
const PEOPLE = 20;
/** Each user sends at half of it, evenly. */
const RATE_LIMIT_PER_MINUTE = 300;
const RATES = [10_000, 20_000];

export const journal: Scenario = {
  name: 'journal',
  description:
    `Messages at a fixed rate for a minute over ${INSTANCES} instances and Redis, all stored: ${CHANNELS} channels of ` +
    `${PEOPLE} people, half of them on each instance, everybody sending in turn. The rate limit is on, at twice of what ` +
    'a user sends at the first rate. Nothing is pinned: the instances, PostgreSQL, Redis and the generator share the processors.',
  async run(bench) {
    const channels = bench.quick ? 10 : CHANNELS;
    const users = channels * PEOPLE;
    for (const perSecond of bench.quick ? [500] : RATES) {
      for (const run of range(bench.runs)) {
        bench.say(`run ${run + 1} of ${bench.runs}: ${perSecond} messages/s`);
        const limit = Math.max(1, perSecond / (RATES[0] ?? 1)) * RATE_LIMIT_PER_MINUTE;
        const env = { CHAT_RATE_LIMIT_PER_MINUTE: String(limit), CHAT_RATE_LIMIT_BURST: '20' };
        const starting = HubbubSystem.start(bench.servers, {
          kind: 'cluster',
          instances: INSTANCES,
          env,
          pinned: false,
        });
        await withSystem(starting, async (system) => {
          const fleet = startFleet(bench, users);
          try {
            const ids = await system.createChannels(channels);
            const clients = range(users).map((user) =>
              system.client(user, [ids[user % channels] ?? ''], Math.floor(user / channels)),
            );
            await fleet.connect(system.dialect, clients, CONNECT_PARALLEL);
            const measured = await measureLoad(system, fleet, {
              load: { kind: 'rate', senders: range(users), perSecond },
              sampleEvery: 2,
              warmUpMs: bench.quick ? 100 : 5000,
              measureMs: bench.quick ? 400 : 60_000,
            });
            record(bench, `${perSecond} messages/s`, 'hubbub', measured);
          } finally {
            await fleet.stop();
          }
        });
      }
    }
  },
};
