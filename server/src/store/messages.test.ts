import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createChannel } from './channels.js';
import { PgliteDb } from './db-pglite.js';
import { appendMessages, appendToChannels } from './messages.js';
import { migrate } from './migrate.js';
import { upsertUser } from './users.js';

const ADA = randomUUID();
/** Often enough that times of every part of a millisecond are among them. */
const ROUNDS = 20;

let db: PgliteDb;
before(async () => {
  db = await PgliteDb.open('memory://');
  await migrate(db);
  await upsertUser(db, { id: ADA, username: 'ada', displayName: null, avatarUrl: null, role: 'user' });
});
after(() => db.close());

async function makeChannel(): Promise<{ id: string; accessVersion: number }> {
  const id = randomUUID();
  await createChannel(db, id, ADA, { name: 'general' });
  const [row] = await db.query<{ version: number }>(
    'select access_version as version from chat_channels where id = $1',
    [id],
  );
  return { id, accessVersion: row?.version ?? 0 };
}

const newMessages = (count: number) =>
  Array.from({ length: count }, () => ({ id: randomUUID(), userId: ADA, content: 'hello' }));

const stored = (channelId: string) =>
  db.query<{ id: string; seq: number; created_at: Date }>(
    'select id, seq, created_at from chat_messages where channel_id = $1 order by seq',
    [channelId],
  );

test('the places and the time that an append tells are those that are stored', async () => {
  const { id, accessVersion } = await makeChannel();
  const expected = [];
  for (let round = 0; round < ROUNDS; round++) {
    const messages = newMessages(3);
    const head = await appendMessages(db, id, messages, accessVersion);
    assert.ok(head !== null);
    for (const [index, message] of messages.entries())
      expected.push({ id: message.id, seq: head.firstSeq + index, created_at: head.at });
  }
  assert.deepEqual(await stored(id), expected);
});

test('those of an append to several channels are as well', async () => {
  const channels = [await makeChannel(), await makeChannel()];
  const expected = new Map<string, unknown[]>(channels.map(({ id }) => [id, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const batches = channels.map(({ id, accessVersion }) => ({
      channelId: id,
      accessVersion,
      messages: newMessages(2),
    }));
    const heads = await appendToChannels(db, batches);
    for (const { channelId, messages } of batches) {
      const head = heads.get(channelId);
      assert.ok(head !== undefined);
      for (const [index, { id }] of messages.entries())
        expected.get(channelId)?.push({ id, seq: head.firstSeq + index, created_at: head.at });
    }
  }
  for (const { id } of channels) assert.deepEqual(await stored(id), expected.get(id));
});

test('nothing is stored under another version of the channel, and no place is used up', async () => {
  const { id, accessVersion } = await makeChannel();
  assert.equal(await appendMessages(db, id, newMessages(1), accessVersion + 1), null);
  const heads = await appendToChannels(db, [
    { channelId: id, accessVersion: accessVersion + 1, messages: newMessages(1) },
  ]);
  assert.equal(heads.size, 0);
  assert.equal((await appendMessages(db, id, newMessages(1), accessVersion))?.firstSeq, 1);
});
