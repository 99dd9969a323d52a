import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Histogram } from '../generator/histogram.js';
import { type Seeded, seed } from '../history/seed.js';
import { acknowledge } from '../history/writes.js';
import type { Measurement } from '../metrics.js';
import { HubbubSystem } from '../systems/hubbub.js';
import { type Bench, range, record, type Scenario } from './bench.js';
import { withSystem } from './contenders.js';

/** The messages are made over so many days, and those of the first tenth are older than is kept. */
const SPAN_DAYS = 100;
const KEPT_DAYS = 90;
const DEFAULT_ROWS = 1_000_000;
const QUICK_ROWS = 20_000;
const TAIL_LENGTH = 1000;
const QUICK_TAIL_LENGTH = 200;
const PAGE = 50;
const PAGES = 200;
const QUICK_PAGES = 5;
const WRITES_PER_SECOND = 200;
/** The hot channel, and some of the tail. */
const WRITTEN_CHANNELS = 20;
const WRITE_MS = 30_000;
const QUICK_WRITE_MS = 1000;
const RUN_LIMIT_MS = 10 * 60_000;

export const retention: Scenario = {
  name: 'retention',
  description:
    `A table of ${DEFAULT_ROWS} messages (\`--rows\`) of ${SPAN_DAYS} days, a tenth of them in one hot channel, of which those ` +
    `older than ${KEPT_DAYS} days are removed. Pages of history at several depths, before and after; the time from a send to ` +
    `its acknowledgement at ${WRITES_PER_SECOND} messages a second to ${WRITTEN_CHANNELS} channels, the hot one among them, before and ` +
    'while rows are removed; how many are removed a second, and what is left of them in the table. It is run once.',
  async run(bench) {
    const messages = bench.rows ?? (bench.quick ? QUICK_ROWS : DEFAULT_ROWS);
    const tailLength = bench.quick ? QUICK_TAIL_LENGTH : TAIL_LENGTH;
    const env = { MESSAGE_RETENTION_DAYS: String(KEPT_DAYS) };
    await withSystem(HubbubSystem.start(bench.servers, { kind: 'cluster', env }), async (system) => {
      const client = new pg.Client({ connectionString: system.database?.url });
      await client.connect();
      try {
        // No run begins while somebody has the lease.
        await client.query(`update retention_lease set held_until = 'infinity'`);
        const seeded = await seed(client, { messages, tailLength, spanDays: SPAN_DAYS }, bench.say);
        await measureRetention(bench, system, client, seeded);
      } finally {
        await client.end();
      }
    });
  },
};

/** @param client of the database that `seeded` is in; nobody removes anything yet */
export async function measureRetention(
  bench: Bench,
  system: HubbubSystem,
  client: pg.Client,
  seeded: Seeded,
): Promise<void> {
  const { messages: tableMessages, seconds: seedSeconds, tableMib, hot, tail } = seeded;
  const size = { tableMessages, seedSeconds, tableMib };
  await readPages(bench, system, seeded, 'before', size);
  const channelIds = [hot.id, ...tail.slice(0, WRITTEN_CHANNELS - 1).map(({ id }) => id)];
  const write = (ended: Promise<unknown>) => acknowledge(system, channelIds, WRITES_PER_SECOND, ended);
  const writeMs = bench.quick ? QUICK_WRITE_MS : WRITE_MS;
  record(bench, 'messages, nothing is removed', system.name, await write(delay(writeMs)));

  const before = await countRemoved(client);
  await client.query(`update retention_lease set held_until = '-infinity', finished_at = '-infinity'`);
  const removal = removed(client, Math.min(RUN_LIMIT_MS, bench.quick ? RUN_LIMIT_MS : WRITE_MS * 2));
  const written = await write(removal);
  const { seconds, finished } = await removal;
  const rows = (await countRemoved(client)) - before;
  record(
    bench,
    'messages, while rows are removed',
    system.name,
    {
      ...written,
      removedRows: rows,
      removedPerSecond: rows / seconds,
    },
    { note: finished ? 'all that was due' : 'a part of what was due' },
  );
  await readPages(bench, system, seeded, 'after', {});
  const { note, mib } = await describeTable(client);
  record(bench, 'table', system.name, { tableMib: mib }, { note });
}

/** Pages at several depths of what is kept, in the hot channel and in the tail. */
async function readPages(
  bench: Bench,
  system: HubbubSystem,
  seeded: Seeded,
  when: string,
  more: Measurement,
): Promise<void> {
  const { hot, tail } = seeded;
  const anyOfTail = () => tail[Math.floor(Math.random() * tail.length)] ?? hot;
  for (const [place, next] of [
    ['hot channel', () => hot],
    ['long tail', anyOfTail],
  ] as const) {
    for (const depth of [0, 0.5, 0.8]) {
      const times = new Histogram();
      for (const _ of range(bench.quick ? QUICK_PAGES : PAGES)) {
        const { id, lastSeq } = next();
        const limit = Math.min(PAGE, lastSeq / 20);
        times.record((await readPage(system, id, Math.ceil(lastSeq * (1 - depth)) + 1, limit)) * 1000);
      }
      const ms = (part: number) => times.quantile(part) / 1000;
      const name = `${place}, page ${depth * 100}% back, ${when}`;
      record(bench, name, system.name, { p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99), maxMs: ms(1), ...more });
    }
  }
}

/** @returns how long it took, in milliseconds */
async function readPage(system: HubbubSystem, channelId: string, beforeSeq: number, limit: number): Promise<number> {
  const startedMs = performance.now();
  const url = `${system.instances[0]?.url}/api/v1/chat/channels/${channelId}/messages?limit=${limit}&before_seq=${beforeSeq}`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${system.token(0)}` } });
  const page = (await response.json()) as { messages: readonly unknown[] };
  if (page.messages.length !== limit)
    throw new Error(`${url}: ${response.status}, ${JSON.stringify(page).slice(0, 200)}`);
  return performance.now() - startedMs;
}

async function countRemoved(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ places: string }>('select sum(first_seq - 1) as places from chat_channels');
  return Number(rows[0]?.places ?? 0);
}

/** Settles when a run is over, or the time is. @returns for how long rows were removed */
async function removed(client: pg.Client, limitMs: number): Promise<{ seconds: number; finished: boolean }> {
  let startedMs = performance.now();
  for (let isRunning = false, waitedMs = 0; ; waitedMs += 100) {
    const { rows } = await client.query<{ running: boolean; finished: boolean }>(
      `select holder is not null as running, finished_at > '-infinity' as finished from retention_lease`,
    );
    const { running = false, finished = false } = rows[0] ?? {};
    if (running && !isRunning) startedMs = performance.now();
    isRunning ||= running;
    if (finished || waitedMs >= limitMs) return { seconds: (performance.now() - startedMs) / 1000, finished };
    await delay(100);
  }
}

/** What the removal has left in the table, and what its indexes take. */
async function describeTable(client: pg.Client): Promise<{ note: string; mib: number }> {
  const { rows } = await client.query<{ line: string }>(
    `select 'rows ' || n_live_tup || ', dead ' || n_dead_tup || ', vacuumed ' || autovacuum_count || ' times' as line
     from pg_stat_user_tables where relname = 'chat_messages'
     union all
     select relname || ' ' || pg_size_pretty(pg_relation_size(oid)) from pg_class
     where oid = 'chat_messages'::regclass or oid in (select indexrelid from pg_index where indrelid = 'chat_messages'::regclass)`,
  );
  const size = await client.query<{ mib: string }>("select pg_total_relation_size('chat_messages') / 1048576.0 as mib");
  return { note: rows.map(({ line }) => line).join('\n'), mib: Number(size.rows[0]?.mib ?? 0) };
}
