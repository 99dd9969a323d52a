import { measureLoad } from '../measure.js';
import { type Bench, CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { type Contender, startContender, withSystem } from './contenders.js';

interface Size {
  readonly subscribers: number;
  /** Messages under way in the saturating run, each sender one: enough that the server never waits for one. */
  readonly inFlight: number;
}

const SIZES: readonly Size[] = [
  { subscribers: 100, inFlight: 100 },
  { subscribers: 1000, inFlight: 200 },
  { subscribers: 10_000, inFlight: 20 },
];
const QUICK_SIZES: readonly Size[] = [{ subscribers: 50, inFlight: 20 }];
/** Deliveries a second of the runs at a fixed rate. Socket.IO gets only the lowest: it does not reach the others. */
const RATES = [100_000, 1_000_000];
const QUICK_RATES = [5000];
/** At fixed rates. The messages of one user are looked at one after the other, so a few cannot send thousands a second. */
const SENDERS = 200;

export const room: Scenario = {
  name: 'room',
  description:
    'One channel. Saturating: each of a number of senders sends its next message when the one before has come back. ' +
    'At fixed rates: so many deliveries a second, by the clock, up to two hundred senders in turn.',
  async run(bench) {
    for (const run of range(bench.runs)) {
      for (const size of bench.quick ? QUICK_SIZES : SIZES) {
        for (const name of bench.contenders) {
          bench.say(`run ${run + 1} of ${bench.runs}: ${size.subscribers} subscribers, ${name}`);
          await visit(bench, size, name);
        }
      }
    }
  },
};

async function visit(bench: Bench, { subscribers, inFlight }: Size, name: Contender): Promise<void> {
  await withSystem(startContender(bench, name), async (system) => {
    const fleet = startFleet(bench, subscribers);
    try {
      const channelIds = await system.createChannels(1);
      await fleet.connect(
        system.dialect,
        range(subscribers).map((user) => system.client(user, channelIds)),
        CONNECT_PARALLEL,
      );
      const saturating = await measureLoad(system, fleet, {
        ...timing(bench, bench.quick ? 50_000 : 2_000_000),
        load: { kind: 'closed', senders: range(inFlight), inFlight: 1 },
      });
      record(bench, `${subscribers} subscribers, saturating`, name, saturating);
      const rates = bench.quick ? QUICK_RATES : RATES;
      for (const deliveries of name === 'socket.io' ? rates.slice(0, 1) : rates) {
        const atRate = await measureLoad(system, fleet, {
          ...timing(bench, deliveries),
          load: { kind: 'rate', senders: range(Math.min(subscribers, SENDERS)), perSecond: deliveries / subscribers },
        });
        record(bench, `${subscribers} subscribers, ${deliveries} deliveries/s`, name, atRate);
      }
    } finally {
      await fleet.stop();
    }
  });
}
