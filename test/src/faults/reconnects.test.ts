/** Clients that come back: all at once, after long, again and again, elsewhere. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import { range, seqs, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { until } from '../support/wait.js';
import { Member } from '../swarm/member.js';
import { Ground } from './ground.js';

/** More than are looked at at a time: some are told when to come back. */
const CLIENTS = 2000;
const USERS = 40;
const MESSAGES = 400;
/** Where those who come back stand: within what an instance keeps in memory, and far before it. */
const RECENT = MESSAGES - 20;
const OLD = [200, 220, 240, 260];
/** Reads of the messages for all of them. Those who stand at one place share what is under way. */
const MAX_READS = CLIENTS / 20;

/** Ways to be refused end well before this, on a machine that is busy with other things, too. */
const MAX_REFUSALS = 30;

let ground: Ground;
before(async () => {
  ground = await Ground.start();
});
afterEach(() => ground.stage.closeClients());
after(() => ground.stop());

/** Inserts messages of long ago, as a channel of that age would have them. */
async function fill(channelId: string, user: User, count: number): Promise<void> {
  await ground.sql(
    `with head as (update chat_channels set last_seq = last_seq + $3 where id = $1 returning last_seq - $3 as base)
     insert into chat_messages (id, channel_id, user_id, content, seq, created_at, updated_at)
     select gen_random_uuid(), $1, $2, 'number ' || n, base + n, now() - interval '9 days', now() - interval '9 days'
     from head, generate_series(1, $3::integer) n`,
    [channelId, user.id, count],
  );
}

/** How often PostgreSQL has been asked for messages so far. */
async function messageReads(): Promise<number> {
  // A connection reports what it did as it ends, at the latest.
  await ground.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hubbub'`);
  const count = async () => {
    const [row] = await ground.sql<{ reads: string }>(
      `select idx_scan + seq_scan as reads from pg_stat_user_tables where relname = 'chat_messages'`,
    );
    return Number(row?.reads);
  };
  let last = await count();
  return await until(async () => {
    await delay(300);
    const before = last;
    last = await count();
    return before === last && last;
  });
}

/** Connects, coming back when he is refused or sent away. @returns the member, and how often he had to come back */
async function connect(url: string, token: string): Promise<{ member: Member; refused: number }> {
  for (let refused = 0; ; refused++) {
    const member = new Member(url, token, null);
    try {
      await member.open();
      return { member, refused };
    } catch (error) {
      const text = String(error);
      const waitSeconds = Number(/HTTP\/1\.1 503[\s\S]*Retry-After: (\d+)/.exec(text)?.[1] ?? 1);
      if (refused === MAX_REFUSALS || !/HTTP\/1\.1 503|ended with 1011/.test(text)) throw error;
      await delay(waitSeconds * 1000 * (0.5 + Math.random() / 2));
    }
  }
}

/** All of them at once. Each gets exactly what he missed. */
async function stampede(at: HubbubProcess, channelId: string, users: readonly User[], from: (index: number) => number) {
  const startedAtMs = performance.now();
  const all = await Promise.all(
    range(0, CLIENTS - 1).map((index) => {
      const user = users[index % users.length];
      assert.ok(user !== undefined);
      return connect(`${at.wsUrl}${V1}/channels/${channelId}/ws?last_seq=${from(index)}`, user.token);
    }),
  );
  try {
    await until(() => all.every(({ member }, index) => member.received === MESSAGES - from(index)), {
      timeoutMs: 60_000,
      message: 'everyone to have what he missed',
    });
    assert.deepEqual(
      all.flatMap(({ member }) => member.faults),
      [],
    );
    const refused = all.reduce((sum, each) => sum + each.refused, 0);
    return { seconds: (performance.now() - startedAtMs) / 1000, refused };
  } finally {
    await Promise.all(all.map(({ member }) => member.close()));
  }
}

test('thousands who come back at once are served from memory, and those far behind by a handful of reads', async (t) => {
  const { channel, owner } = await ground.stage.channel();
  const users = await ground.stage.users(USERS);
  await fill(channel.id, owner, MESSAGES);
  const instance = ground.stage.instance(0);
  // Someone has stayed, so that the instance knows the channel.
  const watcher = await owner.join(channel.id, { at: 0 });
  const beforeAll = await messageReads();
  const fast = await stampede(instance, channel.id, users, () => RECENT);
  const afterRecent = await messageReads();
  const slow = await stampede(instance, channel.id, users, (index) => OLD[index % OLD.length] ?? 0);
  const afterOld = await messageReads();
  assert.equal(afterRecent - beforeAll, 0, 'what is in memory is not read');
  assert.ok(afterOld - afterRecent <= MAX_READS, `${afterOld - afterRecent} reads of messages for ${CLIENTS} clients`);
  // It is as before for those who are there.
  watcher.send({ type: 'message', content: 'still there' });
  await watcher.next((frame) => frame.type === 'message' && frame.content === 'still there');
  t.diagnostic(`${CLIENTS} clients, reads of messages: none from memory, ${afterOld - afterRecent} from far behind`);
  t.diagnostic(`from memory ${JSON.stringify(fast)}, from far behind ${JSON.stringify(slow)}`);
});

test('one who returns after days, to an instance that is new, twice in a row, gets exactly what he missed', async (t) => {
  const { channel, owner } = await ground.stage.channel();
  const [reader] = await ground.stage.users(1);
  assert.ok(reader !== undefined);
  await fill(channel.id, owner, MESSAGES);
  const fresh = await HubbubProcess.start(ground.stage.pair.env);
  t.after(() => fresh.stop());
  const path = `${V1}/channels/${channel.id}/ws`;
  const resume = (lastSeq: number) => ground.stage.open({ url: fresh.url, path, token: reader.token, lastSeq });
  const received = (client: ChatClient) =>
    client.frames.flatMap(({ frame }): MessageFrame[] => (frame.type === 'message' ? [frame] : []));
  for (const lastSeq of [7, 0, MESSAGES]) {
    // The first of the two is gone before he has read anything.
    const hasty = await resume(lastSeq);
    await hasty.cut();
    const client = await resume(lastSeq);
    const { recovered, seq } = await client.next('subscribed');
    assert.deepEqual({ recovered, seq }, { recovered: true, seq: MESSAGES });
    await until(() => received(client).length === MESSAGES - lastSeq);
    assert.deepEqual(seqs(received(client)), range(lastSeq + 1, MESSAGES));
    await client.close();
  }
});
