import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LARGE_CHANNEL_ONLINE } from '@hubbub/protocol/limits.js';
import { HubbubError } from './errors.js';
import { createLogger } from './log.js';
import { Presence, type PresenceNews } from './presence.js';
import { MemoryPresenceStore } from './presence-store.js';
import type { PresenceRow } from './store/presence-rows.js';

const CHANNEL = 'channel';
const GRACE_MS = 2000;

class Stage {
  readonly store = new MemoryPresenceStore();
  readonly news: PresenceNews[] = [];
  readonly writes: (readonly PresenceRow[])[] = [];
  readonly presence: Presence;
  writeFails = false;
  readonly #context: TestContext;

  constructor(context: TestContext) {
    this.#context = context;
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_764_000_000_000 });
    this.presence = new Presence(this.store, createLogger('silent'), {
      graceMs: GRACE_MS,
      announce: (_, news) => this.news.push(news),
      write: (rows) => {
        this.writes.push(rows);
        return this.writeFails ? Promise.reject(new Error('away')) : Promise.resolve();
      },
      readRoster: (_, userIds) =>
        Promise.resolve(userIds.map((id) => ({ user_id: id, username: `name of ${id}`, last_seen: null }))),
    });
    context.after(() => this.presence.close());
  }

  join(userId: string, max: number | null = null, channelId = CHANNEL): Promise<number> {
    return this.presence.join(channelId, userId, userId, max);
  }

  leave(userId: string, channelId = CHANNEL): void {
    this.presence.leave(channelId, userId);
  }

  async pass(ms: number): Promise<void> {
    this.#context.mock.timers.tick(ms);
    await turn();
  }

  /** What was told, like `joined ada 1`. */
  get told(): string[] {
    return this.news.map((each) =>
      each.kind === 'count'
        ? `count ${each.online}`
        : `${each.frame.presence_type} ${each.frame.user_id} ${each.online}`,
    );
  }

  async online(): Promise<number> {
    return (await this.store.counts([CHANNEL])).get(CHANNEL) ?? 0;
  }
}

const isFull = (error: unknown) => error instanceof HubbubError && error.code === 'CHANNEL_FULL';

test('two connections of a user are told as one joined, and one left after the last', async (t) => {
  const stage = new Stage(t);
  assert.deepEqual(await Promise.all([stage.join('ada'), stage.join('ada')]), [1, 1]);
  assert.equal(await stage.join('ada'), 1);
  stage.leave('ada');
  stage.leave('ada');
  await stage.pass(GRACE_MS * 2);
  assert.deepEqual(stage.told, ['joined ada 1']);
  stage.leave('ada');
  await stage.pass(GRACE_MS);
  assert.deepEqual(stage.told, ['joined ada 1', 'left ada 0']);
  await stage.pass(GRACE_MS * 10);
  assert.equal(stage.told.length, 2);
  assert.equal(await stage.online(), 0);
});

test('users are told each by himself, with how many are online', async (t) => {
  const stage = new Stage(t);
  assert.equal(await stage.join('ada'), 1);
  assert.equal(await stage.join('bob'), 2);
  stage.leave('ada');
  await stage.pass(GRACE_MS);
  assert.deepEqual(stage.told, ['joined ada 1', 'joined bob 2', 'left ada 1']);
});

test('a presence frame has every field of the contract', async (t) => {
  const stage = new Stage(t);
  await stage.presence.join(CHANNEL, 'ada', 'Ada', null);
  const [news] = stage.news;
  assert.ok(news?.kind === 'frame');
  assert.deepEqual(news.frame, {
    type: 'presence',
    channel_id: CHANNEL,
    user_id: 'ada',
    username: 'Ada',
    presence_type: 'joined',
    timestamp: new Date(1_764_000_000_000).toISOString(),
  });
});

test('one who comes back within the grace was never gone', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.leave('ada');
  await stage.pass(GRACE_MS - 1);
  await stage.join('ada');
  await stage.pass(GRACE_MS * 5);
  assert.deepEqual(stage.told, ['joined ada 1']);
  assert.equal(await stage.online(), 1);
});

test('the grace counts from the last leave, however often one comes and goes', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.leave('ada');
  await stage.pass(1000);
  await stage.join('ada');
  await stage.pass(900);
  stage.leave('ada');
  await stage.pass(100);
  assert.deepEqual(stage.told, ['joined ada 1'], 'he left a tenth of a second ago');
  await stage.join('ada');
  await stage.pass(GRACE_MS * 5);
  assert.deepEqual(stage.told, ['joined ada 1']);
});

test('one who came and went within the grace, left, and came again is known to be there', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.leave('ada');
  await stage.pass(500);
  await stage.join('ada');
  await stage.pass(500);
  stage.leave('ada');
  await stage.pass(GRACE_MS + 100);
  await stage.join('ada');
  await stage.pass(GRACE_MS);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), true);
  stage.leave('ada');
  await stage.pass(GRACE_MS * 5);
  assert.equal(stage.told.at(-1), 'left ada 0');
  assert.equal(await stage.online(), 0, 'no ghost stays');
});

test('one who comes back between two leaves whose grace overlaps stays known', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.leave('ada');
  await stage.pass(1000);
  await stage.join('ada');
  stage.leave('ada');
  // Past the end of the first grace and before that of the second one.
  await stage.pass(1500);
  await stage.join('ada');
  await stage.pass(GRACE_MS);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), true);
  stage.leave('ada');
  await stage.pass(GRACE_MS);
  assert.equal(await stage.online(), 0, 'no ghost stays');
});

test('one who comes back after the grace joins again', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.leave('ada');
  await stage.pass(GRACE_MS);
  await stage.join('ada');
  assert.deepEqual(stage.told, ['joined ada 1', 'left ada 0', 'joined ada 1']);
});

test('of users who come at once no more than the bound get in, and the rest are told that it is full', async (t) => {
  const stage = new Stage(t);
  const joins = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((user) => stage.join(user, 3)));
  assert.equal(joins.filter(({ status }) => status === 'fulfilled').length, 3);
  for (const join of joins) assert.ok(join.status === 'fulfilled' || isFull(join.reason));
  assert.equal(stage.news.length, 3);
  assert.equal(await stage.online(), 3);
});

test('in a full channel another connection of one who is in it passes, and a place that is left is free again', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada', 2);
  await stage.join('bob', 2);
  assert.equal(await stage.join('ada', 2), 2);
  await assert.rejects(stage.join('eve', 2), isFull);
  await assert.rejects(stage.join('eve', 2), isFull);
  stage.leave('bob');
  await stage.pass(GRACE_MS);
  assert.equal(await stage.join('eve', 2), 2);
});

test('one who was refused has left nothing behind', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada', 2);
  await stage.join('bob', 2);
  await assert.rejects(stage.join('eve', 2), isFull);
  stage.leave('eve');
  assert.equal(stage.presence.admitTyping(CHANNEL, 'eve'), false);
  await stage.pass(GRACE_MS * 2);
  assert.deepEqual(stage.told, ['joined ada 1', 'joined bob 2']);
});

test('past 200 users online only the count is told', async (t) => {
  const stage = new Stage(t);
  for (let user = 1; user <= LARGE_CHANNEL_ONLINE + 2; user++) await stage.join(`u${user}`);
  assert.equal(stage.told[LARGE_CHANNEL_ONLINE - 1], `joined u${LARGE_CHANNEL_ONLINE} ${LARGE_CHANNEL_ONLINE}`);
  assert.deepEqual(stage.told.slice(LARGE_CHANNEL_ONLINE), [
    `count ${LARGE_CHANNEL_ONLINE + 1}`,
    `count ${LARGE_CHANNEL_ONLINE + 2}`,
  ]);
  stage.leave('u1');
  await stage.pass(GRACE_MS);
  assert.equal(stage.told.at(-1), `count ${LARGE_CHANNEL_ONLINE + 1}`);
});

test('rows are written once a second in one batch, the newest state of each user', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  await stage.join('bob');
  stage.presence.admitTyping(CHANNEL, 'ada');
  assert.equal(stage.writes.length, 0);
  await stage.pass(1000);
  assert.equal(stage.writes.length, 1);
  assert.deepEqual(
    stage.writes[0]?.map(({ userId, status }) => [userId, status]),
    [
      ['ada', 'typing'],
      ['bob', 'online'],
    ],
  );
  await stage.pass(1000);
  assert.equal(stage.writes.length, 1, 'nothing new, nothing written');
});

test('rows that could not be written are written later, unless there is newer news', async (t) => {
  const stage = new Stage(t);
  stage.writeFails = true;
  await stage.join('ada');
  await stage.join('bob');
  stage.leave('ada');
  await stage.pass(1000);
  stage.writeFails = false;
  await stage.pass(1000);
  await stage.pass(1000);
  const last = new Map(
    stage.writes
      .slice(1)
      .flat()
      .map(({ userId, status }) => [userId, status]),
  );
  assert.deepEqual([...last].sort(), [
    ['ada', 'offline'],
    ['bob', 'online'],
  ]);
});

test('typing is let through once in two seconds over all connections of a user, and only of one who is there', async (t) => {
  const stage = new Stage(t);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), false);
  await stage.join('ada');
  await stage.join('ada');
  await stage.join('bob');
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), true);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), false);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'bob'), true);
  await stage.pass(1999);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), false);
  await stage.pass(1);
  assert.equal(stage.presence.admitTyping(CHANNEL, 'ada'), true);
});

test('the list names who is online, and shows typing for five seconds', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.presence.admitTyping(CHANNEL, 'ada');
  const list = await stage.presence.list(CHANNEL);
  assert.equal(list.count, 1);
  assert.deepEqual(
    list.online.map(({ user_id, username, status }) => [user_id, username, status]),
    [['ada', 'name of ada', 'typing']],
  );
  await stage.pass(5000);
  assert.equal((await stage.presence.list(CHANNEL)).online[0]?.status, 'online');
  assert.deepEqual(await stage.presence.list('other'), { online: [], count: 0 });
});

test('users of an instance that died are told as left and written as offline', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  await stage.presence.lapsed(CHANNEL, ['bob', 'eve']);
  assert.deepEqual(stage.told, ['joined ada 1', 'left bob 1', 'left eve 1']);
  await stage.pass(1000);
  assert.deepEqual(
    stage.writes.flat().map(({ userId, status }) => [userId, status]),
    [
      ['ada', 'online'],
      ['bob', 'offline'],
      ['eve', 'offline'],
    ],
  );
});

test('what another instance told of the number online is what the next connection hears', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  stage.presence.heard(CHANNEL, 17);
  stage.presence.heard('other', 3);
  assert.equal(await stage.join('ada'), 17);
});

test('closing lets everyone leave at once and writes it; closing again does nothing', async (t) => {
  const stage = new Stage(t);
  await stage.join('ada');
  await stage.join('bob');
  stage.leave('bob');
  await stage.presence.close();
  assert.deepEqual(stage.told.slice(2).sort(), ['left ada 1', 'left bob 0']);
  assert.deepEqual(
    stage.writes.flat().map(({ userId, status }) => [userId, status]),
    [
      ['ada', 'offline'],
      ['bob', 'offline'],
    ],
  );
  await stage.presence.close();
  assert.equal(stage.news.length, 4);
});

test('the memory store counts users, not entries, and forgets channels without any', async () => {
  const store = new MemoryPresenceStore();
  assert.deepEqual(await store.enter('c', 'ada', 1), { admitted: true, first: true, online: 1 });
  assert.deepEqual(await store.enter('c', 'ada', 1), { admitted: true, first: false, online: 1 });
  assert.deepEqual(await store.enter('c', 'bob', 1), { admitted: false, first: false, online: 1 });
  assert.deepEqual(await store.enter('c', 'bob', 0), { admitted: true, first: true, online: 2 });
  assert.deepEqual(await store.roster('c', 1), { userIds: ['ada'], count: 2 });
  assert.deepEqual(await store.counts(['c', 'd']), new Map([['c', 2]]));
  assert.deepEqual(await store.exit('c', 'ada'), { last: true, online: 1 });
  assert.deepEqual(await store.exit('c', 'ada'), { last: false, online: 1 });
  assert.deepEqual(await store.exit('c', 'bob'), { last: true, online: 0 });
  assert.deepEqual(await store.exit('d', 'bob'), { last: false, online: 0 });
  assert.deepEqual(await store.counts(['c']), new Map());
  assert.deepEqual([...store.entries()], []);
});
