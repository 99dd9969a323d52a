/** The SDK's calls for moderators, against a server: each reaches its route, and its answer has the shape that its type says. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, connect, type HubbubClientError, Moderation } from '@hubbub/client';
import type { Channel } from '@hubbub/protocol/rest.js';
import { type Pair, startPair } from '../support/pair.js';
import { until } from '../support/wait.js';

let pair: Pair;
let ada: Client;
let bob: Client;
let general: Channel;
let moderation: Moderation;
const clients: Client[] = [];

function open(username: string): Client {
  const client = connect({ url: pair.at(0).url, getToken: () => pair.token(username) });
  clients.push(client);
  return client;
}

before(async () => {
  pair = await startPair('embedded');
  ada = open('ada');
  bob = open('bob');
  general = await ada.rest.createChannel({ name: 'general' });
  moderation = new Moderation(ada);
});

after(async () => {
  for (const client of clients) client.close();
  await pair.stop();
});

const refused = (code: string) => (error: HubbubClientError) => error.code === code;

test('a report is made, listed, decided on once', async () => {
  const { id } = await bob.rest.postMessage(general.id, { content: 'Buy now' });
  const report = await new Moderation(open('cleo')).reportMessage(id, 'Spam');
  assert.equal(report.message_id, id);
  const { reports, total } = await moderation.listReports(general.id, { status: 'open', limit: 10 });
  assert.deepEqual([reports[0]?.id, reports[0]?.content, total], [report.id, 'Buy now', 1]);
  await moderation.resolveReport(general.id, report.id, { action: 'delete_message', note: 'Spam it is' });
  await assert.rejects(moderation.resolveReport(general.id, report.id, { action: 'dismiss' }), refused('CONFLICT'));
  assert.equal((await moderation.listReports(general.id, { status: 'resolved' })).total, 1);
  const { messages } = await ada.rest.listMessages(general.id);
  assert.equal(messages.find((message) => message.id === id)?.is_deleted, true);
});

test('under the shield messages wait for review, and their author is told what was decided', async () => {
  const profile = { hold_all: true, posting: 'everyone', slow_mode_seconds: 0, minimum_membership_minutes: 0 } as const;
  const shield = await moderation.setShield(general.id, { on: true, profile });
  assert.equal(shield.on, true);
  const channel = bob.channel(general.id);
  const decisions: string[] = [];
  const held: string[] = [];
  channel.on('message_held', ({ message_id }) => held.push(message_id));
  channel.on('message_reviewed', ({ decision }) => decisions.push(decision));
  await channel.join();
  // What becomes of them is told by the events; the promises are of no interest here.
  for (const content of ['One', 'Two']) channel.send(content).catch(() => {});
  await until(() => held.length === 2);
  const list = await moderation.listHeld(general.id);
  assert.deepEqual(
    list.held.map(({ content }) => content),
    ['One', 'Two'],
  );
  const [one, two] = list.held.map(({ id }) => id);
  assert.ok(one !== undefined && two !== undefined);
  assert.equal((await moderation.review(general.id, one, { decision: 'approve' })).status, 'approved');
  assert.equal((await moderation.review(general.id, two, { decision: 'reject', reason: 'No' })).status, 'rejected');
  await assert.rejects(moderation.review(general.id, two, { decision: 'approve' }), refused('CONFLICT'));
  await until(() => decisions.length === 2);
  assert.deepEqual(decisions, ['approve', 'reject']);
  await until(() => channel.timeline.get().messages.some(({ content }) => content === 'One'));
  assert.equal((await moderation.setShield(general.id, { on: false })).on, false);
});

test('the log is read by whom, by what and by when, and as a file', async () => {
  const since = new Date().toISOString();
  const { user_id: userId } = (await bob.rest.listMessages(general.id)).messages[0] ?? {};
  assert.ok(userId !== undefined);
  await moderation.mute(general.id, { user_id: userId, reason: 'Enough', duration_minutes: 5 });
  const { logs } = await moderation.listLog(general.id, { since, moderator_id: general.creator_id, user_id: userId });
  assert.deepEqual(
    logs.map(({ action, reason }) => [action, reason]),
    [['mute', 'Enough']],
  );
  assert.equal((await moderation.listLog(general.id, { until: since, action: 'mute' })).total, 0);
  const lines = (await (await moderation.exportLog(general.id, { format: 'ndjson', since, action: 'mute' })).text())
    .trim()
    .split('\n');
  assert.equal(lines.length, 1);
  await moderation.unmute(general.id, userId);
});
