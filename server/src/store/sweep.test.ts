import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createChannel } from './channels.js';
import { PgliteDb } from './db-pglite.js';
import { migrate } from './migrate.js';
import { insertRestriction } from './restrictions.js';
import { readSiteRestrictions, revokeToken, suspendUser } from './site.js';
import { sweepLapsed } from './sweep.js';
import { upsertUser } from './users.js';

let db: PgliteDb;
before(async () => {
  db = await PgliteDb.open('memory://');
  await migrate(db);
});
after(() => db.close());

test('what has ended by itself is swept, what is in force or without an end stays', async () => {
  const [owner, channelId] = [randomUUID(), randomUUID()];
  const user = (id: string) => ({ id, username: 'ada', displayName: null, avatarUrl: null, role: 'user' as const });
  await upsertUser(db, user(owner));
  await createChannel(db, channelId, owner, { name: 'general' });
  const at = new Date();
  const ends = { past: new Date(at.getTime() - 60_000), future: new Date(at.getTime() + 60_000), never: null };
  for (const [name, expiresAt] of Object.entries(ends)) {
    const userId = randomUUID();
    await upsertUser(db, user(userId));
    for (const kind of ['ban', 'timeout', 'mute'] as const) {
      await insertRestriction(db, { channelId, userId, kind, reason: name, moderatorId: owner, at, expiresAt });
    }
    await suspendUser(db, userId, at, expiresAt, name);
    const token = { jti: name, userId, revokedBy: owner, expiresAt: expiresAt ?? new Date('2100-01-01') };
    await revokeToken(db, token);
  }
  // That of the past was swept with the revocation that came after it.
  assert.equal(await sweepLapsed(db), 2 + 1 + 1);
  assert.equal(await sweepLapsed(db), 0);
  const open = await db.query<{ reason: string }>(
    `select reason from chat_bans where lifted_at is null union all
     select reason from chat_mutes where lifted_at is null order by reason`,
  );
  assert.deepEqual(
    open.map(({ reason }) => reason),
    ['future', 'future', 'future', 'never', 'never', 'never'],
  );
  const { suspended, revoked } = await readSiteRestrictions(db);
  assert.deepEqual([suspended.size, [...revoked].sort()], [2, ['future', 'never']]);
  const lapsed = await db.query<{ expires_at: Date; lifted_at: Date }>(
    'select expires_at, lifted_at from chat_bans where lifted_at is not null',
  );
  assert.equal(lapsed.length, 2);
  for (const row of lapsed) assert.deepEqual(row.lifted_at, row.expires_at);
});
