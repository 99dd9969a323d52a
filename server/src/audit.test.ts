import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { readTrail, verifyTrails } from './audit.js';
import { createChannel } from './store/channels.js';
import { PgliteDb } from './store/db-pglite.js';
import { migrate } from './store/migrate.js';
import { insertLogEntry, wholeTrail } from './store/moderation-log.js';
import { upsertUser } from './store/users.js';

const ADA = '11111111-0000-4000-8000-000000000000';
const BOB = '22222222-0000-4000-8000-000000000000';
const ROWS = 4;
let db: PgliteDb;

before(async () => {
  db = await PgliteDb.open('memory://');
  await migrate(db);
  for (const id of [ADA, BOB]) {
    await upsertUser(db, { id, username: id.slice(0, 3), displayName: null, avatarUrl: null, role: 'user' });
  }
});
after(() => db.close());

async function write(channelId: string | null, reason: string): Promise<void> {
  await db.transaction((tx) =>
    insertLogEntry(tx, {
      channelId,
      moderatorId: ADA,
      targetUserId: BOB,
      action: 'ban',
      reason,
      details: { zebra: [1, { b: 2, a: 'ü "quoted"' }], alpha: null, 10: 'x', 9: 'y' },
      at: new Date(),
    }),
  );
}

/** A channel with a trail of four rows. */
async function trail(): Promise<{ channelId: string; ids: number[] }> {
  const channelId = randomUUID();
  await createChannel(db, channelId, ADA, { name: 'general' });
  for (let number = 1; number <= ROWS; number++) await write(channelId, `reason ${number}`);
  const rows = await db.query<{ id: number }>('select id from chat_moderation_log where channel_id = $1 order by id', [
    channelId,
  ]);
  return { channelId, ids: rows.map(({ id }) => id) };
}

async function verify(channelId: string | null) {
  for await (const report of verifyTrails(db)) if (report.channelId === channelId) return report;
  return null;
}

test('a trail that nobody touched holds; the one of the site is a chain of its own', async () => {
  const { channelId } = await trail();
  await write(null, 'on the whole site');
  assert.deepEqual(await verify(channelId), { channelId, rows: ROWS, brokenAt: null });
  assert.deepEqual(await verify(null), { channelId: null, rows: 1, brokenAt: null });
});

for (const [what, change] of [
  ['reason', "reason = 'another one'"],
  ['time', "created_at = created_at + interval '1 ms'"],
  ['action', "action = 'unban'"],
  ['moderator', `moderator_id = '${BOB}'`],
  ['target', 'target_user_id = null'],
  ['details', `details = details || '{"alpha": 1}'`],
  ['hash', "hash = decode(repeat('00', 32), 'hex')"],
] as const) {
  test(`a row whose ${what} was changed shows`, async () => {
    const { channelId, ids } = await trail();
    await db.query(`update chat_moderation_log set ${change} where id = $1`, [ids[1]]);
    assert.deepEqual(await verify(channelId), { channelId, rows: ROWS, brokenAt: ids[1] });
  });
}

for (const index of [0, 1]) {
  test(`a missing row shows at the one after it (row ${index + 1})`, async () => {
    const { channelId, ids } = await trail();
    await db.query('delete from chat_moderation_log where id = $1', [ids[index]]);
    assert.deepEqual(await verify(channelId), { channelId, rows: ROWS - 1, brokenAt: ids[index + 1] });
  });
}

test('an inserted row shows', async () => {
  const { channelId, ids } = await trail();
  const [inserted] = await db.query<{ id: number }>(
    `insert into chat_moderation_log (channel_id, moderator_id, target_user_id, action, details, hash)
     select channel_id, moderator_id, target_user_id, 'unban', '{}', hash from chat_moderation_log where id = $1
     returning id`,
    [ids[3]],
  );
  assert.deepEqual(await verify(channelId), { channelId, rows: ROWS + 1, brokenAt: inserted?.id });
});

test('a trail longer than one read passes through whole and in order', async () => {
  const channelId = randomUUID();
  await createChannel(db, channelId, ADA, { name: 'general' });
  await db.query(
    `insert into chat_moderation_log (channel_id, moderator_id, action, details)
     select $1, $2, 'ban', '{}' from generate_series(1, 1001)`,
    [channelId, ADA],
  );
  const ids: number[] = [];
  for await (const row of readTrail(db, wholeTrail(channelId))) ids.push(row.id);
  assert.equal(ids.length, 1001);
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
});
