import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LARGE_CHANNEL_ONLINE, MAX_RESUME_MESSAGES } from '@hubbub/protocol/limits.js';
import fc from 'fast-check';
import { BATCH_KIND, type Batch, batchAfter, lastSeqOf } from './batch.js';
import { type AccessNote, type ChannelEvent, ChannelHub, type Place, type Subscriber } from './channel-hub.js';
import { StorageUnavailable } from './errors.js';
import { type Broadcast, FanOut } from './fan-out.js';
import { encodeTextFrames, jsonFrame } from './frame.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { Recovery, type Stretch } from './recovery.js';
import type { Page } from './ring.js';
import type { Head } from './store/channels.js';
import type { Db } from './store/db.js';
import type { ChannelStandings, StandingRow } from './store/people.js';

const CHANNEL = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const HISTORY_ON_JOIN = 5;
const GAP_WAIT_MS = 100;
const GAP_RETRY_MS = 1000;
const EPOCH = '00000000-0000-4000-8000-000000000001';
const PLACE: Place = { online: 1, accessVersion: 0 };

const metrics = new Metrics({ channelLabel: true });
const log = createLogger('silent');
const noDb: Db = {
  query: () => Promise.reject(new Error('no statement is expected here')),
  exec: () => Promise.reject(new Error('no statement is expected here')),
  transaction: () => Promise.reject(new Error('no statement is expected here')),
  ping: () => Promise.resolve(false),
  close: () => Promise.resolve(),
};

function messages(firstSeq: number, count = 1): Batch {
  const texts = Array.from({ length: count }, (_, index) => JSON.stringify({ seq: firstSeq + index }));
  return { kind: BATCH_KIND.messages, origin: 1, firstSeq, count, note: '', frames: encodeTextFrames(texts) };
}

function event(seq: number, note: object = { type: 'channel_updated' }): Batch {
  const frames = encodeTextFrames([JSON.stringify({ seq })]);
  return { kind: BATCH_KIND.event, origin: 1, firstSeq: seq, count: 1, note: JSON.stringify(note), frames };
}

function ephemeral(note: object | null, frame: object | null): Batch {
  const frames = frame === null ? Buffer.alloc(0) : jsonFrame(frame);
  const text = note === null ? '' : JSON.stringify(note);
  return { kind: BATCH_KIND.ephemeral, origin: 1, firstSeq: 0, count: 0, note: text, frames };
}

interface Frame {
  readonly seq?: number;
  readonly type?: string;
  readonly recovered?: boolean;
  readonly oldest_seq?: number;
  readonly epoch?: string;
  readonly online?: number;
}

/** Reads text frames shorter than 64 KiB. */
function readFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt8(at + 1);
    const payload = short < 126 ? at + 2 : at + 4;
    const end = payload + (short < 126 ? short : bytes.readUInt16BE(at + 2));
    frames.push(JSON.parse(bytes.toString('utf8', payload, end)) as Frame);
    at = end;
  }
  return frames;
}

/** A head of which the sequence alone matters. */
function at(seq: number): Head {
  return { seq, firstSeq: 1, epoch: EPOCH, accessVersion: 0 };
}

class FakeSubscriber implements Subscriber {
  readonly userId: string;
  closed = false;

  wants(): boolean {
    return !this.closed;
  }

  readonly frames: Frame[] = [];
  readonly ephemeral: Frame[] = [];
  readonly events: { readonly event: ChannelEvent; readonly afterSeq: number }[] = [];
  onEventHook: () => void = () => {};
  readonly notes: AccessNote[] = [];
  readonly standings: (StandingRow | null)[] = [];

  constructor(userId = 'user') {
    this.userId = userId;
  }

  push(frames: Buffer): void {
    this.frames.push(...readFrames(frames));
  }

  pushHistory(parts: readonly Buffer[]): void {
    this.push(Buffer.concat(parts));
  }

  pushEphemeral(frames: Buffer): void {
    this.ephemeral.push(...readFrames(frames));
  }

  onEvent(_channelId: string, event: ChannelEvent): void {
    this.events.push({ event, afterSeq: this.seqs.at(-1) ?? 0 });
    this.onEventHook();
  }

  onAccess(_channelId: string, note: AccessNote): void {
    this.notes.push(note);
  }

  onStanding(_channelId: string, standing: StandingRow | null): void {
    this.standings.push(standing);
  }

  get subscribed(): Frame | undefined {
    return this.frames.find(({ type }) => type === 'subscribed');
  }

  /** Places seen, in the order in which they came. */
  get seqs(): number[] {
    return this.frames.filter(({ type }) => type === undefined).map(({ seq }) => seq ?? -1);
  }
}

/** The database: what is committed there. A read sees what is there when it begins and answers when it is let. */
class FakeRecovery extends Recovery {
  readonly committed: Batch[] = [];
  away = false;
  reads = 0;
  readonly #gone = new Set<number>();
  #gate: Promise<void> = Promise.resolve();

  constructor() {
    super(noDb);
  }

  /** Makes answers wait until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return () => {
      this.#gate = Promise.resolve();
      resolve();
    };
  }

  commit(...batches: Batch[]): void {
    this.committed.push(...batches);
  }

  /** Places that are gone; their batches have one place each. */
  lose(fromSeq: number, toSeq: number): void {
    for (const seq of range(fromSeq, toSeq)) {
      this.#gone.add(seq);
      const index = this.committed.findIndex(({ firstSeq }) => firstSeq === seq);
      if (index >= 0) this.committed.splice(index, 1);
    }
  }

  override async since(_channelId: string, afterSeq: number, upToSeq: number): Promise<Stretch> {
    this.#begin();
    let goneTo = afterSeq;
    while (this.#gone.has(goneTo + 1) && goneTo < upToSeq) goneTo++;
    const end = Math.min(upToSeq, ...[...this.#gone].filter((seq) => seq > afterSeq).map((seq) => seq - 1));
    const found = this.committed.filter((batch) => lastSeqOf(batch) > afterSeq && batch.firstSeq <= end);
    await this.#gate;
    if (goneTo > afterSeq) return { batches: [], goneTo };
    return { batches: found.map((batch) => batchAfter(batch, afterSeq)), goneTo: null };
  }

  override async newest(_channelId: string, afterSeq: number, upToSeq: number, count: number): Promise<Page> {
    this.#begin();
    const seqs = this.committed
      .filter(({ kind }) => kind === BATCH_KIND.messages)
      .flatMap((batch) => Array.from({ length: batch.count }, (_, index) => batch.firstSeq + index))
      .filter((seq) => seq > afterSeq && seq <= upToSeq)
      .slice(-count);
    await this.#gate;
    return { frames: seqs.map((seq) => messages(seq).frames), oldestSeq: seqs[0] ?? null };
  }

  #begin(): void {
    this.reads++;
    if (this.reads > 10_000) throw new Error('the hub reads without an end');
    if (this.away) throw new StorageUnavailable('not-applied', new Error('away'));
  }
}

/** A fan-out whose ticks the test makes. */
class FakeFanOut extends FanOut {
  readonly scheduled: Broadcast[] = [];

  constructor() {
    super(metrics);
  }

  override schedule(broadcast: Broadcast): void {
    this.scheduled.push(broadcast);
  }

  tick(): void {
    for (const broadcast of this.scheduled.splice(0)) {
      broadcast.written(broadcast.flush(), 1, performance.now());
    }
  }
}

class Stage {
  readonly recovery = new FakeRecovery();
  readonly fanOut = new FakeFanOut();
  readonly heard: number[] = [];
  readonly hub: ChannelHub;
  readonly #context: TestContext;

  /** @param head the channel's head when the hub is made; everything up to it is committed and in the ring */
  constructor(context: TestContext, head = 0, ringFrom = 1) {
    this.#context = context;
    context.mock.timers.reset();
    context.mock.timers.enable({ apis: ['setTimeout'] });
    this.hub = new ChannelHub(CHANNEL, at(head), metrics.addChannel(CHANNEL), {
      fanOut: this.fanOut,
      recovery: this.recovery,
      metrics,
      log,
      tracing: null,
      historyOnJoin: HISTORY_ON_JOIN,
      gapWaitMs: GAP_WAIT_MS,
      onOnline: (_, online) => this.heard.push(online),
      readStandings: (_, userIds) => this.readStandings(userIds),
    });
    for (let seq = 1; seq <= head; seq++) this.recovery.commit(messages(seq));
    this.hub.prime(this.recovery.committed.filter(({ firstSeq }) => firstSeq >= ringFrom));
    context.after(() => this.hub.close());
  }

  /** How the channel's people stand in the database; each read is written down. */
  standings: ChannelStandings | null = {
    accessVersion: 0,
    channelType: 'public',
    posting: 'everyone',
    policyVersion: 0,
    users: new Map(),
  };
  readonly looks: (readonly string[])[] = [];
  onLook: () => Promise<void> | void = () => {};

  async readStandings(userIds: readonly string[]): Promise<ChannelStandings | null> {
    this.looks.push(userIds);
    const { standings } = this;
    await this.onLook();
    return standings;
  }

  async join(
    seq: number | null = null,
    subscriber = new FakeSubscriber(),
    place = PLACE,
    epoch: string | null = null,
  ): Promise<FakeSubscriber> {
    await this.hub.attach(subscriber, seq === null ? null : { seq, epoch }, place);
    return subscriber;
  }

  /** Commits batches and has the bus bring them. */
  send(...batches: Batch[]): void {
    this.recovery.commit(...batches);
    for (const batch of batches) this.hub.deliver(batch, performance.now());
  }

  /** Lets everything that waits for a promise go on, and ends the tick. */
  async settle(): Promise<void> {
    for (let round = 0; round < 5; round++) await turn();
    this.fanOut.tick();
  }

  async pass(ms: number): Promise<void> {
    this.#context.mock.timers.tick(ms);
    await this.settle();
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

test('batches reach every subscriber in order, once a tick', async (t) => {
  const stage = new Stage(t);
  const [one, two] = [await stage.join(), await stage.join()];
  stage.send(messages(1, 2), messages(3));
  assert.deepEqual(one.seqs, [], 'not before the end of the tick');
  assert.equal(stage.fanOut.scheduled.length, 1, 'scheduled once a tick');
  stage.fanOut.tick();
  for (const subscriber of [one, two]) assert.deepEqual(subscriber.seqs, [1, 2, 3]);
});

test('a batch that comes twice is delivered once', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  const batch = messages(1, 3);
  stage.send(batch);
  stage.hub.deliver(batch, 0);
  stage.fanOut.tick();
  stage.hub.deliver(batch, 0);
  stage.fanOut.tick();
  assert.deepEqual(subscriber.seqs, [1, 2, 3]);
});

test('a batch that another instance traces is delivered where nothing is traced', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send({ ...messages(1, 2), note: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
  stage.fanOut.tick();
  assert.deepEqual(subscriber.seqs, [1, 2]);
});

test('of a batch that overlaps only the new part is delivered', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send(messages(1, 3));
  stage.hub.deliver(messages(2, 4), 0);
  stage.fanOut.tick();
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4, 5]);
  assert.equal(stage.hub.lastSeq, 5);
});

test('a batch that comes early waits for the one before it, and nothing is read', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send(messages(4, 2), messages(3));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, []);
  stage.send(messages(1, 2));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4, 5]);
  await stage.pass(GAP_WAIT_MS * 20);
  assert.equal(stage.recovery.reads, 0);
});

test('what stays missing is read from the database after 100 ms, not before', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.recovery.commit(messages(1, 2));
  stage.send(messages(3));
  await stage.pass(GAP_WAIT_MS - 1);
  assert.equal(stage.recovery.reads, 0);
  assert.deepEqual(subscriber.seqs, []);
  await stage.pass(1);
  assert.deepEqual(subscriber.seqs, [1, 2, 3]);
});

test('reading a gap also brings what the bus has not brought yet, and its late arrival changes nothing', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.recovery.commit(messages(1));
  stage.send(messages(2));
  stage.recovery.commit(messages(3, 2));
  await stage.pass(GAP_WAIT_MS);
  stage.hub.deliver(messages(3, 2), 0);
  stage.send(messages(5));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4, 5]);
});

test('a gap that cannot be read is tried again every second until it can', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.recovery.commit(messages(1));
  stage.send(messages(2));
  stage.recovery.away = true;
  await stage.pass(GAP_WAIT_MS);
  assert.equal(stage.recovery.reads, 1);
  await stage.pass(GAP_RETRY_MS);
  assert.equal(stage.recovery.reads, 2);
  stage.recovery.away = false;
  await stage.pass(GAP_RETRY_MS);
  assert.deepEqual(subscriber.seqs, [1, 2]);
});

test('a second gap after a first one is found again', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.recovery.commit(messages(1));
  stage.send(messages(2));
  await stage.pass(GAP_WAIT_MS);
  stage.recovery.commit(messages(3));
  stage.send(messages(4));
  await stage.pass(GAP_WAIT_MS);
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4]);
});

test('a batch that comes early while a gap is being read is delivered, though the read did not see it', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.recovery.commit(messages(1));
  stage.send(messages(2));
  await stage.pass(GAP_WAIT_MS);
  // A read that finds nothing is under way when 3 and 4 are committed and the bus brings only 4.
  const release = stage.recovery.hold();
  stage.hub.noticeHead(at(3));
  await stage.settle();
  stage.recovery.commit(messages(3));
  stage.send(messages(4));
  release();
  await stage.settle();
  await stage.pass(GAP_RETRY_MS);
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4]);
});

test('a batch that comes early while a join reads in vain is delivered', async (t) => {
  const stage = new Stage(t, 2);
  const subscriber = await stage.join();
  const release = stage.recovery.hold();
  const joining = stage.join(4);
  joining.catch(() => {});
  await stage.settle();
  stage.recovery.commit(messages(3));
  stage.send(messages(4));
  release();
  await stage.settle();
  await joining;
  await stage.pass(GAP_RETRY_MS);
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4]);
});

test('news of a higher head that comes while a gap is being read is not forgotten', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  const release = stage.recovery.hold();
  stage.hub.noticeHead(at(1));
  await stage.settle();
  stage.recovery.commit(messages(1, 2));
  stage.hub.noticeHead(at(2));
  release();
  await stage.settle();
  await stage.pass(GAP_RETRY_MS);
  assert.deepEqual(subscriber.seqs, [1, 2]);
});

test('news of a head that was delivered reads nothing, of a higher one reads what is missing', async (t) => {
  const stage = new Stage(t, 2);
  const subscriber = await stage.join(2);
  stage.hub.noticeHead(at(1));
  stage.hub.noticeHead(at(2));
  await stage.settle();
  assert.equal(stage.recovery.reads, 0);
  stage.recovery.commit(messages(3, 2));
  stage.hub.noticeHead(at(4));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [3, 4]);
});

test('early batches past the bound are not held, and are delivered all the same', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  for (let seq = 2; seq <= 1500; seq++) stage.send(messages(seq));
  stage.send(messages(1));
  await stage.settle();
  await stage.pass(GAP_RETRY_MS);
  assert.deepEqual(subscriber.seqs, range(1, 1500));
});

test('a shorter early batch does not take the place of a longer one', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send(messages(2, 3));
  stage.hub.deliver(messages(2), 0);
  stage.send(messages(1));
  await stage.settle();
  await stage.pass(GAP_RETRY_MS);
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4]);
});

test('a join without a position brings the newest page, oldest first, and says where it begins', async (t) => {
  const stage = new Stage(t, 20);
  const subscriber = await stage.join();
  assert.deepEqual(subscriber.frames[0], {
    type: 'subscribed',
    channel_id: CHANNEL,
    seq: 20,
    recovered: false,
    oldest_seq: 16,
    epoch: EPOCH,
    online: 1,
  });
  assert.deepEqual(subscriber.seqs, range(16, 20));
  assert.equal(stage.recovery.reads, 0, 'from the ring');
});

test('a join of an empty channel without a position says so', async (t) => {
  const stage = new Stage(t);
  const { subscribed, seqs } = await stage.join();
  assert.deepEqual([subscribed?.seq, subscribed?.recovered, subscribed?.oldest_seq], [0, false, 1]);
  assert.deepEqual(seqs, []);
});

test('a join with a position brings exactly what was missed, then live frames', async (t) => {
  const stage = new Stage(t, 8);
  const subscriber = await stage.join(5);
  assert.deepEqual([subscriber.subscribed?.recovered, subscriber.subscribed?.seq], [true, 8]);
  assert.ok(!('oldest_seq' in (subscriber.subscribed ?? {})));
  stage.send(messages(9));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [6, 7, 8, 9]);
});

test('a join at the head brings nothing and is recovered', async (t) => {
  const stage = new Stage(t, 8);
  const subscriber = await stage.join(8);
  assert.equal(subscriber.subscribed?.recovered, true);
  assert.deepEqual(subscriber.seqs, []);
});

test('position 0 is a position: everything from the beginning', async (t) => {
  const whole = await new Stage(t, 8).join(0);
  assert.equal(whole.subscribed?.recovered, true);
  assert.deepEqual(whole.seqs, range(1, 8));
  const empty = await new Stage(t, 0).join(0);
  assert.deepEqual([empty.subscribed?.recovered, empty.subscribed?.seq], [true, 0]);
});

test('what the ring no longer has is read from the database', async (t) => {
  const stage = new Stage(t, 50, 40);
  const subscriber = await stage.join(10);
  assert.equal(subscriber.subscribed?.recovered, true);
  assert.deepEqual(subscriber.seqs, range(11, 50));
  assert.ok(stage.recovery.reads > 0);
});

test('a client exactly 1,000 places behind is recovered, one further is told so and gets the newest page', async (t) => {
  const head = MAX_RESUME_MESSAGES + 5;
  const near = await new Stage(t, head, head - 10).join(5);
  assert.equal(near.subscribed?.recovered, true);
  assert.deepEqual(near.seqs, range(6, head));
  const far = await new Stage(t, head, head - 10).join(4);
  assert.deepEqual([far.subscribed?.recovered, far.subscribed?.oldest_seq], [false, head - HISTORY_ON_JOIN + 1]);
  assert.deepEqual(far.seqs, range(head - HISTORY_ON_JOIN + 1, head));
});

test('a position ahead of this instance is taken from the database, and the others here hear of it', async (t) => {
  const stage = new Stage(t, 2);
  const other = await stage.join(2);
  stage.recovery.commit(messages(3, 2));
  const subscriber = await stage.join(3);
  assert.deepEqual([subscriber.subscribed?.recovered, subscriber.subscribed?.seq], [true, 4]);
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [4]);
  assert.deepEqual(other.seqs, [3, 4]);
});

test('a place of another life of the data is not resumed from, whether or not the channel has such a place', async (t) => {
  const stage = new Stage(t, 8);
  for (const seq of [0, 5, 8, 100]) {
    const subscriber = await stage.join(seq, new FakeSubscriber(), PLACE, 'of another life');
    const { subscribed } = subscriber;
    assert.deepEqual([subscribed?.recovered, subscribed?.epoch, subscribed?.oldest_seq], [false, EPOCH, 4]);
    assert.deepEqual(subscriber.seqs, [4, 5, 6, 7, 8]);
  }
});

test('a place of this life is resumed from, and so is one whose client does not name its life', async (t) => {
  const stage = new Stage(t, 8);
  for (const epoch of [EPOCH, null]) {
    const subscriber = await stage.join(5, new FakeSubscriber(), PLACE, epoch);
    assert.deepEqual([subscriber.subscribed?.recovered, subscriber.subscribed?.epoch], [true, EPOCH]);
    assert.deepEqual(subscriber.seqs, [6, 7, 8]);
  }
});

test('an event that cannot be read leaves its place to be filled', async (t) => {
  const stage = new Stage(t, 0);
  const subscriber = await stage.join();
  assert.throws(() => stage.hub.deliver({ ...event(1), note: 'of a later version' }, 0));
  assert.equal(stage.hub.lastSeq, 0);
  stage.recovery.commit(event(1));
  stage.send(messages(2));
  await stage.pass(GAP_WAIT_MS);
  assert.deepEqual(subscriber.seqs, [1, 2]);
});

test('a position that the channel never had is not recovered, and the newest page follows', async (t) => {
  const stage = new Stage(t, 8);
  const subscriber = await stage.join(99);
  assert.deepEqual([subscriber.subscribed?.recovered, subscriber.subscribed?.seq], [false, 8]);
  assert.deepEqual(subscriber.seqs, range(4, 8));
});

test('live frames that come while the missed ones are read are neither lost nor doubled', async (t) => {
  const stage = new Stage(t, 50, 45);
  const other = await stage.join(50);
  const release = stage.recovery.hold();
  const joining = stage.join(10);
  await stage.settle();
  stage.send(messages(51, 2));
  await stage.settle();
  stage.send(messages(53));
  release();
  const subscriber = await joining;
  stage.send(messages(54));
  await stage.settle();
  assert.equal(subscriber.subscribed?.seq, 53);
  assert.deepEqual(subscriber.seqs, range(11, 54));
  assert.deepEqual(other.seqs, range(51, 54));
});

test('live frames that come while the newest page is read follow it', async (t) => {
  const stage = new Stage(t, 50, 50);
  const release = stage.recovery.hold();
  const joining = stage.join();
  await stage.settle();
  stage.send(messages(51, 2));
  release();
  const subscriber = await joining;
  stage.send(messages(53));
  await stage.settle();
  assert.deepEqual([subscriber.subscribed?.seq, subscriber.subscribed?.oldest_seq], [52, 46]);
  assert.deepEqual(subscriber.seqs, range(46, 53));
});

test('frames of the tick under way reach those before once, and one who joins in it once', async (t) => {
  const stage = new Stage(t, 3);
  const before = await stage.join(3);
  stage.send(messages(4));
  const joined = await stage.join(2);
  stage.send(messages(5));
  await stage.settle();
  assert.deepEqual(before.seqs, [4, 5]);
  assert.deepEqual(joined.seqs, [3, 4, 5]);
});

test('oldest_seq names the first place that follows, also when it came while an empty page was read', async (t) => {
  const stage = new Stage(t, 0);
  // Events alone, more than the ring holds: whether there are messages before them only the database knows.
  const events = range(1, 10).map((seq) => event(seq));
  stage.recovery.commit(...events);
  const hub = new ChannelHub(CHANNEL, at(10), metrics.addChannel(CHANNEL), {
    fanOut: stage.fanOut,
    recovery: stage.recovery,
    metrics,
    log,
    tracing: null,
    historyOnJoin: HISTORY_ON_JOIN,
    gapWaitMs: GAP_WAIT_MS,
    onOnline: () => {},
    readStandings: () => Promise.reject(new Error('no look at standings is expected here')),
  });
  hub.prime(events.slice(5));
  const release = stage.recovery.hold();
  const subscriber = new FakeSubscriber();
  const joining = hub.attach(subscriber, null, PLACE);
  await stage.settle();
  hub.deliver(messages(11), 0);
  release();
  await joining;
  hub.close();
  assert.deepEqual(subscriber.seqs, [11]);
  assert.equal(subscriber.subscribed?.oldest_seq, 11);
});

test('when what was missed cannot be read the join fails and nobody is subscribed', async (t) => {
  const stage = new Stage(t, 50, 45);
  stage.recovery.away = true;
  const subscriber = new FakeSubscriber();
  await assert.rejects(stage.join(10, subscriber), StorageUnavailable);
  await assert.rejects(stage.join(60, subscriber), StorageUnavailable);
  assert.equal(stage.hub.subscribers.size, 0);
  assert.deepEqual(subscriber.frames, []);
});

// A database that was restored, or failed over to a copy that lags, has less than the hub has delivered.
test('a join ends even when the database does not have what it is asked for', async (t) => {
  const stage = new Stage(t, 50, 45);
  stage.recovery.committed.length = 0;
  await assert.rejects(stage.join(10));
  assert.ok(stage.recovery.reads < 100, `read ${stage.recovery.reads} times`);
});

test('one who went away while the missed messages were read is not subscribed', async (t) => {
  const stage = new Stage(t, 50, 45);
  const subscriber = new FakeSubscriber();
  const release = stage.recovery.hold();
  const joining = stage.join(10, subscriber);
  await stage.settle();
  subscriber.closed = true;
  release();
  await joining;
  assert.equal(stage.hub.subscribers.size, 0);
  assert.deepEqual(subscriber.frames, []);
});

test('connections are counted as they come and go', async (t) => {
  const stage = new Stage(t);
  const { connectionsCurrent, connectionsTotal } = stage.hub.metrics;
  const subscriber = await stage.join();
  assert.equal(stage.hub.metrics.connectionsCurrent, connectionsCurrent + 1);
  stage.hub.detach(subscriber);
  stage.hub.detach(subscriber);
  assert.equal(stage.hub.metrics.connectionsCurrent, connectionsCurrent);
  assert.equal(stage.hub.metrics.connectionsTotal, connectionsTotal + 1);
  stage.send(messages(1));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, []);
});

test('an event is told to subscribers after its frame, and after what came before it', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send(messages(1, 2), event(3, { type: 'channel_updated', channel: { is_active: false } }), messages(4));
  assert.deepEqual(subscriber.events, [
    { event: { type: 'channel_updated', channel: { is_active: false } }, afterSeq: 3 },
  ]);
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [1, 2, 3, 4]);
});

test('an event that comes early or from the database is told all the same, once', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send(event(2));
  stage.hub.deliver(event(2), 0);
  stage.recovery.commit(messages(1));
  await stage.pass(GAP_WAIT_MS);
  assert.equal(subscriber.events.length, 1);
  assert.deepEqual(subscriber.seqs, [1, 2]);
});

test('one who leaves because of an event gets nothing after it, and the others lose nothing', async (t) => {
  const stage = new Stage(t);
  const [one, two] = [await stage.join(), await stage.join()];
  one.onEventHook = () => stage.hub.detach(one);
  stage.send(event(1), messages(2));
  await stage.settle();
  assert.deepEqual(one.seqs, [1]);
  assert.deepEqual(two.seqs, [1, 2]);
});

test('ephemeral frames go to all but the one they are about', async (t) => {
  const stage = new Stage(t);
  const ada = await stage.join(null, new FakeSubscriber('ada'));
  const bob = await stage.join(null, new FakeSubscriber('bob'));
  stage.hub.deliver(ephemeral({ except: 'ada' }, { type: 'typing' }), 0);
  stage.hub.deliver(ephemeral(null, { type: 'other' }), 0);
  assert.deepEqual(ada.ephemeral, [{ type: 'other' }]);
  assert.deepEqual(bob.ephemeral, [{ type: 'typing' }, { type: 'other' }]);
  assert.equal(stage.hub.lastSeq, 0);
});

test('in a large channel a count is told at most once a second, the newest one', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  for (let online = LARGE_CHANNEL_ONLINE + 1; online <= LARGE_CHANNEL_ONLINE + 100; online++) {
    stage.hub.deliver(ephemeral({ online }, null), 0);
  }
  assert.deepEqual(subscriber.ephemeral, []);
  await stage.pass(1000);
  const count = { type: 'presence_count', channel_id: CHANNEL, online: LARGE_CHANNEL_ONLINE + 100 };
  assert.deepEqual(subscriber.ephemeral, [count]);
  await stage.pass(5000);
  assert.equal(subscriber.ephemeral.length, 1);
  assert.equal(stage.heard.length, 100);
});

test('in a channel that is not large no count is told', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.hub.deliver(ephemeral({ online: LARGE_CHANNEL_ONLINE }, null), 0);
  await stage.pass(5000);
  assert.deepEqual(subscriber.ephemeral, []);
  assert.deepEqual(stage.heard, [LARGE_CHANNEL_ONLINE]);
});

test('a closed hub delivers nothing and reads nothing', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.join();
  stage.send(messages(2));
  stage.hub.close();
  stage.send(messages(1));
  stage.hub.noticeHead(at(9));
  await stage.pass(GAP_RETRY_MS * 5);
  assert.deepEqual(subscriber.seqs, []);
  assert.equal(stage.recovery.reads, 0);
});

function access(userId: string, version: number): Batch {
  const frame = { type: 'moderation', channel_id: CHANNEL, action: 'muted' };
  const note = JSON.stringify({ userId, version, frame });
  return { kind: BATCH_KIND.access, origin: 1, firstSeq: 0, count: 0, note, frames: Buffer.alloc(0) };
}

function standing(userId: string, isBanned = false): StandingRow {
  return {
    user_id: userId,
    username: userId,
    site_role: 'user',
    role: null,
    is_banned: isBanned,
    is_muted: false,
    is_newcomer: false,
  };
}

function standings(accessVersion: number, ...users: StandingRow[]): ChannelStandings {
  const rows = new Map(users.map((user) => [user.user_id, user]));
  return { accessVersion, channelType: 'public', posting: 'everyone', policyVersion: 0, users: rows };
}

test('what was done to a user is told to his connections alone, without a look at the database', async (t) => {
  const stage = new Stage(t);
  const [first, second] = [
    await stage.join(null, new FakeSubscriber('ada')),
    await stage.join(null, new FakeSubscriber('ada')),
  ];
  const other = await stage.join(null, new FakeSubscriber('bob'));
  stage.hub.deliver(access('ada', 1), 0);
  stage.hub.deliver(access('ada', 2), 0);
  await stage.settle();
  for (const subscriber of [first, second]) {
    assert.deepEqual(
      subscriber.notes.map(({ version }) => version),
      [1, 2],
    );
  }
  assert.deepEqual(other.notes, []);
  assert.deepEqual(stage.looks, []);
  assert.equal(stage.hub.lastSeq, 0, 'it takes no place');
});

test('when a note was missed everyone is looked at, once', async (t) => {
  const stage = new Stage(t);
  const ada = await stage.join(null, new FakeSubscriber('ada'));
  const bob = await stage.join(null, new FakeSubscriber('bob'));
  stage.standings = standings(2, standing('ada', true), standing('bob'));
  stage.hub.deliver(access('bob', 2), 0);
  await stage.settle();
  assert.deepEqual(stage.looks, [['ada', 'bob']]);
  assert.equal(bob.notes.length, 1);
  assert.deepEqual(ada.standings, [standing('ada', true)]);
  // From the version that was read on nothing is missing.
  stage.hub.deliver(access('bob', 3), 0);
  stage.hub.noticeHead({ ...at(0), accessVersion: 3 });
  await stage.settle();
  assert.equal(stage.looks.length, 1);
});

test('a comparison of heads with a newer version has everyone looked at, until it can be read', async (t) => {
  const stage = new Stage(t);
  const ada = await stage.join(null, new FakeSubscriber('ada'));
  stage.standings = standings(1, standing('ada'));
  stage.onLook = () => Promise.reject(new StorageUnavailable('not-applied', new Error('away')));
  stage.hub.noticeHead({ ...at(0), accessVersion: 1 });
  await stage.settle();
  assert.deepEqual(ada.standings, []);
  stage.onLook = () => {};
  stage.hub.noticeHead({ ...at(0), accessVersion: 1 });
  await stage.settle();
  assert.deepEqual(ada.standings, [standing('ada')]);
  stage.hub.noticeHead({ ...at(0), accessVersion: 1 });
  await stage.settle();
  assert.equal(stage.looks.length, 2);
});

test('one admitted under an older version is looked at as he joins, one under the same is not', async (t) => {
  const stage = new Stage(t);
  await stage.join(null, new FakeSubscriber('ada'));
  stage.hub.deliver(access('bob', 1), 0);
  stage.standings = standings(1, standing('bob', true));
  const late = await stage.join(null, new FakeSubscriber('bob'), { online: 1, accessVersion: 0 });
  assert.deepEqual(late.standings, [standing('bob', true)]);
  const current = await stage.join(null, new FakeSubscriber('bob'), { online: 1, accessVersion: 1 });
  assert.deepEqual(current.standings, []);
});

// He was told that he is subscribed: a join that is taken back after that leaves a client that believes to be in.
test('one whose late look fails stays, and is looked at by the next comparison of heads', async (t) => {
  const stage = new Stage(t);
  const ada = await stage.join(null, new FakeSubscriber('ada'));
  stage.hub.deliver(access('someone', 1), 0);
  stage.standings = standings(1, standing('ada'), standing('bob', true));
  stage.onLook = () => Promise.reject(new StorageUnavailable('not-applied', new Error('away')));
  const bob = await stage.join(null, new FakeSubscriber('bob'), { online: 1, accessVersion: 0 });
  assert.deepEqual(
    bob.frames.map((frame) => frame.type),
    ['subscribed'],
  );
  assert.deepEqual(bob.standings, []);
  stage.onLook = () => {};
  stage.hub.noticeHead({ ...at(0), accessVersion: 1 });
  await stage.settle();
  assert.deepEqual(bob.standings, [standing('bob', true)]);
  assert.deepEqual(ada.standings, [standing('ada')]);
});

// The version that a look reaches is to hold for all, those too who came while it was under way.
test('one who joins while everyone is looked at is looked at, too', async (t) => {
  const stage = new Stage(t);
  await stage.join(null, new FakeSubscriber('ada'));
  const { promise, resolve } = Promise.withResolvers<void>();
  stage.standings = standings(3, standing('ada'), standing('bob', true));
  stage.onLook = () => promise;
  stage.hub.noticeHead({ ...at(0), accessVersion: 3 });
  const late = await stage.join(null, new FakeSubscriber('bob'), { online: 2, accessVersion: 1 });
  assert.deepEqual(late.standings, []);
  resolve();
  await stage.settle();
  assert.deepEqual(late.standings, [standing('bob', true)]);
});

test('in a channel that is gone everyone is told so', async (t) => {
  const stage = new Stage(t);
  const ada = await stage.join(null, new FakeSubscriber('ada'));
  stage.standings = null;
  stage.hub.noticeHead({ ...at(0), accessVersion: 1 });
  await stage.settle();
  assert.deepEqual(ada.standings, [null]);
});

test('a deleted message is read anew by the next join, and not taken from memory', async (t) => {
  const stage = new Stage(t, 5);
  stage.send(event(6, { type: 'message_deleted', message_seq: 5 }));
  await stage.settle();
  const { reads } = stage.recovery;
  await stage.join();
  await stage.join(3);
  assert.ok(stage.recovery.reads >= reads + 2);
});

test('what was read for one who comes back is in memory for those who come back behind him', async (t) => {
  const stage = new Stage(t, 30, 26);
  const first = await stage.join(10);
  const { reads } = stage.recovery;
  const second = await stage.join(10);
  const third = await stage.join(20);
  assert.equal(stage.recovery.reads, reads);
  assert.deepEqual(first.seqs, range(11, 30));
  assert.deepEqual(second.seqs, range(11, 30));
  assert.deepEqual(third.seqs, range(21, 30));
});

test('what was read while something in it was deleted is not kept in memory', async (t) => {
  const stage = new Stage(t, 30, 26);
  const release = stage.recovery.hold();
  const first = stage.join(10);
  stage.send(event(31, { type: 'message_deleted', message_seq: 15 }));
  await stage.settle();
  release();
  assert.deepEqual((await first).seqs, range(11, 31));
  const { reads } = stage.recovery;
  await stage.join(10);
  assert.equal(stage.recovery.reads, reads + 1);
});

type Step =
  | { readonly kind: 'deliver'; readonly pick: number }
  | { readonly kind: 'join'; readonly position: number | null }
  | { readonly kind: 'turn' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'wait'; readonly ms: number };

test('whatever the bus does, every subscriber sees every place once and in order', async (t) => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.nat(19).map((pick) => ({ kind: 'deliver' as const, pick })) },
    { weight: 2, arbitrary: fc.option(fc.nat(30)).map((position) => ({ kind: 'join' as const, position })) },
    { weight: 2, arbitrary: fc.constant({ kind: 'turn' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'tick' as const }) },
    { weight: 1, arbitrary: fc.constantFrom(50, 100, 1000).map((ms) => ({ kind: 'wait' as const, ms })) },
  );
  const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(3), fc.array(step, { maxLength: 50 }), async (counts, ringFrom, steps) => {
      const stage = new Stage(t, 3, ringFrom + 1);
      // 0 stands for an event.
      const batches: Batch[] = [];
      for (const count of counts) {
        const firstSeq = lastSeqOf(batches.at(-1) ?? messages(1, 3)) + 1;
        batches.push(count === 0 ? event(firstSeq) : messages(firstSeq, count));
      }
      const head = lastSeqOf(batches.at(-1) ?? messages(1, 3));
      let committed = 0;
      const commitUpTo = (index: number) => {
        for (; committed <= index; committed++) stage.recovery.commit(batches[committed] ?? messages(0));
      };
      const joined: Promise<{ readonly position: number | null; readonly subscriber: FakeSubscriber }>[] = [];
      for (const each of steps) {
        if (each.kind === 'deliver') {
          const index = each.pick % batches.length;
          const batch = batches[index];
          commitUpTo(index);
          if (batch !== undefined) stage.hub.deliver(batch, 0);
        } else if (each.kind === 'join') {
          const { position } = each;
          joined.push(stage.join(position).then((subscriber) => ({ position, subscriber })));
        } else if (each.kind === 'turn') await turn();
        else if (each.kind === 'tick') stage.fanOut.tick();
        else await stage.pass(each.ms);
      }
      commitUpTo(batches.length - 1);
      await stage.settle();
      await stage.pass(GAP_WAIT_MS);
      // Nobody can know of a last batch that the bus has lost but by the next one.
      stage.send(messages(head + 1));
      await stage.settle();
      await stage.pass(GAP_WAIT_MS);
      assert.equal(stage.hub.lastSeq, head + 1);
      for (const { position, subscriber } of await Promise.all(joined)) {
        const { seqs, subscribed } = subscriber;
        const first = seqs[0] ?? head + 2;
        if (subscribed?.recovered === true) assert.equal(first, (position ?? -1) + 1);
        else {
          assert.ok(first <= (subscribed?.oldest_seq ?? 0), 'nothing is older than what was told');
          // The newest page has messages alone; from its end on everything has to be there.
          assert.deepEqual(
            seqs.toSorted((a, b) => a - b),
            seqs,
          );
          assert.equal(new Set(seqs).size, seqs.length);
          assert.deepEqual(
            seqs.filter((seq) => seq > (subscribed?.seq ?? 0)),
            range((subscribed?.seq ?? 0) + 1, head + 1),
          );
          continue;
        }
        assert.deepEqual(seqs, range(first, head + 1));
      }
      stage.hub.close();
    }),
    { numRuns: 300 },
  );
});

// Rows that are gone, for their age or by somebody's hand: what is left has to be reached all the same.

test('who resumes from before what is kept is told so, and gets the newest page', async (t) => {
  const stage = new Stage(t, 30, 25);
  stage.recovery.lose(1, 12);
  for (const position of [0, 5, 11]) {
    const { subscribed, seqs } = await stage.join(position);
    assert.deepEqual([subscribed?.recovered, subscribed?.oldest_seq, subscribed?.seq], [false, seqs[0], 30]);
    assert.deepEqual(seqs, range(30 - HISTORY_ON_JOIN + 1, 30));
  }
  const { subscribed, seqs } = await stage.join(12);
  assert.deepEqual([subscribed?.recovered, subscribed?.oldest_seq], [true, undefined]);
  assert.deepEqual(seqs, range(13, 30));
});

test('where nothing is kept any more the newest page is empty, and who has all misses nothing', async (t) => {
  const stage = new Stage(t, 30, 31);
  stage.recovery.lose(1, 30);
  for (const position of [null, 0, 29]) {
    const { subscribed, seqs } = await stage.join(position);
    assert.deepEqual([subscribed?.recovered, subscribed?.oldest_seq, seqs], [false, 31, []]);
  }
  const last = await stage.join(30);
  assert.deepEqual([last.subscribed?.recovered, last.seqs], [true, []]);
  stage.send(messages(31));
  await stage.settle();
  assert.deepEqual(last.seqs, [31]);
});

test('a channel forgets what was removed for its age, and needs no read to know that there is no more', async (t) => {
  const stage = new Stage(t, 30);
  stage.recovery.lose(1, 28);
  stage.hub.noticeHead({ ...at(30), firstSeq: 29 });
  const { seqs } = await stage.join();
  assert.deepEqual(seqs, [29, 30]);
  assert.equal(stage.recovery.reads, 0);
  const late = await stage.join(10);
  assert.deepEqual([late.subscribed?.recovered, late.subscribed?.oldest_seq, late.seqs], [false, 29, [29, 30]]);
});

test('a gap whose places are gone is passed over, and what came after it is delivered', async (t) => {
  const stage = new Stage(t, 2);
  const subscriber = await stage.join(2);
  stage.recovery.lose(3, 5);
  stage.send(messages(6), messages(7));
  await stage.pass(GAP_WAIT_MS);
  assert.deepEqual(subscriber.seqs, [6, 7]);
  stage.send(messages(8));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [6, 7, 8]);
  // Who saw the jump and comes back is told what he cannot have.
  const back = await stage.join(2);
  assert.deepEqual([back.subscribed?.recovered, back.subscribed?.oldest_seq, back.seqs], [false, 6, [6, 7, 8]]);
  await stage.pass(GAP_RETRY_MS * 3);
  assert.equal(stage.hub.lastSeq, 8);
});

test('a channel whose end is gone is not waited for', async (t) => {
  const stage = new Stage(t, 2);
  const subscriber = await stage.join(2);
  stage.recovery.lose(3, 5);
  stage.hub.noticeHead(at(5));
  await stage.settle();
  assert.equal(stage.hub.lastSeq, 5);
  stage.send(messages(6));
  await stage.settle();
  assert.deepEqual(subscriber.seqs, [6]);
});

test('a hole in the middle costs those alone who come from before it', async (t) => {
  const stage = new Stage(t, 30, 29);
  stage.recovery.lose(20, 21);
  const before = await stage.join(15);
  assert.deepEqual([before.subscribed?.recovered, before.subscribed?.oldest_seq], [false, before.seqs[0]]);
  assert.ok((before.seqs[0] ?? 0) > 21);
  const after = await stage.join(21);
  assert.deepEqual([after.subscribed?.recovered, after.seqs], [true, range(22, 30)]);
  assert.equal((await stage.join()).subscribed?.seq, 30);
});
