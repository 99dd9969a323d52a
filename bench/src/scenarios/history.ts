import pg from 'pg';
import { Histogram } from '../generator/histogram.js';
import { explaining, explainRead, prepareExplaining } from '../history/plans.js';
import { MISSED, type Read, readsOf } from '../history/reads.js';
import { type Seeded, type SeedPlan, seed } from '../history/seed.js';
import type { Measurement } from '../metrics.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { type Bench, range, record, type Scenario } from './bench.js';
import { withSystem } from './contenders.js';

const SIZES: readonly SeedPlan[] = [
  { messages: 100_000, tailLength: 1000 },
  { messages: 10_000_000, tailLength: 1000 },
];
const QUICK_SIZES: readonly SeedPlan[] = [{ messages: 10_000, tailLength: 200 }];
const READS = 500;
const QUICK_READS = 5;
/** A statement that is prepared gets its lasting plan with the sixth use, on each connection of the pool. */
const WARM_UP = 100;
const QUICK_WARM_UP = 2;

export const history: Scenario = {
  name: 'history',
  description:
    `Pages of history over REST, and resumes of ${MISSED} missed messages, with 100000 messages in the table and with 10000000: ` +
    'a tenth of them in one hot channel, the others in channels of 1000 each, all interleaved. One reader, one request after ' +
    `the other, ${READS} of each kind; \`before_seq\` and \`after_seq\` at random places, \`cursor\` from the middle back, the tail ` +
    'in a random channel each time. Then what PostgreSQL says of the statement behind it, as EXPLAIN (ANALYZE, BUFFERS) does. ' +
    'It is run once. The tables are made with SQL, take 4 GiB, and are dropped.',
  async run(bench) {
    for (const plan of bench.quick ? QUICK_SIZES : SIZES) {
      const postgres = await bench.servers.postgres();
      await withClient(postgres.url(), prepareExplaining);
      await withSystem(HubbubSystem.start(bench.servers, { kind: 'cluster' }), async (system) => {
        await withClient(system.database?.url ?? '', async (client) => {
          bench.say(`${plan.messages} messages are made`);
          const seeded = await seed(client, plan, bench.say);
          await readAll(bench, system, client, seeded);
        });
      });
    }
  },
};

async function readAll(bench: Bench, system: HubbubSystem, client: pg.Client, seeded: Seeded): Promise<void> {
  const postgres = await bench.servers.postgres();
  const { hot, tail, messages, seconds, tableMib } = seeded;
  const places = {
    'hot channel': readsOf(system, () => hot),
    'long tail': readsOf(system, () => tail[Math.floor(Math.random() * tail.length)] ?? hot),
  };
  const measured = new Map<Read, Measurement>();
  for (const reads of Object.values(places)) for (const read of reads) measured.set(read, await timesOf(bench, read));
  await explaining(client, async () => {
    for (const [place, reads] of Object.entries(places)) {
      for (const read of reads) {
        const { planMs, blocks, text } = await explainRead(postgres, () => read.once());
        const size = { tableMessages: messages, tableMib, seedSeconds: seconds };
        const name = `${place}, ${read.name}, of ${messages}`;
        record(bench, name, system.name, { ...measured.get(read), planMs, blocks, ...size }, { note: text });
      }
    }
  });
}

async function timesOf(bench: Bench, read: Read): Promise<Measurement> {
  for (const _ of range(bench.quick ? QUICK_WARM_UP : WARM_UP)) await read.once();
  const times = new Histogram();
  for (const _ of range(bench.quick ? QUICK_READS : READS)) times.record((await read.once()) * 1000);
  const ms = (part: number) => times.quantile(part) / 1000;
  return { p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99), maxMs: ms(1) };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
