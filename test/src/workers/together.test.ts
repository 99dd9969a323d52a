/** Several workers are one server: they share what is said, who is there, how often one may speak, and their numbers. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Health } from '@hubbub/protocol/rest.js';
import { assertUpgradeRefused, isMessage, nextMessages, range, seqs, V1 } from '../contract/stage.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';
import { FLOORS, WorkersStage } from './floor.js';

const GRACE_MS = 2000;

/** A metric's value, by the text before it. */
function seriesValue(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

for (const floor of FLOORS) {
  describe(`two workers over ${floor}`, () => {
    const stage = new WorkersStage(floor);
    before(() => stage.start());
    afterEach(() => stage.closeClients());
    after(() => stage.stop());

    test('say once that they are ready, on a port of the system’s choice', () => {
      const ready = stage.instance(0).logs.filter(({ msg }) => String(msg).startsWith('Hubbub is ready'));
      assert.equal(ready.length, 1);
      assert.equal(ready[0]?.workers, 2);
      assert.notEqual(new URL(stage.instance(0).url).port, '0');
    });

    test('people on different workers talk with each other', async () => {
      const { channel, owner } = await stage.channel();
      const other = await stage.user();
      const [one, two] = await stage.workers();
      const here = await stage.joinOn(one, owner, channel.id);
      const there = await stage.joinOn(two, other, channel.id);
      for (const round of range(1, 16)) {
        const [speaker, listener] = round % 2 === 0 ? [here, there] : [there, here];
        speaker.send({ type: 'message', content: `turn ${round}` });
        assert.equal((await listener.next(isMessage(`turn ${round}`))).seq, round);
        assert.equal((await speaker.next(isMessage(`turn ${round}`))).seq, round);
      }
      here.send({ type: 'typing' });
      assert.equal((await there.next('typing')).user_id, owner.id);
    });

    test('a burst from both sides has one order for everyone', async () => {
      const { channel, owner } = await stage.channel();
      const other = await stage.user();
      const [one, two] = await stage.workers();
      const clients = [
        await stage.joinOn(one, owner, channel.id),
        await stage.joinOn(two, other, channel.id),
        await stage.joinOn(two, owner, channel.id),
      ];
      for (const number of range(1, 20))
        for (const client of clients.slice(0, 2)) client.send({ type: 'message', content: `${number}` });
      const received = await Promise.all(clients.map((client) => nextMessages(client, 40)));
      for (const messages of received) {
        assert.deepEqual(seqs(messages), range(1, 40));
        assert.deepEqual(messages, received[0]);
      }
    });

    test('a user is there once, and gone when he has left both', async () => {
      const { channel, owner } = await stage.channel();
      const other = await stage.user();
      const [one, two] = await stage.workers();
      const watcher = await stage.joinOn(one, owner, channel.id);
      const first = await stage.joinOn(one, other, channel.id);
      const joined = await watcher.next((frame) => frame.type === 'presence' && frame.user_id === other.id);
      assert.ok(joined.type === 'presence' && joined.presence_type === 'joined');
      const second = await stage.joinOn(two, other, channel.id);
      await first.close();
      const news = (frame: { type: string; user_id?: string }) =>
        frame.type === 'presence' && frame.user_id === other.id;
      await watcher.expectNone(news, GRACE_MS + 1000);
      const { body } = await owner
        .api()
        .get<{ count: number }>(`${V1}/channels/${channel.id}/presence`, { expect: 200 });
      assert.equal(body.count, 2);
      await second.close();
      const left = await watcher.next(news);
      assert.ok(left.type === 'presence' && left.presence_type === 'left');
      await watcher.expectNone(news, 500);
    });

    test('max_participants counts the people of all workers', async () => {
      const { channel, owner } = await stage.channel({ max_participants: 2 });
      const [guest, late] = await stage.users(2);
      assert.ok(guest !== undefined && late !== undefined);
      const [one, two] = await stage.workers();
      await stage.joinOn(one, owner, channel.id);
      await stage.joinOn(two, guest, channel.id);
      // Wherever the system sends him.
      for (const _ of range(1, 6)) await assertUpgradeRefused(late.join(channel.id), 409, 'CHANNEL_FULL');
    });

    test('the rate limit is the user’s, whichever worker he writes to', async () => {
      const { channel, owner } = await stage.channel();
      const [one, two] = await stage.workers();
      const clients = [await stage.joinOn(one, owner, channel.id), await stage.joinOn(two, owner, channel.id)];
      for (const number of range(1, 20))
        for (const client of clients) client.send({ type: 'message', content: `${number}` });
      const accepted = await until(async () => {
        const refused = clients.flatMap(({ frames }) => frames.filter(({ frame }) => frame.type === 'error'));
        const path = `${V1}/channels/${channel.id}`;
        const { body } = await owner.api().get<{ last_seq: number }>(path, { expect: 200 });
        return body.last_seq + refused.length === 40 && body.last_seq;
      });
      // One more may have been earned meanwhile, at 20 a minute, for each 3 s of a busy machine.
      assert.ok(accepted >= 20 && accepted <= 22, `${accepted} accepted`);
    });

    test('whichever is asked, health and metrics are those of all', async () => {
      const { channel, owner } = await stage.channel();
      const [one, two] = await stage.workers();
      const clients = [
        await stage.joinOn(one, owner, channel.id),
        await stage.joinOn(one, owner, channel.id),
        await stage.joinOn(two, owner, channel.id),
      ];
      clients[0]?.send({ type: 'message', content: 'counted' });
      for (const client of clients) await client.next(isMessage('counted'));
      const { url } = stage.instance(0);
      const headers = { connection: 'close' };
      await until(async () => (await stage.stats()).total_connections === 3);
      const label = `{channel_id="${channel.id}"}`;
      for (const _ of range(1, 8)) {
        const { body } = await api(url).get<Health>(`${V1}/health`, { expect: 200, headers });
        assert.deepEqual([body.status, body.total_connections, body.active_channels], ['ok', 3, 1]);
        await api(url).get('/readyz', { expect: 200, headers });
        await api(url).get('/healthz', { expect: 200, headers });
        const text = await (await fetch(`${url}/metrics`, { headers })).text();
        assert.equal(seriesValue(text, `websocket_connections_current${label}`), 3);
        assert.equal(seriesValue(text, `websocket_message_latency_seconds_count${label}`), 2);
        assert.equal(seriesValue(text, 'websocket_channels_active'), 1);
        assert.equal(seriesValue(text, 'hubbub_database_up'), 1);
        assert.equal(seriesValue(text, 'hubbub_redis_up'), floor === 'Redis' ? 1 : -1);
        assert.ok(seriesValue(text, 'hubbub_journal_batch_messages_sum') >= 1);
        assert.ok(seriesValue(text, 'process_start_time_seconds') > 0);
      }
      const stats = await stage.stats();
      assert.equal(stats.channels.find(({ channel_id }) => channel_id === channel.id)?.connections, 3);
      assert.deepEqual(stats.workers.map(({ connections }) => connections).sort(), [1, 2]);
    });
  });
}
