import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { encodeAuthor } from '@hubbub/protocol/codec.js';
import type { Batch } from './batch.js';
import { HubbubError, StorageUnavailable } from './errors.js';
import { Journal } from './journal.js';
import { createLogger } from './log.js';
import { Metrics } from './metrics.js';
import { Rights } from './rights.js';
import { createChannel, readHeads } from './store/channels.js';
import type { Db } from './store/db.js';
import { PgliteDb } from './store/db-pglite.js';
import { insertHeld } from './store/held.js';
import { readPage } from './store/messages.js';
import { migrate } from './store/migrate.js';
import { readStandings } from './store/people.js';
import { upsertUser } from './store/users.js';
import { HeldAlready, type Receipt, StalePolicy, type Submission } from './submission.js';

const ADA = '11111111-0000-4000-8000-000000000000';
const BOB = '22222222-0000-4000-8000-000000000000';
const MAX_BATCH = 500;
const MAX_WAITING = 20_000;

const metrics = new Metrics({ channelLabel: true });
const log = createLogger('silent');
let pglite: PgliteDb;

before(async () => {
  pglite = await PgliteDb.open('memory://');
  await migrate(pglite);
  for (const id of [ADA, BOB]) {
    await upsertUser(pglite, { id, username: id.slice(0, 3), displayName: null, avatarUrl: null, role: 'user' });
  }
});
after(() => pglite.close());

interface Published {
  readonly channelId: string;
  readonly firstSeq: number;
  readonly contents: readonly string[];
  readonly atMs: number;
}

/** A database whose inserts of messages the test watches and disturbs. */
class FakeDb implements Db {
  /** Sizes of the batches that were tried. */
  readonly batches: number[] = [];
  /** Called around each statement that stores messages. */
  onAppend: (run: () => Promise<unknown>) => Promise<unknown> = (run) => run();

  /** Set: nothing is answered. */
  isAway = false;

  query<Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    if (this.isAway) return Promise.reject(away('not-applied'));
    if (!text.includes('insert into chat_messages')) return pglite.query<Row>(text, params);
    const [, messages] = params;
    this.batches.push(
      Array.isArray(messages) ? messages.reduce((sum: number, each) => sum + Number(each), 0) : Number(messages),
    );
    return this.onAppend(() => pglite.query<Row>(text, params)) as Promise<Row[]>;
  }

  exec(text: string): Promise<void> {
    return pglite.exec(text);
  }

  transaction: Db['transaction'] = (fn) => pglite.transaction(fn);

  ping(): Promise<boolean> {
    return pglite.ping();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Stage {
  readonly db = new FakeDb();
  readonly published: Published[] = [];
  readonly channelId: string = randomUUID();
  readonly journal: Journal;

  static async open(maxStatements = 4): Promise<Stage> {
    const stage = new Stage(maxStatements);
    await createChannel(pglite, stage.channelId, ADA, { name: 'general' });
    return stage;
  }

  readonly rights = new Rights((channelId, userIds) => readStandings(pglite, channelId, userIds));

  private constructor(maxStatements: number) {
    this.journal = new Journal({
      db: this.db,
      rights: this.rights,
      metrics,
      log,
      tracing: null,
      origin: 7,
      maxStatements,
      publish: (channelId, batch, atMs) => {
        this.published.push({ channelId, firstSeq: batch.firstSeq, contents: contentsOf(batch), atMs });
      },
    });
  }

  append(content: string, more: Partial<Submission> = {}): Promise<Receipt> {
    const userId = more.userId ?? ADA;
    return this.journal.append({
      channelId: this.channelId,
      messageId: randomUUID(),
      userId,
      authorJson: encodeAuthor({ userId, username: 'ada', displayName: null, avatarUrl: null }),
      content,
      atMs: 1,
      deliveredSeq: 0,
      policyVersion: null,
      span: null,
      ...more,
    });
  }

  get contents(): string[] {
    return this.published.flatMap(({ contents }) => contents);
  }

  async stored(channelId: string = this.channelId): Promise<string[]> {
    const rows = await readPage(pglite, channelId, {}, 1000);
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      rows.map((_, index) => index + 1),
      'the sequence has no gap',
    );
    const heads = await readHeads(pglite, [channelId]);
    assert.equal(heads.get(channelId)?.seq, rows.length, 'no place was used up for nothing');
    return rows.map(({ content }) => content);
  }
}

function contentsOf(batch: Batch): string[] {
  const texts = [...batch.frames.toString('utf8').matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content ?? '');
  assert.equal(texts.length, batch.count);
  return texts;
}

function isRefusal(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HubbubError && error.code === code;
}

const away = (outcome: 'not-applied' | 'unknown') => new StorageUnavailable(outcome, new Error('away'));

test('a lone message is stored, published, and acknowledged with its place and time', async () => {
  const stage = await Stage.open();
  const receipt = await stage.append('hi', { atMs: 42 });
  assert.equal(receipt.seq, 1);
  assert.equal(receipt.earlier, null);
  assert.ok(Math.abs(receipt.createdAt.getTime() - Date.now()) < 60_000);
  assert.deepEqual(stage.published, [{ channelId: stage.channelId, firstSeq: 1, contents: ['hi'], atMs: 42 }]);
  assert.deepEqual(await stage.stored(), ['hi']);
});

test('nothing is published before it is committed, and it is published before it is acknowledged', async () => {
  const stage = await Stage.open();
  stage.db.onAppend = async (run) => {
    assert.deepEqual(stage.published, []);
    const rows = await run();
    assert.deepEqual(stage.published, []);
    return rows;
  };
  await stage.append('hi');
  assert.equal(stage.published.length, 1);
});

test('messages of one round of input form one batch, and those that come during it the next one', async () => {
  const stage = await Stage.open();
  const first = [stage.append('1', { atMs: 5 }), stage.append('2', { atMs: 3 }), stage.append('3', { atMs: 9 })];
  const later: Promise<Receipt>[] = [];
  stage.db.onAppend = async (run) => {
    stage.db.onAppend = (next) => next();
    for (const content of ['4', '5']) {
      later.push(stage.append(content));
      await turn();
    }
    return await run();
  };
  await Promise.all(first);
  await Promise.all(later);
  assert.deepEqual(stage.db.batches, [3, 2]);
  assert.deepEqual(
    stage.published.map(({ firstSeq, contents }) => [firstSeq, contents]),
    [
      [1, ['1', '2', '3']],
      [4, ['4', '5']],
    ],
  );
  assert.equal(stage.published[0]?.atMs, 3, 'the receipt of the oldest one');
});

test('places are in the order of submission, through many batches', async () => {
  const stage = await Stage.open();
  const contents = Array.from({ length: MAX_BATCH * 2 + 7 }, (_, index) => String(index + 1));
  const receipts = await Promise.all(contents.map((content) => stage.append(content)));
  assert.deepEqual(
    receipts.map(({ seq }) => seq),
    contents.map(Number),
  );
  assert.deepEqual(stage.contents, contents);
  assert.deepEqual(stage.db.batches, [MAX_BATCH, MAX_BATCH, 7]);
});

test('channels do not wait for each other', async () => {
  const stage = await Stage.open();
  const other = await Stage.open();
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  stage.db.onAppend = async (run) => {
    stage.db.onAppend = (next) => next();
    await gate;
    return await run();
  };
  const slow = stage.append('slow');
  await turn();
  assert.equal((await stage.append('quick', { channelId: other.channelId })).seq, 1);
  release();
  assert.equal((await slow).seq, 1);
});

test('a repeated id is answered with the first message and published once', async () => {
  const stage = await Stage.open();
  const messageId = randomUUID();
  const first = await stage.append('hi', { messageId });
  await stage.append('between');
  const again = await stage.append('changed', { messageId, deliveredSeq: 2 });
  assert.equal(again.seq, first.seq);
  assert.deepEqual(again.createdAt, first.createdAt);
  assert.equal(again.earlier?.content, 'hi');
  assert.deepEqual(stage.contents, ['hi', 'between']);
  assert.deepEqual(await stage.stored(), ['hi', 'between']);
});

test('an id twice in one round of input is stored once and leaves no gap', async () => {
  const stage = await Stage.open();
  const messageId = randomUUID();
  const receipts = await Promise.all([
    stage.append('a'),
    stage.append('b', { messageId }),
    stage.append('b', { messageId }),
    stage.append('c'),
    stage.append('b', { messageId }),
  ]);
  assert.deepEqual(
    receipts.map(({ seq }) => seq),
    [1, 2, 2, 3, 2],
  );
  assert.deepEqual(
    receipts.map(({ earlier }) => earlier !== null),
    [false, false, true, false, true],
  );
  assert.deepEqual(stage.contents, ['a', 'b', 'c']);
  assert.deepEqual(await stage.stored(), ['a', 'b', 'c']);
});

test('one repeated id costs the others of its batch neither their place nor their order', async () => {
  const stage = await Stage.open();
  const messageId = randomUUID();
  await stage.append('old', { messageId });
  const receipts = await Promise.all([stage.append('x'), stage.append('old', { messageId }), stage.append('y')]);
  assert.deepEqual(
    receipts.map(({ seq }) => seq),
    [2, 1, 3],
  );
  assert.deepEqual(await stage.stored(), ['old', 'x', 'y']);
  assert.deepEqual(stage.contents, ['old', 'x', 'y']);
});

test('the id of another user is an error for the second one, and the first message stays as it was', async () => {
  const stage = await Stage.open();
  const messageId = randomUUID();
  await stage.append('mine', { messageId });
  await assert.rejects(stage.append('stolen', { messageId, userId: BOB }), isRefusal('CONFLICT'));
  const [won, lost] = await Promise.allSettled([
    stage.append('other', { messageId: ADA }),
    stage.append('other', { messageId: ADA, userId: BOB }),
  ]);
  assert.equal(won.status, 'fulfilled');
  assert.ok(lost.status === 'rejected' && isRefusal('CONFLICT')(lost.reason));
  assert.deepEqual(await stage.stored(), ['mine', 'other']);
  assert.deepEqual(stage.contents, ['mine', 'other']);
});

test('an id of the same user in another channel is an error', async () => {
  const [stage, other] = [await Stage.open(), await Stage.open()];
  const messageId = randomUUID();
  await stage.append('here', { messageId });
  await assert.rejects(stage.append('there', { messageId, channelId: other.channelId }), isRefusal('CONFLICT'));
  assert.deepEqual(await stage.stored(other.channelId), []);
});

test('a batch of nothing but repeated ids uses up no place and publishes nothing', async () => {
  const stage = await Stage.open();
  const ids = [randomUUID(), randomUUID()];
  await Promise.all(ids.map((messageId) => stage.append('hi', { messageId })));
  stage.published.length = 0;
  const receipts = await Promise.all(ids.map((messageId) => stage.append('hi', { messageId, deliveredSeq: 2 })));
  assert.deepEqual(
    receipts.map(({ seq }) => seq),
    [1, 2],
  );
  assert.deepEqual(stage.published, []);
  await stage.append('new');
  assert.deepEqual(await stage.stored(), ['hi', 'hi', 'new']);
});

test('a channel that is gone or inactive refuses the message', async () => {
  const stage = await Stage.open();
  await assert.rejects(stage.append('hi', { channelId: randomUUID() }), isRefusal('CHANNEL_NOT_FOUND'));
  await pglite.query('update chat_channels set is_active = false where id = $1', [stage.channelId]);
  await assert.rejects(stage.append('hi'), isRefusal('CHANNEL_NOT_FOUND'));
  assert.deepEqual(stage.published, []);
  assert.deepEqual(await stage.stored(), []);
});

test('with storage away a message is refused at once, nothing is published, and the next one may pass', async () => {
  const stage = await Stage.open();
  stage.db.onAppend = () => Promise.reject(away('not-applied'));
  const messageId = randomUUID();
  const refused = await Promise.allSettled([stage.append('a', { messageId }), stage.append('b')]);
  for (const each of refused) assert.ok(each.status === 'rejected' && isRefusal('UNAVAILABLE')(each.reason));
  assert.equal(stage.db.batches.length, 1, 'not tried again');
  assert.deepEqual(stage.published, []);
  stage.db.onAppend = (run) => run();
  assert.equal((await stage.append('a', { messageId })).seq, 1);
  assert.deepEqual(stage.contents, ['a']);
});

/** Lets the journal try again as often as it wants: its pauses pass at once, its clock as the test says. */
async function passPauses(t: { mock: { timers: { tick(ms: number): void } } }, done: Promise<unknown>): Promise<void> {
  let settled = false;
  const end = () => {
    settled = true;
  };
  done.then(end, end);
  while (!settled) {
    await turn();
    t.mock.timers.tick(250);
  }
}

test('a batch whose answer was lost and that was committed is acknowledged and published once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stage = await Stage.open();
  await stage.append('before');
  stage.db.onAppend = async (run) => {
    stage.db.onAppend = (next) => next();
    await run();
    throw away('unknown');
  };
  const receipts = Promise.all(['a', 'b', 'c'].map((content) => stage.append(content, { deliveredSeq: 1 })));
  await passPauses(t, receipts);
  assert.deepEqual(
    (await receipts).map(({ seq, earlier }) => [seq, earlier]),
    [
      [2, null],
      [3, null],
      [4, null],
    ],
  );
  assert.deepEqual(stage.contents, ['before', 'a', 'b', 'c']);
  assert.deepEqual(
    stage.published.map(({ firstSeq }) => firstSeq),
    [1, 2, 3, 4],
  );
  assert.deepEqual(await stage.stored(), ['before', 'a', 'b', 'c']);
});

test('a batch whose answer was lost and that was not committed is stored by the next try', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stage = await Stage.open();
  let tries = 0;
  stage.db.onAppend = (run) => (++tries < 4 ? Promise.reject(away(tries === 1 ? 'unknown' : 'not-applied')) : run());
  const receipts = Promise.all(['a', 'b'].map((content) => stage.append(content)));
  await passPauses(t, receipts);
  assert.deepEqual(
    (await receipts).map(({ seq }) => seq),
    [1, 2],
  );
  assert.deepEqual(stage.contents, ['a', 'b']);
  assert.deepEqual(await stage.stored(), ['a', 'b']);
});

test('a repeated id in a batch whose answer was lost is still answered as the earlier message', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stage = await Stage.open();
  const messageId = randomUUID();
  await stage.append('old', { messageId });
  let tries = 0;
  stage.db.onAppend = async (run) => {
    tries++;
    const rows = await run();
    if (tries === 2) throw away('unknown');
    return rows;
  };
  const appends = Promise.all([
    stage.append('old', { messageId, deliveredSeq: 1 }),
    stage.append('new', { deliveredSeq: 1 }),
  ]);
  await passPauses(t, appends);
  const [old, fresh] = await appends;
  assert.equal(old.earlier?.content, 'old');
  assert.deepEqual([fresh.seq, fresh.earlier], [2, null]);
  assert.deepEqual(stage.contents, ['old', 'new']);
});

test('an outcome that stays unknown is told as storage away, and the retry is heard by everyone', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 1000;
  t.mock.method(performance, 'now', () => (now += 1000));
  const stage = await Stage.open();
  const messageId = randomUUID();
  let tries = 0;
  stage.db.onAppend = async (run) => {
    if (++tries === 1) await run();
    stage.db.isAway = true;
    throw away('unknown');
  };
  const append = stage.append('hi', { messageId });
  await passPauses(t, append);
  await assert.rejects(append, isRefusal('UNAVAILABLE'));
  assert.deepEqual(stage.published, []);
  stage.db.isAway = false;

  // It was committed all the same: the retry finds it, and nobody has seen it yet.
  stage.db.onAppend = (run) => run();
  assert.equal((await stage.append('hi', { messageId })).seq, 1);
  assert.deepEqual(await stage.stored(), ['hi']);
  assert.deepEqual(stage.contents, ['hi']);
});

test('a statement that ran into another one is tried again at once', async () => {
  const stage = await Stage.open();
  let tries = 0;
  stage.db.onAppend = (run) => {
    if (++tries > 2) return run();
    const code = tries === 1 ? '40P01' : '40001';
    return Promise.reject(Object.assign(new Error('ran into another'), { code, severity: 'ERROR' }));
  };
  assert.equal((await stage.append('hi')).seq, 1);
  assert.deepEqual(stage.contents, ['hi']);
});

test('a message that the database does not take costs the others of its batch nothing', async () => {
  const stage = await Stage.open();
  const stranger = randomUUID();
  const results = await Promise.allSettled([
    stage.append('a'),
    stage.append('of one whose row is gone', { userId: stranger }),
    stage.append('b'),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(await stage.stored(), ['a', 'b']);
});

for (const [what, count, content] of [
  ['20,000 waiting messages', MAX_WAITING, 'x'],
  ['32 Mi characters of waiting messages', 32, 'x'.repeat(1024 * 1024)],
] as const) {
  test(`past ${what} further ones are refused at once, and there is room again afterwards`, async () => {
    const stage = await Stage.open();
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    stage.db.onAppend = async () => {
      await gate;
      throw away('not-applied');
    };
    const waiting = Array.from({ length: count }, () => stage.append(content).catch(isRefusal('UNAVAILABLE')));
    await assert.rejects(stage.append('too many'), isRefusal('UNAVAILABLE'));
    release();
    assert.ok((await Promise.all(waiting)).every((refused) => refused === true));
    stage.db.onAppend = (run) => run();
    assert.equal((await stage.append('hi')).seq, 1);
  });
}

test('closing waits for what was taken and takes no more', async () => {
  const stage = await Stage.open();
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  stage.db.onAppend = async (run) => {
    await gate;
    return await run();
  };
  const append = stage.append('hi');
  let closed = false;
  const closing = stage.journal.close().then(() => {
    closed = true;
  });
  await assert.rejects(stage.append('late'), isRefusal('UNAVAILABLE'));
  await turn();
  assert.equal(closed, false);
  release();
  assert.equal((await append).seq, 1);
  await closing;
  assert.deepEqual(stage.contents, ['hi']);
});

test('closing an idle journal, or one that is closed, settles at once', async () => {
  const stage = await Stage.open();
  await stage.journal.close();
  await stage.journal.close();
});

test('closing twice while something is under way settles both', async () => {
  const stage = await Stage.open();
  const append = stage.append('hi');
  let settled = 0;
  for (let time = 0; time < 2; time++) void stage.journal.close().then(() => settled++);
  await append;
  await turn();
  await turn();
  assert.equal(settled, 2);
});

/** Bans a user as a moderator elsewhere would: the channel has another version then. */
async function ban(channelId: string, userId: string): Promise<void> {
  await pglite.query('update chat_channels set access_version = access_version + 1 where id = $1', [channelId]);
  await pglite.query('insert into chat_bans (id, channel_id, user_id) values ($1, $2, $3)', [
    randomUUID(),
    channelId,
    userId,
  ]);
}

test('one who was banned since his right was looked at is refused, and the others of the batch are not', async () => {
  const stage = await Stage.open();
  await Promise.all([stage.append('1'), stage.append('2', { userId: BOB })]);
  await ban(stage.channelId, BOB);
  const results = await Promise.allSettled([
    stage.append('3'),
    stage.append('never', { userId: BOB }),
    stage.append('4'),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  await assert.rejects(stage.append('never', { userId: BOB }), isRefusal('FORBIDDEN'));
  assert.deepEqual(await stage.stored(), ['1', '2', '3', '4']);
  assert.deepEqual(stage.contents, ['1', '2', '3', '4']);
});

test('a ban that commits between the look and the insert is obeyed', async () => {
  const stage = await Stage.open();
  await stage.append('1', { userId: BOB });
  let tries = 0;
  stage.db.onAppend = async (run) => {
    if (++tries === 1) await ban(stage.channelId, BOB);
    return await run();
  };
  const results = await Promise.allSettled([stage.append('never', { userId: BOB }), stage.append('2')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.equal(tries, 2);
  assert.deepEqual(await stage.stored(), ['1', '2']);
});

test('a version that has changed without taking a right away costs one more try', async () => {
  const stage = await Stage.open();
  await stage.append('1');
  await pglite.query('update chat_channels set access_version = access_version + 1 where id = $1', [stage.channelId]);
  await stage.append('2');
  await stage.append('3');
  assert.equal(stage.db.batches.length, 4);
  assert.deepEqual(await stage.stored(), ['1', '2', '3']);
});

// Its author was told nothing yet; the message has its place, and he must not hear that he may not write it.
test('a message whose outcome was unknown is found, though its author was banned in the meantime', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stage = await Stage.open();
  stage.db.onAppend = async (run) => {
    await run();
    await ban(stage.channelId, BOB);
    throw away('unknown');
  };
  const append = stage.append('in time', { userId: BOB });
  await passPauses(t, append);
  assert.equal((await append).seq, 1);
  assert.deepEqual(stage.contents, ['in time']);
});

test('in a channel that is not active nobody may write', async () => {
  const stage = await Stage.open();
  await pglite.query('update chat_channels set is_active = false where id = $1', [stage.channelId]);
  await assert.rejects(stage.append('never'), isRefusal('CHANNEL_NOT_FOUND'));
  assert.deepEqual(await stage.stored(), []);
});

/** A journal that may run one statement at a time, with more channels, and something under way that holds it up. */
async function openBusy(channels: number) {
  const stage = await Stage.open(1);
  const channelIds: string[] = Array.from({ length: channels }, () => randomUUID());
  for (const id of channelIds) await createChannel(pglite, id, ADA, { name: 'one of many' });
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  const begin = () => {
    stage.db.onAppend = async (run) => {
      stage.db.onAppend = (next) => next();
      await gate;
      return await run();
    };
    const first = stage.append('first');
    return turn().then(() => first);
  };
  return { stage, channelIds, begin, release };
}

test('what gathers in many channels while the journal is busy is stored by one statement', async () => {
  const { stage, channelIds, begin, release } = await openBusy(30);
  const first = begin();
  await turn();
  const others = channelIds.flatMap((channelId) =>
    ['a', 'b'].map((content) => stage.append(content, { channelId }).then(({ seq }) => `${content}${seq}`)),
  );
  release();
  assert.equal((await first).seq, 1);
  assert.deepEqual(
    await Promise.all(others),
    channelIds.flatMap(() => ['a1', 'b2']),
  );
  assert.deepEqual(stage.db.batches, [1, 60]);
  for (const channelId of channelIds) assert.deepEqual(await stage.stored(channelId), ['a', 'b']);
  assert.equal(stage.published.length, 31);
});

test('more than 100 channels, or 500 messages, take a further statement, the longest waiting first', async () => {
  const { stage, channelIds, begin, release } = await openBusy(130);
  const first = begin();
  await turn();
  const others = channelIds.map((channelId, index) =>
    Promise.all(Array.from({ length: index === 0 ? 450 : 1 }, (_, n) => stage.append(String(n), { channelId }))),
  );
  release();
  await Promise.all([first, ...others]);
  assert.deepEqual(stage.db.batches, [1, 500, 79]);
});

test('trouble in one channel of a statement costs the others one more statement, and nothing else', async () => {
  const { stage, channelIds, begin, release } = await openBusy(5);
  const [repeating = '', banning = '', gone = '', twinA = '', twinB = ''] = channelIds;
  const messageId = randomUUID();
  const twin = randomUUID();
  await stage.append('told before', { channelId: repeating, messageId });
  // Ada's and Bob's rights are known to the journal; that they have changed is not.
  await stage.append('1', { channelId: banning, userId: BOB });
  await stage.append('1', { channelId: gone });
  await ban(banning, BOB);
  await pglite.query('update chat_channels set is_active = false, access_version = access_version + 1 where id = $1', [
    gone,
  ]);
  const first = begin();
  await turn();
  const results = Promise.allSettled([
    stage.append('told before', { channelId: repeating, messageId }),
    stage.append('new', { channelId: repeating }),
    stage.append('never', { channelId: banning, userId: BOB }),
    stage.append('2', { channelId: banning }),
    stage.append('never', { channelId: gone }),
    stage.append('twin', { channelId: twinA, messageId: twin }),
    stage.append('twin', { channelId: twinB, messageId: twin }),
  ]);
  release();
  await first;
  const settled = (await results).map((each) =>
    each.status === 'fulfilled' ? each.value.seq : (each.reason as HubbubError).code,
  );
  assert.deepEqual(settled.slice(0, 5), [1, 2, 'FORBIDDEN', 2, 'CHANNEL_NOT_FOUND']);
  assert.deepEqual(settled.slice(5).sort(), [1, 'CONFLICT']);
  assert.deepEqual(await stage.stored(repeating), ['told before', 'new']);
  assert.deepEqual(await stage.stored(banning), ['1', '2']);
  assert.deepEqual(stage.contents.sort(), ['1', '1', '2', 'first', 'new', 'told before', 'twin']);
});

test('a statement for many channels whose answer was lost is acknowledged and published once, stored or not', async (t) => {
  for (const isStored of [true, false]) {
    const { stage, channelIds, begin, release } = await openBusy(10);
    const first = begin();
    await turn();
    const others = Promise.all(channelIds.map((channelId) => stage.append('once', { channelId })));
    release();
    await first;
    let lost = 0;
    stage.db.onAppend = async (run) => {
      stage.db.onAppend = (next) => next();
      if (isStored) await run();
      lost++;
      throw away('unknown');
    };
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await passPauses(t, others);
    t.mock.timers.reset();
    assert.equal(lost, 1);
    assert.deepEqual(
      (await others).map(({ seq, earlier }) => [seq, earlier]),
      channelIds.map(() => [1, null]),
    );
    for (const channelId of channelIds) assert.deepEqual(await stage.stored(channelId), ['once']);
    assert.deepEqual(stage.contents.sort(), ['first', ...channelIds.map(() => 'once')].sort());
  }
});

test('with storage away all channels of a statement are told so, and the next one passes', async () => {
  const { stage, channelIds, begin, release } = await openBusy(10);
  const first = begin();
  await turn();
  const others = Promise.allSettled(channelIds.map((channelId) => stage.append('again', { channelId })));
  release();
  await first;
  stage.db.isAway = true;
  for (const each of await others) {
    assert.equal(each.status, 'rejected');
    assert.ok(isRefusal('UNAVAILABLE')(each.reason));
  }
  stage.db.isAway = false;
  for (const channelId of channelIds) assert.equal((await stage.append('again', { channelId })).seq, 1);
});

/** Changes the rules as an admin elsewhere would. */
async function changeRules(channelId: string): Promise<void> {
  await pglite.query(
    `update chat_channels set policy_version = policy_version + 1, access_version = access_version + 1 where id = $1`,
    [channelId],
  );
}

test('a message that was held against older rules is given back, and one held against newer ones is not', async () => {
  const stage = await Stage.open();
  await stage.append('before', { policyVersion: 0 });
  await changeRules(stage.channelId);
  // What is remembered of the channel is older than the rules that this one was held against.
  assert.equal((await stage.append('newer', { policyVersion: 1 })).seq, 2);
  await assert.rejects(stage.append('older', { policyVersion: 0 }), StalePolicy);
  assert.equal((await stage.append('of staff', { policyVersion: null })).seq, 3);
  assert.deepEqual(await stage.stored(), ['before', 'newer', 'of staff']);
});

test('a change of the rules that commits between the look and the insert is obeyed', async () => {
  const stage = await Stage.open();
  await stage.append('before', { policyVersion: 0 });
  let tries = 0;
  stage.db.onAppend = async (run) => {
    if (++tries === 1) await changeRules(stage.channelId);
    return await run();
  };
  const results = await Promise.allSettled([
    stage.append('stale', { policyVersion: 0 }),
    stage.append('of staff', { policyVersion: null }),
  ]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value.seq : result.reason instanceof StalePolicy)),
    [true, 2],
  );
});

test('the id of a message that waits for review is given back as that, and costs the others nothing', async () => {
  const stage = await Stage.open();
  const messageId = randomUUID();
  const held = { id: messageId, channelId: stage.channelId, userId: ADA, content: 'held', rule: 'words' } as const;
  assert.notEqual(await insertHeld(pglite, held), null);
  assert.equal(await insertHeld(pglite, held), null, 'the id is taken');
  const results = await Promise.allSettled([stage.append('again', { messageId }), stage.append('other')]);
  const [again, other] = results;
  assert.ok(again?.status === 'rejected' && again.reason instanceof HeldAlready);
  assert.deepEqual([again.reason.row.content, again.reason.row.held_by, again.reason.row.seq], ['held', 'words', null]);
  assert.ok(other?.status === 'fulfilled' && other.value.seq === 1);
  await assert.rejects(stage.append('of another', { messageId, userId: BOB }), isRefusal('CONFLICT'));
  assert.deepEqual(await stage.stored(), ['other']);
});
