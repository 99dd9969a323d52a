/** What is older than it may be kept goes, while people talk; and whoever asks for it is told plainly. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import { MAX_RESUME_MESSAGES } from '@hubbub/protocol/limits.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import { assertRefused, history, range, Stage, seqs, settled, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { until } from '../support/wait.js';

const DAYS = 7;
const OLD = 600;
const FRESH = 50;
const ROUND = 10;
/** An instance looks every five seconds whether a run is due, and the others hear of a cut as late. */
const WAIT = { timeoutMs: 20_000, intervalMs: 100 };

const stage = new Stage('cluster', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0', MESSAGE_RETENTION_DAYS: String(DAYS) } });
before(() => stage.start());
afterEach(() => stage.closeClients());
after(() => stage.stop());

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

async function heard(client: ChatClient, count: number): Promise<void> {
  await until(() => messages(client).length >= count, { ...WAIT, message: `${count} messages to come` });
}

/** Makes the channel's messages up to a place older than is kept, and a run due. */
async function age(channelId: string, upToSeq: number): Promise<void> {
  const older = `created_at - interval '${DAYS + 1} days'`;
  await stage.sql(`update chat_messages set created_at = ${older} where channel_id = $1 and seq <= $2`, [
    channelId,
    upToSeq,
  ]);
  await stage.sql(`update retention_lease set finished_at = '-infinity'`);
}

async function untilRemoved(channelId: string): Promise<void> {
  await until(
    async () => {
      const [row] = await stage.sql<{ due: boolean }>(
        `select exists (select from chat_messages where channel_id = $1
           and created_at < now() - interval '${DAYS} days') as due`,
        [channelId],
      );
      return row?.due === false;
    },
    { ...WAIT, message: 'what is too old to be removed' },
  );
}

/** Joins after a place. @returns what was told, and the places that came with it */
async function resume(user: User, channel: Channel, at: number, lastSeq?: number) {
  const client = await user.open(`${V1}/channels/${channel.id}/ws`, {
    at,
    ...(lastSeq === undefined ? {} : { lastSeq }),
  });
  const subscribed = await client.next('subscribed');
  await settled(client);
  const came = seqs(messages(client));
  await client.close();
  return { recovered: subscribed.recovered, oldest: subscribed.oldest_seq, came, subscribed };
}

test('old messages go under load: nothing is lost or doubled, and who resumes across the cut is told', async () => {
  const { channel, owner } = await stage.channel();
  const [other] = await stage.users(1);
  assert.ok(other !== undefined);
  const clients = await Promise.all([owner.join(channel.id, { at: 0 }), other.join(channel.id, { at: 1 })]);
  const say = (count: number, what: string) => {
    for (const n of range(1, count)) clients[n % 2]?.send({ type: 'message', content: `${what} ${n}` });
  };
  say(OLD + FRESH, 'early');
  for (const client of clients) await heard(client, OLD + FRESH);
  // Which of two instances was first is not said, and nobody reports himself.
  const first = messages(clients[0]).find(({ user_id }) => user_id === other.id);
  assert.ok(first !== undefined);
  const reportsPath = `${V1}/channels/${channel.id}/reports`;
  await owner.api().post(`${V1}/messages/${first.message_id}/report`, { reason: 'rude' }, { expect: 201 });
  await age(channel.id, OLD);

  // People go on talking until what is old is gone, whenever that begins.
  const removed = untilRemoved(channel.id);
  let sent = OLD + FRESH;
  for (let rounds = 0, gone = false; !gone || rounds < 10; rounds++) {
    say(ROUND, `round ${rounds}`);
    sent += ROUND;
    for (const client of clients) await heard(client, sent);
    gone = await Promise.race([
      removed.then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 100, false)),
    ]);
  }
  for (const client of clients) assert.deepEqual(seqs(messages(client)), range(1, sent));
  assert.deepEqual(
    messages(clients[0]).map(({ message_id }) => message_id),
    messages(clients[1]).map(({ message_id }) => message_id),
  );

  for (const at of [0, 1]) {
    await until(async () => !(await resume(owner, channel, at, 0)).recovered, {
      ...WAIT,
      message: `instance ${at} to know of the cut`,
    });
    for (const lastSeq of [0, OLD / 2, OLD - 1]) {
      const { recovered, oldest, came } = await resume(owner, channel, at, lastSeq);
      assert.deepEqual([recovered, oldest, came], [false, sent - 49, range(sent - 49, sent)], `after ${lastSeq}`);
    }
    // Everything after the cut is there, as far as a resume goes.
    const from = Math.max(OLD, sent - MAX_RESUME_MESSAGES);
    const whole = await resume(owner, channel, at, from);
    assert.deepEqual([whole.recovered, whole.came], [true, range(from + 1, sent)]);
  }

  const pages: number[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = await history(owner, channel.id, cursor === '' ? 'limit=100' : `limit=100&cursor=${cursor}`);
    pages.unshift(...seqs(page.messages));
    cursor = page.cursor;
  }
  assert.deepEqual(pages, range(OLD + 1, sent));
  const path = `${V1}/messages/${first.message_id}`;
  assertRefused(await owner.api().delete(path), 404, 'MESSAGE_NOT_FOUND');
  assertRefused(await other.api().post(`${path}/report`, { reason: 'late' }), 404, 'MESSAGE_NOT_FOUND');

  // What was said of it waits for its decision all the same.
  const { body } = await owner.api().get<{ reports: { id: string }[] }>(reportsPath);
  const [report] = body.reports;
  assert.partialDeepStrictEqual(report, { content: first.content, message_seq: first.seq, message_deleted: true });
  const verdict = { action: 'delete_message', note: 'it was' };
  await owner.api().post(`${reportsPath}/${report?.id}`, verdict, { expect: 200 });
  assertRefused(await owner.api().post(`${reportsPath}/${randomUUID()}`, verdict), 404, 'REPORT_NOT_FOUND');

  // Its id is free again: a retry after all this time is a new message.
  clients[1].send({ type: 'message', content: 'again', message_id: first.message_id });
  await heard(clients[0], sent + 1);
  const again = messages(clients[0]).at(-1);
  assert.deepEqual([again?.message_id, again?.seq], [first.message_id, sent + 1]);
});

test('rows that somebody has removed by hand cost those alone who come from before them', async () => {
  const { channel, owner } = await stage.channel();
  const talker = await owner.join(channel.id, { at: 0 });
  for (const n of range(1, 20)) talker.send({ type: 'message', content: `n ${n}` });
  await heard(talker, 20);
  await talker.close();
  await stage.sql('delete from chat_messages where channel_id = $1 and seq between 8 and 10', [channel.id]);
  for (const at of [0, 1]) {
    const across = await resume(owner, channel, at, 5);
    assert.deepEqual([across.recovered, across.oldest, across.came], [false, 11, range(11, 20)]);
    const past = await resume(owner, channel, at, 10);
    assert.deepEqual([past.recovered, past.came], [true, range(11, 20)]);
    assert.equal((await resume(owner, channel, at)).subscribed.seq, 20);
  }
  // The end of it, while somebody is there.
  const reader = await owner.join(channel.id, { at: 1 });
  await stage.sql('update chat_channels set last_seq = last_seq + 2 where id = $1', [channel.id]);
  const writer = await owner.join(channel.id, { at: 0 });
  writer.send({ type: 'message', content: 'after' });
  const frame = await reader.next((each) => each.type === 'message' && each.content === 'after');
  assert.equal(frame.type === 'message' && frame.seq, 23);
  const metrics = await fetch(`${stage.instance(0).url}/metrics`);
  assert.match(await metrics.text(), /hubbub_sequence_holes_total [1-9]/);
});

test('a channel keeps its messages for a shorter time by the word of its owner, and never for a longer one', async () => {
  const { channel, owner } = await stage.channel();
  const [admin] = await stage.users(1);
  assert.ok(admin !== undefined);
  await stage.addMember(channel.id, admin, 'admin');
  const path = `${V1}/channels/${channel.id}`;
  assert.equal((await owner.api().get<Channel>(path)).body.retention_days, null);
  assertRefused(await admin.api().patch(path, { retention_days: 2 }), 403, 'FORBIDDEN');
  for (const days of [0, DAYS + 1, 1.5, '2']) {
    assertRefused(await owner.api().patch(path, { retention_days: days }), 400, 'INVALID_REQUEST');
  }
  const reader = await owner.join(channel.id);
  const { body } = await owner.api().patch<Channel>(path, { retention_days: 2 }, { expect: 200 });
  assert.equal(body.retention_days, 2);
  assert.equal((await reader.next('channel_updated')).channel.retention_days, 2);
  // What an admin may change says nothing of it and leaves it as it is.
  assert.equal((await admin.api().patch<Channel>(path, { name: 'renamed' }, { expect: 200 })).body.retention_days, 2);
  assert.equal(
    (await owner.api().patch<Channel>(path, { retention_days: null }, { expect: 200 })).body.retention_days,
    null,
  );
});
