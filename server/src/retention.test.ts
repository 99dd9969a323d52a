import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { Retention } from './retention.js';
import { createChannel, insertEvent } from './store/channels.js';
import { PgliteDb } from './store/db-pglite.js';
import { insertHeld } from './store/held.js';
import { appendMessages, readPage, readSequence } from './store/messages.js';
import { migrate } from './store/migrate.js';
import { insertReport } from './store/reports.js';
import { takeLease } from './store/retention.js';
import { upsertUser } from './store/users.js';

const USER = randomUUID();
const DAY_MS = 86_400_000;

let db: PgliteDb;
before(async () => {
  db = await PgliteDb.open('memory://');
  await migrate(db);
  await upsertUser(db, { id: USER, username: 'ada', displayName: null, avatarUrl: null, role: 'user' });
});
beforeEach(() =>
  db.exec(
    'truncate chat_channels cascade; update retention_lease set holder = null, held_until = default, finished_at = default',
  ),
);
after(() => db.close());

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * DAY_MS);
}

/** A channel whose messages are so many days old, oldest first. */
async function channelOf(days: readonly number[], retentionDays: number | null = null): Promise<string> {
  const id = randomUUID();
  await createChannel(db, id, USER, { name: 'general' });
  const messages = days.map(() => ({ id: randomUUID(), userId: USER, content: 'hello' }));
  if (days.length > 0) await appendMessages(db, id, messages, 0);
  await db.query(
    "update chat_messages set created_at = clock_timestamp() - a.days * interval '1 day' from unnest($2::float8[]) with ordinality as a (days, seq) where channel_id = $1 and chat_messages.seq = a.seq",
    [id, days],
  );
  await db.query('update chat_channels set retention_days = $2 where id = $1', [id, retentionDays]);
  return id;
}

/** Does one run. @returns what hubs were told, and the metrics after it */
async function run(days: number | null): Promise<{ cuts: [string, number][]; text: string }> {
  const metrics = new Metrics({ channelLabel: true });
  const cuts: [string, number][] = [];
  const retention = new Retention({
    db,
    days,
    instanceId: randomUUID(),
    isEmbedded: true,
    metrics,
    log: createLogger('silent'),
    onCut: (channelId, firstSeq) => cuts.push([channelId, firstSeq]),
  });
  await retention.look();
  await retention.close();
  return { cuts, text: (await metrics.expose()).text };
}

async function kept(channelId: string): Promise<number[]> {
  return (await readSequence(db, channelId, 0, 1_000_000, 10_000)).rows.map(({ seq }) => seq);
}

test('what is older than the server keeps goes, what is younger stays, and the channel knows where it begins', async () => {
  const [mixed, young, old, empty] = [
    await channelOf([9, 8, 7.01, 6.99, 1]),
    await channelOf([6, 5]),
    await channelOf([30, 20]),
    await channelOf([]),
  ];
  const { cuts, text } = await run(7);
  assert.deepEqual(await Promise.all([mixed, young, old, empty].map(kept)), [[4, 5], [1, 2], [], []]);
  assert.deepEqual(
    new Map(cuts),
    new Map([
      [mixed, 4],
      [old, 3],
    ]),
  );
  const { firstSeq, lastSeq } = await readSequence(db, old, 0, 99, 99);
  assert.deepEqual([firstSeq, lastSeq], [3, 2]);
  assert.match(text, /hubbub_retention_removed_rows_total\{kind="messages"\} 5\n/);
  assert.match(text, /hubbub_retention_last_run_timestamp_seconds 1\d{9}/);
  assert.match(text, /hubbub_retention_overdue_seconds 0\n/);
});

test('without days nothing goes but where a channel has its own, and the shorter of both holds', async () => {
  const [own, none] = [await channelOf([9, 3, 1], 2), await channelOf([9, 3, 1])];
  await run(null);
  assert.deepEqual([await kept(own), await kept(none)], [[3], [1, 2, 3]]);
  await db.exec("update retention_lease set finished_at = '-infinity'");
  const longer = await channelOf([9, 3, 1], 8);
  await run(2);
  assert.deepEqual([await kept(none), await kept(longer)], [[3], [3]]);
});

test('only the beginning goes: what stands after something younger stays, an event too', async () => {
  const id = await channelOf([9, 1, 9, 9]);
  const events = await channelOf([9, 9, 1]);
  for (const [seq, days] of [
    [4, 9],
    [5, 0],
  ] as const) {
    await db.query('update chat_channels set last_seq = $2 where id = $1', [events, seq]);
    await insertEvent(db, events, seq, 'channel_updated', { type: 'channel_updated', seq }, daysAgo(days));
  }
  await run(7);
  assert.deepEqual(
    [await kept(id), await kept(events)],
    [
      [2, 3, 4],
      [3, 4, 5],
    ],
  );
  await db.exec("update retention_lease set finished_at = '-infinity'");
  await db.exec("update chat_messages set created_at = created_at - interval '8 days'");
  await run(7);
  assert.deepEqual([await kept(id), await kept(events)], [[], [5]]);
});

test('many are removed in batches, and a page begins where they ended', async () => {
  const id = await channelOf([...Array.from({ length: 1100 }, () => 9), 1, 1]);
  const { cuts } = await run(7);
  assert.ok(cuts.length >= 2, `${cuts.length} batches`);
  assert.deepEqual(cuts.at(-1), [id, 1101]);
  assert.deepEqual(
    (await readPage(db, id, {}, 50)).map(({ seq }) => seq),
    [1101, 1102],
  );
  const { rows } = await readSequence(db, id, 1100, 9999, 10);
  assert.equal(rows.length, 2);
});

test('a deleted channel loses its messages as any other', async () => {
  const id = await channelOf([9, 1]);
  await db.query('update chat_channels set deleted_at = now(), is_active = false where id = $1', [id]);
  await run(7);
  assert.deepEqual(await kept(id), [2]);
});

test('held messages go by their age, decided or not, and what is approved goes with its place', async () => {
  const id = await channelOf([1]);
  const held = new Map<string, string>();
  for (const [name, decision, days] of [
    ['old', null, 9],
    ['young', null, 1],
    ['rejected', 'reject', 9],
    ['approved', 'approve', 9],
  ] as const) {
    const messageId = randomUUID();
    held.set(messageId, name);
    await insertHeld(db, { id: messageId, channelId: id, userId: USER, content: name, rule: 'words' });
    await db.query('update held_messages set held_at = $2, decision = $3 where message_id = $1', [
      messageId,
      daysAgo(days),
      decision,
    ]);
    if (decision === 'approve') await db.query('update chat_messages set seq = 2 where id = $1', [messageId]);
  }
  await db.query('update chat_channels set last_seq = 2 where id = $1', [id]);
  await run(7);
  const left = await db.query<{ message_id: string }>('select message_id from held_messages where channel_id = $1', [
    id,
  ]);
  assert.deepEqual(left.map(({ message_id }) => held.get(message_id)).sort(), ['approved', 'young']);
  assert.deepEqual(await kept(id), [1, 2]);
});

test('a report stays, with what was said, until it is decided on and that is long ago', async () => {
  const id = await channelOf([9, 9, 9]);
  const messages = await db.query<{ id: string; seq: number }>(
    'select id, seq from chat_messages where channel_id = $1 order by seq',
    [id],
  );
  const resolved = [null, daysAgo(1), daysAgo(9)];
  for (const [index, { id: messageId, seq }] of messages.entries()) {
    const people = { authorId: USER, reporterId: USER };
    await insertReport(db, {
      id: randomUUID(),
      channelId: id,
      messageId,
      messageSeq: seq,
      ...people,
      content: `text ${seq}`,
      reason: 'rude',
      at: daysAgo(9),
    });
    await db.query(
      "update chat_reports set resolved_at = $2::timestamptz, action = case when $2::timestamptz is null then null else 'dismiss' end where message_id = $1",
      [messageId, resolved[index] ?? null],
    );
  }
  await run(7);
  assert.deepEqual(await kept(id), []);
  const left = await db.query(
    'select message_seq, content from chat_reports where channel_id = $1 order by message_seq',
    [id],
  );
  assert.deepEqual(left, [
    { message_seq: 1, content: 'text 1' },
    { message_seq: 2, content: 'text 2' },
  ]);
});

test('one instance does it at a time, and nobody does it again until the interval is over', async () => {
  const id = await channelOf([9]);
  assert.equal((await takeLease(db, randomUUID(), 60_000, 1000)).taken, true);
  await run(7);
  assert.deepEqual(await kept(id), [1], 'another one is at it');
  await db.exec("update retention_lease set held_until = clock_timestamp() - interval '1 second'");
  await run(7);
  assert.deepEqual(await kept(id), [], 'the other one is gone');
  const late = await channelOf([9]);
  await run(7);
  assert.deepEqual(await kept(late), [1], 'the last run is not long ago');
});

test('at its end an instance breaks off after the batch under way, and another one goes on at once', async () => {
  const id = await channelOf(Array.from({ length: 500 }, () => 9));
  const options = {
    db,
    days: 7,
    isEmbedded: true,
    metrics: new Metrics({ channelLabel: true }),
    log: createLogger('silent'),
  };
  const ends: Promise<void>[] = [];
  const first: Retention = new Retention({
    ...options,
    instanceId: randomUUID(),
    onCut: () => ends.push(first.close()),
  });
  await first.look();
  await Promise.all(ends);
  const rest = await kept(id);
  assert.equal(ends.length, 1);
  assert.ok(rest.length > 0 && rest.length < 500, `${rest.length} are left`);
  assert.equal(rest[0], 500 - rest.length + 1);
  await run(7);
  assert.deepEqual(await kept(id), []);
});

test('a batch that fails takes nothing, and is tried again', async () => {
  const id = await channelOf([9, 9, 1]);
  let failures = 1;
  const failing = Object.assign(Object.create(db) as PgliteDb, {
    query: db.query.bind(db),
    exec: db.exec.bind(db),
    transaction: <T>(fn: Parameters<PgliteDb['transaction']>[0]) =>
      db.transaction(async (tx) => {
        const result = (await fn(tx)) as T;
        if (failures-- > 0) throw new Error('the connection was lost before the commit');
        return result;
      }),
  });
  const cuts: number[] = [];
  const retention = new Retention({
    db: failing,
    days: 7,
    instanceId: randomUUID(),
    isEmbedded: true,
    metrics: new Metrics({ channelLabel: true }),
    log: createLogger('silent'),
    onCut: (_, firstSeq) => cuts.push(firstSeq),
  });
  await retention.look();
  await retention.close();
  assert.deepEqual(cuts, [3]);
  assert.deepEqual(await kept(id), [3]);
});
