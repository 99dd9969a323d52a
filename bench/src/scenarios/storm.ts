import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { nowUs } from '../generator/clock.js';
import { cpuTimes } from '../measure.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { CONNECT_PARALLEL, range, record, type Scenario, startFleet } from './bench.js';
import { withSystem } from './contenders.js';

const CONNECTIONS = 19_000;
const MISSED = 100;
/** Clients that connect at a time: as many as the system's queue of new connections takes. */
const RETURN_PARALLEL = 500;
/** PostgreSQL's counters lag behind by up to a second. */
const COUNTERS_LAG_MS = 2000;

export const storm: Scenario = {
  name: 'storm',
  description:
    `${CONNECTIONS} users of one channel lose their connections at the same moment, miss ${MISSED} messages, and come back with ` +
    `their last place, ${RETURN_PARALLEL} at a time without any other wait. They are current when the last one has the last message. ` +
    'Transactions are those of the database from the first return on; a statement by itself is one.',
  async run(bench) {
    const connections = bench.quick ? 200 : CONNECTIONS;
    const missed = bench.quick ? 20 : MISSED;
    for (const run of range(bench.runs)) {
      bench.say(`run ${run + 1} of ${bench.runs}: ${connections} connections`);
      await withSystem(HubbubSystem.start(bench.servers, { kind: 'cluster' }), async (system) => {
        const fleet = startFleet(bench, connections);
        try {
          const channelIds = await system.createChannels(1);
          const clients = range(connections).map((user) => system.client(user, channelIds));
          await fleet.connect(system.dialect, clients, CONNECT_PARALLEL);
          // Everybody has a place to resume from.
          await fleet.start({ kind: 'once', senders: [0] }, 1);
          await fleet.settle(await fleet.stopSending());
          await fleet.drop([0]);
          for (const _ of range(missed)) await fleet.start({ kind: 'once', senders: [0] }, 1);
          await delay(bench.quick ? 100 : COUNTERS_LAG_MS);
          await fleet.mark();

          const transactionsBefore = await transactionsOf(system);
          const before = cpuTimes(system);
          const startedUs = nowUs();
          await fleet.comeBack(RETURN_PARALLEL);
          const backUs = nowUs();
          const settled = await fleet.settle(await fleet.stopSending());
          const after = cpuTimes(system);
          await delay(bench.quick ? 100 : COUNTERS_LAG_MS);
          const transactions = (await transactionsOf(system)) - transactionsBefore;
          record(bench, `${connections} connections`, 'hubbub', {
            connections,
            returnSeconds: (backUs - startedUs) / 1e6,
            currentSeconds: (Math.max(backUs, settled.atUs) - startedUs) / 1e6,
            transactions,
            transactionsPerReturn: transactions / connections,
            serverCpuShare: (after.server - before.server) / (settled.atUs - startedUs),
            helperCpuShare: (after.helpers - before.helpers) / (settled.atUs - startedUs),
            lost: settled.lost,
            refused: settled.refused,
            faults: settled.faults,
          });
        } finally {
          await fleet.stop();
        }
      });
    }
  },
};

async function transactionsOf({ database }: HubbubSystem): Promise<number> {
  if (database === null) return 0;
  const url = new URL(database.url);
  const name = url.pathname.slice(1);
  // From another database, so that looking does not count.
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    const sql = 'select xact_commit + xact_rollback as count from pg_stat_database where datname = $1';
    const { rows } = await client.query<{ count: string }>(sql, [name]);
    return Number(rows[0]?.count ?? 0);
  } finally {
    await client.end();
  }
}
