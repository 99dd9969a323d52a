import type { NewClient } from '../generator/fleet.js';
import { measureLoad } from '../measure.js';
import type { System } from '../systems/system.js';
import { type Bench, CONNECT_PARALLEL, range, record, type Scenario, startFleet, timing } from './bench.js';
import { type Contender, startContender, withSystem } from './contenders.js';

interface Layout {
  readonly channels: number;
  /** People in each channel. */
  readonly people: number;
}

const LAYOUTS: readonly Layout[] = [
  { channels: 1000, people: 20 },
  { channels: 10_000, people: 2 },
];
const QUICK_LAYOUTS: readonly Layout[] = [{ channels: 10, people: 4 }];
/** Everybody is in so many channels, on one connection: a process may have no more than 20,000 of those. */
export const CHANNELS_A_CLIENT = 2;
const SENDERS = 400;
const RATE = 2000;

export const rooms: Scenario = {
  name: 'rooms',
  description:
    'Many channels, everybody in two of them on one connection. Saturating: 400 senders, each of which sends its next ' +
    'message when the one before has come back. At a fixed rate: 2,000 messages a second from everybody in turn.',
  async run(bench) {
    for (const run of range(bench.runs)) {
      for (const layout of bench.quick ? QUICK_LAYOUTS : LAYOUTS) {
        for (const name of bench.contenders) {
          bench.say(`run ${run + 1} of ${bench.runs}: ${layout.channels} channels of ${layout.people}, ${name}`);
          await visit(bench, layout, name);
        }
      }
    }
  },
};

async function visit(bench: Bench, { channels, people }: Layout, name: Contender): Promise<void> {
  await withSystem(startContender(bench, name), async (system) => {
    const users = (channels * people) / CHANNELS_A_CLIENT;
    const fleet = startFleet(bench, users);
    try {
      const ids = await system.createChannels(channels);
      await fleet.connect(system.dialect, inTwoChannels(system, ids, users), CONNECT_PARALLEL);
      const title = `${channels} channels of ${people}`;
      const senders = bench.quick ? 10 : SENDERS;
      const saturating = await measureLoad(system, fleet, {
        ...timing(bench, bench.quick ? 10_000 : 200_000),
        load: {
          kind: 'closed',
          senders: spreadSenders(users, senders),
          inFlight: 1,
        },
      });
      record(bench, `${title}, saturating`, name, saturating);
      const perSecond = bench.quick ? 100 : RATE;
      const atRate = await measureLoad(system, fleet, {
        ...timing(bench, perSecond * people),
        load: { kind: 'rate', senders: range(users), perSecond },
      });
      record(bench, `${title}, ${perSecond} messages/s`, name, atRate);
    } finally {
      await fleet.stop();
    }
  });
}

/** Neighbours in number share no channel but by chance of the layout: user u is in channels u and u + users + 1, modulo. */
export function inTwoChannels(system: System, ids: readonly string[], users: number): NewClient[] {
  return range(users).map((user) => {
    const own = range(CHANNELS_A_CLIENT).map((turn) => ids[(user + turn * (users + 1)) % ids.length] ?? '');
    return system.client(user, own);
  });
}

/** About so many of the users, evenly among them. */
export function spreadSenders(users: number, senders: number): number[] {
  return range(users).filter((user) => user % Math.ceil(users / senders) === 0);
}
