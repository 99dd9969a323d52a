import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { PgliteDb } from './db-pglite.js';
import { readEpoch, renewEpoch, renewEpochIfBehind, settleEpoch } from './epoch.js';
import { migrate } from './migrate.js';

let db: PgliteDb;
before(async () => {
  db = await PgliteDb.open('memory://');
  await migrate(db);
});
after(() => db.close());

async function channelAt(seq: number): Promise<string> {
  const [userId, channelId] = [randomUUID(), randomUUID()];
  await db.query('insert into users (id, username) values ($1, $2)', [userId, 'ada']);
  await db.query('insert into chat_channels (id, name, creator_id, last_seq) values ($1, $2, $3, $4)', [
    channelId,
    'c',
    userId,
    seq,
  ]);
  return channelId;
}

test('the epoch stays until it is renewed', async () => {
  assert.equal(await settleEpoch(db), false, 'the first look is no restore');
  const epoch = await readEpoch(db);
  assert.equal(await settleEpoch(db), false);
  assert.equal(await readEpoch(db), epoch);
  const renewed = await renewEpoch(db);
  assert.notEqual(renewed, epoch);
  assert.equal(await readEpoch(db), renewed);
});

test('an epoch that was begun after a restore is the one that stays', async () => {
  await db.query(`update site_state set epoch_home = 'another database'`);
  const renewed = await renewEpoch(db);
  assert.equal(await settleEpoch(db), false);
  assert.equal(await readEpoch(db), renewed);
});

// As a dump is restored: the rows are those of before, the table is another one.
test('a database that was made from a dump begins another epoch, once', async () => {
  await settleEpoch(db);
  const epoch = await readEpoch(db);
  await db.exec(`create table restored (like site_state including all); insert into restored select * from site_state;
    drop table site_state; alter table restored rename to site_state`);
  assert.deepEqual(await Promise.all([settleEpoch(db), settleEpoch(db)]), [true, false]);
  assert.notEqual(await readEpoch(db), epoch);
  assert.equal(await settleEpoch(db), false);
});

test('a channel behind what was delivered begins another epoch, and one that is not does not', async () => {
  const channelId = await channelAt(5);
  const epoch = await readEpoch(db);
  assert.equal(await renewEpochIfBehind(db, epoch, channelId, 5), false);
  assert.equal(await renewEpochIfBehind(db, randomUUID(), channelId, 6), false, 'another instance was first');
  assert.equal(await readEpoch(db), epoch);
  assert.equal(await renewEpochIfBehind(db, epoch, channelId, 6), true);
  const second = await readEpoch(db);
  assert.notEqual(second, epoch);
  assert.equal(await renewEpochIfBehind(db, second, randomUUID(), 1), true, 'a channel that is gone');
});
