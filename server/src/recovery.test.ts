import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BATCH_KIND, lastSeqOf } from './batch.js';
import { StorageUnavailable } from './errors.js';
import { eventBatch, type Hole, Recovery, type Stretch } from './recovery.js';
import type { Db } from './store/db.js';

const CHANNEL = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const USER = '11111111-0000-4000-8000-000000000000';
const AT = new Date('2026-01-31T12:00:00.000Z');

type Row = Readonly<Record<string, unknown>> & { readonly seq: number };

function message(seq: number, more: object = {}): Row {
  return {
    kind: 'message',
    id: `00000000-0000-4000-8000-${String(seq).padStart(12, '0')}`,
    channel_id: CHANNEL,
    user_id: USER,
    username: 'ada',
    display_name: null,
    avatar_url: null,
    content: `text ${seq}`,
    seq,
    is_deleted: false,
    created_at: AT,
    updated_at: AT,
    ...more,
  };
}

function event(seq: number): Row {
  return { kind: 'channel_updated', seq, payload: { type: 'channel_updated', seq } };
}

/** A database of rows whose answers the test lets go. */
class FakeDb implements Db {
  readonly rows: Row[] = [];
  /** First place that retention has left. */
  firstSeq = 1;
  /** Head of the channel; null: the last row. */
  head: number | null = null;
  readonly reads: (readonly unknown[])[] = [];
  running = 0;
  mostRunning = 0;
  failure: Error | null = null;
  #gate: Promise<void> = Promise.resolve();

  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  async query<R>(text: string, params: readonly unknown[] = []): Promise<R[]> {
    this.reads.push(params);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      await this.#gate;
      if (this.failure !== null) throw this.failure;
      const numbers = params.map(Number);
      if (!text.includes('union all')) {
        const page = this.rows.filter(({ kind, seq }) => kind === 'message' && seq < (numbers[1] ?? 0));
        return page.reverse().slice(0, numbers[3]) as unknown as R[];
      }
      const bounds = { first_seq: this.firstSeq, head_seq: this.head ?? this.rows.at(-1)?.seq ?? 0 };
      const found = this.rows.filter(({ seq }) => seq > (numbers[1] ?? 0) && seq <= (numbers[2] ?? 0));
      const rows = found.length === 0 ? [{ kind: null }] : found.slice(0, numbers[3]);
      return rows.map((row) => ({ ...row, ...bounds })) as unknown as R[];
    } finally {
      this.running--;
    }
  }

  exec(): Promise<void> {
    return Promise.reject(new Error('nothing is written here'));
  }

  transaction(): Promise<never> {
    return Promise.reject(new Error('nothing is written here'));
  }

  ping(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The JSON of frames. */
function read(frames: Buffer): { readonly [field: string]: unknown }[] {
  const values: { readonly [field: string]: unknown }[] = [];
  for (let at = 0; at < frames.length; ) {
    const short = frames.readUInt8(at + 1);
    const payload = short < 126 ? at + 2 : at + 4;
    const end = payload + (short < 126 ? short : frames.readUInt16BE(at + 2));
    values.push(JSON.parse(frames.toString('utf8', payload, end)));
    at = end;
  }
  return values;
}

test('messages come as batches, and each event as one of its own with its frame as note', async () => {
  const db = new FakeDb();
  db.rows.push(message(1), message(2), event(3), message(4));
  const { batches } = await new Recovery(db).since(CHANNEL, 0, 9);
  assert.deepEqual(
    batches.map(({ kind, firstSeq, count, note }) => [kind, firstSeq, count, note]),
    [
      [BATCH_KIND.messages, 1, 2, ''],
      [BATCH_KIND.event, 3, 1, '{"type":"channel_updated","seq":3}'],
      [BATCH_KIND.messages, 4, 1, ''],
    ],
  );
  assert.deepEqual(
    batches.flatMap(({ frames }) => read(frames).map(({ seq }) => seq)),
    [1, 2, 3, 4],
  );
});

test('a message is read back as it was sent live', async () => {
  const db = new FakeDb();
  db.rows.push(message(1, { display_name: 'Ada "L"', content: 'a\u2028b' }));
  const [batch] = (await new Recovery(db).since(CHANNEL, 0, 1)).batches;
  assert.ok(batch);
  assert.deepEqual(read(batch.frames), [
    {
      type: 'message',
      channel_id: CHANNEL,
      user_id: USER,
      username: 'ada',
      display_name: 'Ada "L"',
      avatar_url: null,
      content: 'a\u2028b',
      message_id: '00000000-0000-4000-8000-000000000001',
      timestamp: '2026-01-31T12:00:00.000Z',
      seq: 1,
    },
  ]);
});

test('a deleted message keeps its place and shows nothing of its content', async () => {
  const db = new FakeDb();
  db.rows.push(message(1, { is_deleted: true, content: 'secret' }));
  const [batch] = (await new Recovery(db).since(CHANNEL, 0, 1)).batches;
  assert.ok(batch);
  assert.deepEqual(
    read(batch.frames).map(({ seq, content, is_deleted }) => [seq, content, is_deleted]),
    [[1, '', true]],
  );
});

test('one read brings at most 1,000 places, in batches of at most 500', async () => {
  const db = new FakeDb();
  for (let seq = 1; seq <= 1200; seq++) db.rows.push(message(seq));
  const { batches } = await new Recovery(db).since(CHANNEL, 100, 9999);
  assert.deepEqual(
    batches.map((batch) => [batch.firstSeq, lastSeqOf(batch)]),
    [
      [101, 600],
      [601, 1100],
    ],
  );
});

test('the newest page has messages alone, oldest first', async () => {
  const db = new FakeDb();
  db.rows.push(message(1), message(2), event(3), message(4), message(5));
  const recovery = new Recovery(db);
  const page = await recovery.newest(CHANNEL, 0, 4, 2);
  assert.deepEqual(
    page.frames.flatMap((frames) => read(frames).map(({ seq }) => seq)),
    [2, 4],
  );
  assert.equal(page.oldestSeq, 2);
  assert.equal((await recovery.newest(CHANNEL, 0, 0, 2)).oldestSeq, null);
});

/** What a database answers in which rows are missing, and the holes that were told of. */
function holed(...rows: Row[]) {
  const db = new FakeDb();
  db.rows.push(...rows);
  const holes: Hole[] = [];
  return { db, holes, recovery: new Recovery(db, (hole) => holes.push(hole)) };
}

function placesOf({ batches, goneTo }: Stretch): [number[], number | null] {
  return [batches.flatMap(({ firstSeq, count }) => Array.from({ length: count }, (_, n) => firstSeq + n)), goneTo];
}

test('what is stored comes up to a hole, then where the hole ends; it is told of once', async () => {
  const { recovery, holes } = holed(message(1), message(2), event(5), message(6));
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 0, 9)), [[1, 2], null]);
  for (const _ of [1, 2]) assert.deepEqual(placesOf(await recovery.since(CHANNEL, 2, 9)), [[], 4]);
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 3, 9)), [[], 4]);
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 4, 9)), [[5, 6], null]);
  assert.deepEqual(holes, [{ channelId: CHANNEL, fromSeq: 3, toSeq: 4 }]);
});

test('a hole at the end goes up to the head and no further', async () => {
  const { db, recovery, holes } = holed(message(1));
  db.head = 4;
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 1, 9)), [[], 4]);
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 4, 9)), [[], null]);
  assert.equal(holes.length, 1);
});

test('what is past the head of the database is not there yet, and not gone', async () => {
  const { recovery, holes } = holed(message(1), message(2));
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 2, 9)), [[], null]);
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 7, 9)), [[], null]);
  assert.deepEqual(holes, []);
});

test('what was removed for its age is gone without a word', async () => {
  const { db, recovery, holes } = holed(message(7), message(8));
  db.firstSeq = 7;
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 0, 9)), [[], 6]);
  db.rows.length = 0;
  Object.assign(db, { head: 8, firstSeq: 9 });
  assert.deepEqual(placesOf(await recovery.since(CHANNEL, 3, 9)), [[], 8]);
  assert.deepEqual(holes, []);
});

test('the end of the sequence goes back to the last hole', async () => {
  const { db, recovery } = holed(message(1), message(2), message(4), message(5), message(8), event(9));
  const seqs = async (afterSeq: number, upToSeq: number) =>
    placesOf({ batches: await recovery.upTo(CHANNEL, afterSeq, upToSeq), goneTo: null })[0];
  assert.deepEqual(await seqs(0, 9), [8, 9]);
  assert.deepEqual(await seqs(0, 5), [4, 5]);
  assert.deepEqual(await seqs(4, 5), [5]);
  db.head = 11;
  assert.deepEqual(await seqs(0, 11), []);
});

test('a page can be kept to what comes after a hole', async () => {
  const { recovery } = holed(message(1), message(2), message(5), message(6));
  const page = await recovery.newest(CHANNEL, 4, 6, 3);
  assert.equal(page.oldestSeq, 5);
});

test('those who miss the same share one read, and a later one reads anew', async () => {
  const db = new FakeDb();
  db.rows.push(message(1), message(2));
  const recovery = new Recovery(db);
  const release = db.hold();
  const shared = [recovery.since(CHANNEL, 0, 2), recovery.since(CHANNEL, 0, 2), recovery.since(CHANNEL, 0, 2)];
  const others = [recovery.since(CHANNEL, 1, 2), recovery.since('other', 0, 2), recovery.newest(CHANNEL, 0, 2, 50)];
  await turn();
  assert.equal(db.reads.length, 4);
  release();
  const [first, ...rest] = await Promise.all(shared);
  for (const each of rest) assert.equal(each, first);
  await Promise.all(others);
  await recovery.since(CHANNEL, 0, 2);
  assert.equal(db.reads.length, 5);
});

test('a read that fails is told to all who share it and is not kept', async () => {
  const db = new FakeDb();
  const recovery = new Recovery(db);
  db.failure = new StorageUnavailable('not-applied', new Error('away'));
  const shared = await Promise.allSettled([recovery.since(CHANNEL, 0, 2), recovery.since(CHANNEL, 0, 2)]);
  for (const each of shared) assert.ok(each.status === 'rejected' && each.reason === db.failure);
  db.failure = null;
  db.rows.push(message(1));
  assert.equal((await recovery.since(CHANNEL, 0, 2)).batches.length, 1);
});

test('at most four reads run at a time, and all are served in the end, failing ones too', async () => {
  const db = new FakeDb();
  const recovery = new Recovery(db);
  for (const failure of [null, new StorageUnavailable('unknown', new Error('away'))]) {
    db.failure = failure;
    const release = db.hold();
    const reads = Array.from({ length: 50 }, (_, index) => recovery.since(CHANNEL, index, 100));
    await turn();
    assert.equal(db.running, 4);
    release();
    const settled = await Promise.allSettled(reads);
    assert.ok(settled.every(({ status }) => status === (failure === null ? 'fulfilled' : 'rejected')));
  }
  assert.equal(db.mostRunning, 4);
  assert.equal(db.running, 0);
});

test('an event batch has the frame for clients and the same for the hubs', () => {
  const batch = eventBatch(7, 12, { type: 'channel_deleted', seq: 12 });
  assert.deepEqual([batch.kind, batch.origin, batch.firstSeq, batch.count], [BATCH_KIND.event, 7, 12, 1]);
  assert.deepEqual(read(batch.frames), [JSON.parse(batch.note)]);
});
