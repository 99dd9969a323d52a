import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BATCH_KIND, type Batch, batchAfter, lastSeqOf } from './batch.js';
import type { Subscriber } from './channel-hub.js';
import { StorageUnavailable } from './errors.js';
import { FanOut } from './fan-out.js';
import { encodeTextFrames } from './frame.js';
import { Hub } from './hub.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { Recovery, type Stretch } from './recovery.js';
import type { Db } from './store/db.js';

const CHANNEL = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const OTHER = '00000000-8b86-4d01-b42d-00cf4fc964ff';

const metrics = new Metrics({ channelLabel: true });
const noDb: Db = {
  query: () => Promise.reject(new Error('no statement is expected here')),
  exec: () => Promise.reject(new Error('no statement is expected here')),
  transaction: () => Promise.reject(new Error('no statement is expected here')),
  ping: () => Promise.resolve(false),
  close: () => Promise.resolve(),
};

function message(seq: number): Batch {
  const frames = encodeTextFrames([JSON.stringify({ seq })]);
  return { kind: BATCH_KIND.messages, origin: 1, firstSeq: seq, count: 1, note: '', frames };
}

class FakeSubscriber implements Subscriber {
  readonly userId = 'user';
  closed = false;

  wants(): boolean {
    return !this.closed;
  }

  readonly seqs: number[] = [];
  subscribed = false;

  push(frames: Buffer): void {
    for (const [, seq] of frames.toString('latin1').matchAll(/\{"seq":(\d+)\}/g)) this.seqs.push(Number(seq));
  }

  pushHistory(parts: readonly Buffer[]): void {
    this.subscribed = true;
    this.push(Buffer.concat(parts));
  }

  pushEphemeral(): void {}

  onEvent(): void {}

  onAccess(): void {}

  onStanding(): void {}
}

/** A database and a bus with the steps of a hub written down. */
class Stage {
  readonly steps: string[] = [];
  readonly committed: Batch[] = [];
  epoch = 'first';
  isGone = false;
  readonly recovery: Recovery;
  readonly hub: Hub;
  /** Called within the step of that name. */
  onSubscribe: () => Promise<void> | void = () => {};
  onReadHeads: () => Promise<void> | void = () => {};
  onSince: () => Promise<void> | void = () => {};

  constructor() {
    const { committed } = this;
    const onSince = () => this.onSince();
    class FakeRecovery extends Recovery {
      override async since(_channelId: string, afterSeq: number, upToSeq: number): Promise<Stretch> {
        const found = committed.filter((batch) => lastSeqOf(batch) > afterSeq && batch.firstSeq <= upToSeq);
        await onSince();
        return { batches: found.map((batch) => batchAfter(batch, afterSeq)), goneTo: null };
      }
    }
    this.recovery = new FakeRecovery(noDb);
    this.hub = new Hub({
      fanOut: new FanOut(metrics),
      recovery: this.recovery,
      metrics,
      log: createLogger('silent'),
      tracing: null,
      historyOnJoin: 50,
      subscribe: async (channelId) => {
        this.steps.push(`subscribe ${channelId}`);
        await this.onSubscribe();
      },
      unsubscribe: (channelId) => this.steps.push(`unsubscribe ${channelId}`),
      readHeads: async (channelIds) => {
        this.steps.push('heads');
        const present = this.isGone ? [] : channelIds;
        const heads = new Map(
          present.map((id) => [id, { seq: committed.length, firstSeq: 1, epoch: this.epoch, accessVersion: 0 }]),
        );
        await this.onReadHeads();
        return heads;
      },
      readStandings: () => Promise.reject(new Error('no look at standings is expected here')),
      onOtherLife: (epoch, lost) => this.steps.push(`other life than ${epoch}, lost ${lost?.seq ?? 'nothing'}`),
      onOnline: () => {},
    });
  }

  async join(channelId = CHANNEL, seq: number | null = null): Promise<FakeSubscriber> {
    const subscriber = new FakeSubscriber();
    await this.hub.join(channelId, subscriber, seq === null ? null : { seq, epoch: null }, {
      online: 1,
      accessVersion: 0,
    });
    return subscriber;
  }

  /** Commits the next message and has the bus bring it. */
  send(): void {
    const batch = message(this.committed.length + 1);
    this.committed.push(batch);
    this.hub.deliver(CHANNEL, batch, 0);
  }
}

test('the first join subscribes, then reads the head; the second one does neither', async () => {
  const stage = new Stage();
  await stage.join();
  assert.deepEqual(stage.steps, [`subscribe ${CHANNEL}`, 'heads']);
  await stage.join();
  assert.deepEqual(stage.steps, [`subscribe ${CHANNEL}`, 'heads']);
  assert.equal(stage.hub.size, 1);
  stage.hub.close();
});

for (const step of ['onSubscribe', 'onReadHeads', 'onSince'] as const) {
  test(`a message that comes during ${step} of the first join is not lost and not doubled`, async () => {
    const stage = new Stage();
    for (let seq = 1; seq <= 3; seq++) stage.committed.push(message(seq));
    stage[step] = () => stage.send();
    const subscriber = await stage.join();
    stage[step] = () => {};
    stage.send();
    await turn();
    assert.deepEqual(subscriber.seqs, [1, 2, 3, 4, 5]);
    stage.hub.close();
  });
}

test('the first message of a new channel is not missed', async () => {
  const stage = new Stage();
  const subscriber = await stage.join();
  stage.send();
  await turn();
  assert.deepEqual(subscriber.seqs, [1]);
  assert.equal(stage.hub.lastSeq(CHANNEL), 1);
  stage.hub.close();
});

test('what comes for channels without members here is dropped', () => {
  const stage = new Stage();
  stage.send();
  assert.equal(stage.hub.size, 0);
  assert.equal(stage.hub.lastSeq(CHANNEL), 0);
});

test('after the last leave the hub is dropped, unsubscribed, and its metrics with it', async () => {
  const stage = new Stage();
  const [one, two] = [await stage.join(), await stage.join()];
  stage.hub.leave(CHANNEL, one);
  assert.equal(stage.hub.size, 1);
  assert.match((await metrics.expose()).text, new RegExp(CHANNEL));
  stage.hub.leave(CHANNEL, two);
  assert.equal(stage.hub.size, 0);
  assert.equal(stage.steps.at(-1), `unsubscribe ${CHANNEL}`);
  assert.doesNotMatch((await metrics.expose()).text, new RegExp(CHANNEL));
  stage.hub.leave(CHANNEL, two);
  assert.equal(stage.steps.filter((each) => each.startsWith('unsubscribe')).length, 1);
});

test('a channel that is joined again gets a hub of its own again', async () => {
  const stage = new Stage();
  const first = await stage.join();
  stage.hub.leave(CHANNEL, first);
  stage.committed.push(message(1));
  const second = await stage.join(CHANNEL, 0);
  assert.deepEqual(second.seqs, [1]);
  assert.equal(stage.steps.filter((each) => each.startsWith('subscribe')).length, 2);
  stage.hub.close();
});

test('joins at once share one opening', async () => {
  const stage = new Stage();
  stage.onSubscribe = () => turn();
  const subscribers = await Promise.all([stage.join(), stage.join(), stage.join()]);
  assert.deepEqual(stage.steps, [`subscribe ${CHANNEL}`, 'heads']);
  stage.send();
  await turn();
  for (const subscriber of subscribers) assert.deepEqual(subscriber.seqs, [1]);
  stage.hub.close();
});

test('channels are opened and dropped each by itself', async () => {
  const stage = new Stage();
  const [one] = await Promise.all([stage.join(CHANNEL), stage.join(OTHER)]);
  assert.deepEqual([...stage.hub.channels()].map(({ id }) => id).sort(), [OTHER, CHANNEL]);
  stage.hub.leave(CHANNEL, one);
  assert.deepEqual(
    [...stage.hub.channels()].map(({ id }) => id),
    [OTHER],
  );
  stage.hub.close();
});

test('an opening that fails is told to all who wait for it, undone, and made anew by the next join', async () => {
  const stage = new Stage();
  stage.onReadHeads = async () => {
    await turn();
    throw new StorageUnavailable('not-applied', new Error('away'));
  };
  const joins = await Promise.allSettled([stage.join(), stage.join()]);
  for (const join of joins) {
    assert.equal(join.status, 'rejected');
    assert.ok(join.reason instanceof StorageUnavailable);
  }
  assert.equal(stage.hub.size, 0);
  assert.equal(stage.steps.at(-1), `unsubscribe ${CHANNEL}`);
  stage.onReadHeads = () => {};
  const subscriber = await stage.join();
  stage.send();
  await turn();
  assert.deepEqual(subscriber.seqs, [1]);
  stage.hub.close();
});

test('a join that fails leaves no empty hub behind', async () => {
  const stage = new Stage();
  for (let seq = 1; seq <= 300; seq++) stage.committed.push(message(seq));
  let reads = 0;
  stage.onSince = () => {
    // The first read fills the new hub's ring; the second one is the join's own.
    if (++reads > 1) throw new StorageUnavailable('not-applied', new Error('away'));
  };
  await assert.rejects(stage.join(CHANNEL, 5), StorageUnavailable);
  assert.equal(stage.hub.size, 0);
  assert.equal(stage.steps.at(-1), `unsubscribe ${CHANNEL}`);
});

test('one who is gone before his join is through leaves no empty hub behind', async () => {
  const stage = new Stage();
  const subscriber = new FakeSubscriber();
  stage.onReadHeads = () => {
    subscriber.closed = true;
  };
  await stage.hub.join(CHANNEL, subscriber, null, { online: 1, accessVersion: 0 });
  assert.equal(stage.hub.size, 0);
});

// Whoever joins between the making of the hub and its first waiter's going on must not take it away from him.
test('a first join is not undone by another one that ends at once, whenever that one comes', async () => {
  for (let delay = 0; delay < 30; delay++) {
    const stage = new Stage();
    const gone = new FakeSubscriber();
    gone.closed = true;
    let other: Promise<void> | null = null;
    stage.onReadHeads = async () => {
      stage.onReadHeads = () => {};
      const late = async () => {
        for (let round = 0; round < delay; round++) await Promise.resolve();
        await stage.hub.join(CHANNEL, gone, null, { online: 1, accessVersion: 0 });
      };
      other = late();
    };
    const subscriber = await stage.join();
    await other;
    await turn();
    stage.send();
    await turn();
    assert.ok(subscriber.subscribed, `not subscribed with a delay of ${delay}`);
    assert.deepEqual(subscriber.seqs, [1], `with a delay of ${delay}`);
    stage.hub.close();
  }
});

test('comparing heads reads what the bus has lost', async () => {
  const stage = new Stage();
  const subscriber = await stage.join();
  stage.committed.push(message(1), message(2));
  await Promise.all([stage.hub.compareHeads(), stage.hub.compareHeads()]);
  await turn();
  await turn();
  assert.deepEqual(subscriber.seqs, [1, 2]);
  assert.equal(stage.steps.filter((each) => each === 'heads').length, 2, 'one for the opening, one for both compares');
  stage.hub.close();
});

test('heads that cannot be read are told, and compared again the next time', async () => {
  const stage = new Stage();
  const subscriber = await stage.join();
  stage.committed.push(message(1));
  stage.onReadHeads = () => {
    throw new StorageUnavailable('not-applied', new Error('away'));
  };
  await assert.rejects(stage.hub.compareHeads(), StorageUnavailable);
  stage.onReadHeads = () => {};
  await stage.hub.compareHeads();
  await turn();
  await turn();
  assert.deepEqual(subscriber.seqs, [1]);
  stage.hub.close();
});

test('a head behind what was delivered, and a channel that is gone, are another life', async () => {
  const stage = new Stage();
  await stage.join();
  stage.send();
  stage.send();
  stage.committed.pop();
  await stage.hub.compareHeads();
  assert.equal(stage.steps.at(-1), 'other life than first, lost 2');
  stage.isGone = true;
  await stage.hub.compareHeads();
  assert.equal(stage.steps.at(-1), 'other life than first, lost 2');
  assert.equal(stage.steps.filter((step) => step.startsWith('other')).length, 2);
  stage.hub.close();
});

test('what is delivered while the heads are read is no other life', async () => {
  const stage = new Stage();
  await stage.join();
  stage.send();
  stage.onReadHeads = () => stage.send();
  await stage.hub.compareHeads();
  assert.ok(!stage.steps.some((step) => step.startsWith('other')));
  stage.hub.close();
});

test('another epoch is another life, and after the reset a join gets a hub of it', async () => {
  const stage = new Stage();
  const before = await stage.join();
  stage.send();
  stage.send();
  stage.epoch = 'second';
  stage.committed.pop();
  await stage.hub.compareHeads();
  assert.equal(stage.steps.at(-1), 'other life than first, lost nothing');
  stage.hub.reset();
  assert.deepEqual([stage.hub.size, stage.steps.at(-1)], [0, `unsubscribe ${CHANNEL}`]);
  const after = await stage.join();
  stage.send();
  await turn();
  assert.deepEqual(
    [before.seqs, after.seqs],
    [
      [1, 2],
      [1, 2],
    ],
  );
  assert.equal(stage.hub.lastSeq(CHANNEL), 2);
  stage.hub.close();
});

test('a hub whose head was read before a reset is not made', async () => {
  const stage = new Stage();
  stage.onReadHeads = () => {
    stage.onReadHeads = () => {};
    stage.hub.reset();
  };
  await assert.rejects(stage.join(), StorageUnavailable);
  assert.equal(stage.hub.size, 0);
  await stage.join();
  stage.hub.close();
});
