import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../log.js';
import { HitLog, type LoggedHit } from './hit-log.js';

const log = createLogger('silent');

/** A trail in memory, with a clock of its own. */
class Stage {
  now = Date.parse('2026-01-01T00:00:00Z');
  fails = false;
  /** Rows as `user rule count`, transaction by transaction. */
  readonly written: string[][] = [];
  readonly hits = new HitLog({
    log,
    now: () => this.now,
    write: (_channelId, entries) => {
      if (this.fails) return Promise.reject(new Error('away'));
      this.written.push(
        entries.map(({ targetUserId, details }) => `${targetUserId ?? 'all'} ${details.rule} ${details.count}`),
      );
      return Promise.resolve();
    },
  });

  add(userId: string, times = 1, more: Partial<LoggedHit> = {}): void {
    const hit = {
      channelId: 'c',
      userId,
      messageId: 'm',
      content: 'x',
      rule: 'words',
      outcome: 'refuse',
      match: null,
    } as const;
    for (let time = 0; time < times; time++) this.hits.add({ ...hit, ...more });
  }

  async after(ms: number): Promise<string[][]> {
    this.now += ms;
    this.written.length = 0;
    await this.hits.flush();
    return [...this.written];
  }
}

test('the first hit is written at once, those of the minute after it as one row', async () => {
  const stage = new Stage();
  stage.add('ada');
  assert.deepEqual(await stage.after(0), [['ada words 1']]);
  stage.add('ada', 500);
  assert.deepEqual(await stage.after(59_000), []);
  assert.deepEqual(await stage.after(1000), [['ada words 500']]);
  assert.deepEqual(await stage.after(60_000), []);
  stage.add('ada', 2);
  assert.deepEqual(await stage.after(0), [['ada words 2']]);
  await stage.hits.close();
});

test('users, rules and outcomes have rows of their own, channels their own transactions', async () => {
  const stage = new Stage();
  stage.add('ada', 2);
  stage.add('bob');
  stage.add('ada', 1, { rule: 'links' });
  stage.add('ada', 1, { outcome: 'hold' });
  stage.add('ada', 1, { channelId: 'd' });
  assert.deepEqual(await stage.after(0), [
    ['ada words 2', 'bob words 1', 'ada links 1', 'ada words 1'],
    ['ada words 1'],
  ]);
  await stage.hits.close();
});

test('a transaction has a hundred rows at most, and the others follow', async () => {
  const stage = new Stage();
  for (let user = 0; user < 250; user++) stage.add(`user${user}`);
  const sizes = [];
  for (let time = 0; time < 4; time++) sizes.push((await stage.after(1000)).map((rows) => rows.length));
  assert.deepEqual(sizes, [[100], [100], [50], []]);
  await stage.hits.close();
});

test('past ten thousand users a channel is counted as one', async () => {
  const stage = new Stage();
  for (let user = 0; user < 10_050; user++) stage.add(`user${user}`);
  stage.add('user3', 2);
  await stage.hits.close();
  const rows = stage.written.flat();
  assert.equal(rows.length, 10_001);
  assert.ok(rows.includes('all words 50'));
  assert.ok(rows.includes('user3 words 3'));
});

test('what could not be written stays, with what has come since', async () => {
  const stage = new Stage();
  stage.add('ada', 3);
  stage.fails = true;
  assert.deepEqual(await stage.after(0), []);
  stage.add('ada', 4);
  stage.fails = false;
  assert.deepEqual(await stage.after(1000), [['ada words 7']]);
  await stage.hits.close();
});

test('closing writes everything that is left, and gives up when nothing can be written', async () => {
  const stage = new Stage();
  stage.add('ada');
  await stage.after(0);
  stage.written.length = 0;
  stage.add('ada', 9);
  await stage.hits.close();
  assert.deepEqual(stage.written, [['ada words 9']]);
  const away = new Stage();
  away.add('ada');
  away.fails = true;
  await away.hits.close();
  assert.deepEqual(away.written, []);
});
