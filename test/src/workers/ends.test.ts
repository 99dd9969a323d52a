/** The ends of workers: one is killed, one cannot be kept running, all are to stop. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import { nextMessages, range, seqs, type User } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import type { LogLine } from '../support/hubbub.js';
import { testServerUrl } from '../support/pair.js';
import { createDatabase } from '../support/postgres.js';
import { TcpLink } from '../support/tcp-link.js';
import { until } from '../support/wait.js';
import { FLOORS, type Floor, WorkersStage } from './floor.js';

/** Presence of a dead worker's users: 5 s with the primary, 10 s and a heartbeat of 3 s in Redis. */
const LAPSE_WAIT_MS = { 'local bus': 15_000, Redis: 25_000 } as const;
const GIVE_UP_WAIT_MS = 60_000;

async function withStage(floor: Floor, env: Record<string, string>, run: (stage: WorkersStage) => Promise<void>) {
  const stage = new WorkersStage(floor, env);
  await stage.start();
  try {
    await run(stage);
  } finally {
    await stage.closeClients();
    // Errors are logged here, as they should be.
    await stage.pair.stop();
  }
}

/** Sends until its connection ends. @returns ids of what was acknowledged */
async function sendUntilClosed(client: ChatClient): Promise<string[]> {
  const timer = setInterval(() => client.send({ type: 'message', content: 'said', message_id: randomUUID() }), 2);
  await client.closed;
  clearInterval(timer);
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame.message_id] : []));
}

/** Takes message frames up to the one with this content. */
async function messagesUntil(client: ChatClient, content: string): Promise<MessageFrame[]> {
  const messages: MessageFrame[] = [];
  do messages.push(await client.next('message'));
  while (messages.at(-1)?.content !== content);
  return messages;
}

for (const floor of FLOORS) {
  describe(`a worker of two over ${floor} is killed`, () => {
    test('and nothing is lost: clients resume on another, it is replaced, and who does not return leaves', async () => {
      await withStage(floor, { CHAT_RATE_LIMIT_PER_MINUTE: '0' }, async (stage) => {
        const { channel, owner } = await stage.channel();
        const [sender, lost] = (await stage.users(2)) as [User, User];
        const [victim, survivor] = await stage.workers();
        const staying = await stage.joinOn(survivor, owner, channel.id);
        await stage.joinOn(victim, lost, channel.id);
        const cut = await stage.joinOn(victim, sender, channel.id);
        const sending = sendUntilClosed(cut);
        await nextMessages(cut, 100);
        process.kill(victim, 'SIGKILL');
        const acknowledged = await sending;
        const lastSeq = acknowledged.length;

        // The system may still hand connections to the dead one for a moment: clients try again.
        const resumed = await until(() => sender.open(`/ws/chat/${channel.id}`, { lastSeq }));
        const subscribed = await resumed.next('subscribed');
        assert.equal(subscribed.recovered, true);
        resumed.send({ type: 'message', content: 'after', message_id: randomUUID() });
        // What was stored and not seen any more comes first (the last of it may be committed only now), then the new one.
        const missed = await messagesUntil(resumed, 'after');
        const total = lastSeq + missed.length;
        assert.ok(subscribed.seq < total);
        assert.deepEqual(seqs(missed), range(lastSeq + 1, total));
        // The one who stayed has all of it, each once, in order.
        const seen = await messagesUntil(staying, 'after');
        assert.deepEqual(seqs(seen), range(1, total));
        assert.deepEqual(
          seen.slice(0, lastSeq).map(({ message_id }) => message_id),
          acknowledged,
        );

        const isNews = (user: User) => (frame: { type: string; user_id?: string; presence_type?: string }) =>
          frame.type === 'presence' && frame.user_id === user.id && frame.presence_type === 'left';
        await staying.next(isNews(lost), LAPSE_WAIT_MS[floor]);
        await staying.expectNone(isNews(sender), 100);

        const replaced = await until(
          async () => {
            const workers = await stage.workers();
            return !workers.includes(victim) && workers;
          },
          { timeoutMs: 30_000 },
        );
        assert.ok(replaced.includes(survivor));
        const newcomer = replaced.find((pid) => pid !== survivor) ?? 0;
        const again = await stage.joinOn(newcomer, await stage.user(), channel.id);
        again.send({ type: 'message', content: 'from the new one', message_id: randomUUID() });
        assert.equal((await messagesUntil(staying, 'from the new one')).length, 1);
      });
    });
  });
}

test('a worker that ends again and again ends the process, with a line that says so', async () => {
  await withStage('local bus', {}, async (stage) => {
    const server = stage.instance(0);
    const [victim] = await stage.workers();
    const isServing = ({ msg }: LogLine) => msg === 'The worker serves again';
    process.kill(victim, 'SIGKILL');
    for (const times of range(1, 4)) {
      const line = await until(() => server.logs.filter(isServing)[times - 1], { timeoutMs: GIVE_UP_WAIT_MS });
      process.kill(Number(line.worker_pid), 'SIGKILL');
    }
    assert.deepEqual(await server.exited, { code: 1, signal: null });
    assert.ok(server.logs.some(({ level, msg }) => level === 60 && /giving up/.test(String(msg))));
    // It was to end with 1: nothing is left to stop.
    server.signal('SIGTERM');
  });
});

test('a worker that cannot start while the database is away is tried until it is back, and the others serve on', async () => {
  const database = await createDatabase(testServerUrl('HUBBUB_TEST_DATABASE_URL'));
  const url = new URL(database.url);
  const link = await TcpLink.listen(Number(url.port));
  url.host = `127.0.0.1:${link.port}`;
  try {
    await withStage('local bus', { DATABASE_URL: url.href }, async (stage) => {
      const server = stage.instance(0);
      const [victim, survivor] = await stage.workers();
      link.refusing = true;
      link.cut();
      process.kill(victim, 'SIGKILL');
      // The kill, and more failed starts in a row than a crash loop may have.
      const ends = () => server.logs.filter(({ msg }) => msg === 'A worker has ended: it is restarted');
      await until(() => ends().length >= 7, { timeoutMs: GIVE_UP_WAIT_MS });
      for (const { failure } of ends().slice(1)) assert.match(String(failure), /^DATABASE_URL: /);
      assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
      link.heal();
      const workers = await stage.workers();
      assert.ok(workers.includes(survivor) && !workers.includes(victim));
    });
  } finally {
    await link.close();
    await database.drop();
  }
});

describe('SIGTERM', () => {
  for (const floor of FLOORS) {
    test(`sends everyone on all workers away with 1001 and exits with 0, over ${floor}`, async () => {
      await withStage(floor, {}, async (stage) => {
        const { channel, owner } = await stage.channel();
        const [one, two] = await stage.workers();
        const clients = [await stage.joinOn(one, owner, channel.id), await stage.joinOn(two, owner, channel.id)];
        const server = stage.instance(0);
        server.signal('SIGTERM');
        for (const client of clients) {
          await client.next('draining');
          assert.equal((await client.closed).code, 1001);
        }
        assert.deepEqual(await server.exited, { code: 0, signal: null }, server.output.slice(-2000));
        for (const pid of [one, two]) assert.throws(() => process.kill(pid, 0));
      });
    });
  }
});

test('workers do not outlive a primary that is killed', async () => {
  await withStage('local bus', {}, async (stage) => {
    const { channel, owner } = await stage.channel();
    const workers = await stage.workers();
    const client = await stage.joinOn(workers[0], owner, channel.id);
    stage.instance(0).signal('SIGKILL');
    assert.equal((await client.closed).code, 1001);
    await until(() => workers.every((pid) => !isRunning(pid)), {
      timeoutMs: 20_000,
      message: 'the end of the workers',
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
