/** History on joining, and resuming without a gap; changes of the channel have their place in its sequence. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServerFrame } from '@hubbub/protocol/frames.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import type { ChatClient } from '../support/chat-client.js';
import {
  assertUpgradeRefused,
  forEachPair,
  history,
  isMessage,
  nextError,
  nextMessages,
  post,
  range,
  Stage,
  seqs,
  settled,
  type User,
  UUID,
  V1,
} from './stage.js';

/** A channel with messages 1 to `count`. */
async function filledChannel(stage: Stage, count: number) {
  const { channel, owner } = await stage.channel();
  const client = await owner.join(channel.id);
  await send(client, count);
  await client.close();
  return { channel, owner };
}

/** Sends messages and waits for all of them. */
async function send(client: ChatClient, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 500) {
    const chunk = Math.min(500, count - sent);
    for (let index = 1; index <= chunk; index++) client.send({ type: 'message', content: `text ${sent + index}` });
    await nextMessages(client, chunk, 20_000);
  }
}

/** Everything of the channel's sequence that has come, in order of arrival. */
function sequenceOf(client: ChatClient): number[] {
  const places: number[] = [];
  for (const { frame } of client.frames) if (frame.type !== 'subscribed' && 'seq' in frame) places.push(frame.seq);
  return places;
}

async function resume(user: User, channelId: string, lastSeq: number, at: number) {
  const client = await user.open(`${V1}/channels/${channelId}/ws`, { lastSeq, at });
  return { client, subscribed: await client.next('subscribed') };
}

const UNLIMITED = { CHAT_RATE_LIMIT_PER_MINUTE: '0' };

forEachPair({ env: UNLIMITED }, (stage: Stage) => {
  test('a newcomer gets the newest fifty messages, oldest first, then live ones', async () => {
    const { channel, owner } = await filledChannel(stage, 60);
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    for (const at of [0, 1]) {
      const client = await other.open(`${V1}/channels/${channel.id}/ws`, { at });
      const subscribed = await client.next('subscribed');
      const { online, epoch, ...rest } = subscribed;
      assert.ok(online >= 1);
      assert.match(epoch ?? '', UUID);
      assert.deepEqual(rest, {
        type: 'subscribed',
        channel_id: channel.id,
        seq: 60,
        recovered: false,
        oldest_seq: 11,
      });
      const messages = await nextMessages(client, 50);
      assert.deepEqual(seqs(messages), range(11, 60));
      assert.equal(client.frames[0]?.frame.type, 'subscribed', 'subscribed comes first');
      const page = await history(other, channel.id);
      assert.deepEqual(
        messages.map(({ message_id, timestamp, content }) => [message_id, timestamp, content]),
        page.messages.map(({ id, created_at, content }) => [id, created_at, content]),
      );
      await client.close();
    }
    const client = await other.join(channel.id);
    await post(owner, channel.id, ['live']);
    await client.next(isMessage('live'));
    assert.deepEqual(sequenceOf(client), range(11, 61));
  });

  test('an empty channel has an empty history', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.open(`${V1}/channels/${channel.id}/ws`);
    const subscribed = await client.next('subscribed');
    assert.deepEqual([subscribed.seq, subscribed.online], [0, 1]);
    await settled(client);
    await client.expectNone('message', 0);
    const fromStart = await resume(owner, channel.id, 0, 1);
    assert.deepEqual([fromStart.subscribed.seq, fromStart.subscribed.recovered], [0, true]);
    client.send({ type: 'message', content: 'first' });
    assert.equal((await fromStart.client.next('message')).seq, 1);
  });

  test('a place is resumed from under its epoch alone, by the URL and by a join', async () => {
    const { channel, owner } = await filledChannel(stage, 5);
    const path = `${V1}/channels/${channel.id}/ws`;
    const first = await owner.open(path);
    const { epoch = 'none' } = await first.next('subscribed');
    await first.close();
    const other = '00000000-0000-4000-8000-000000000000';
    const many = await owner.open('/ws/chat');
    for (const [named, recovered] of [
      [epoch, true],
      [other, false],
      ['', false],
    ] as const) {
      const one = await owner.open(`${path}?epoch=${named}`, { lastSeq: 3 });
      many.send({ type: 'join', channel_id: channel.id, last_seq: 3, epoch: named });
      for (const client of [one, many]) {
        const subscribed = await client.next('subscribed');
        assert.deepEqual([subscribed.recovered, subscribed.epoch], [recovered, epoch]);
        assert.deepEqual(seqs(await nextMessages(client, recovered ? 2 : 5)), recovered ? [4, 5] : range(1, 5));
      }
      await one.close();
    }
    many.send({ type: 'join', channel_id: channel.id, last_seq: 3, epoch: 7 });
    assert.equal((await many.next('error')).code, 'INVALID_FRAME');
    await many.close();
  });

  test('a resume brings exactly what was missed, on either instance, as often as one likes', async () => {
    const { channel, owner } = await filledChannel(stage, 5);
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    const first = await other.join(channel.id, { at: 0 });
    await nextMessages(first, 5);
    await first.cut();
    let last = 5;
    for (const at of [0, 1, 1, 0, 1]) {
      const missed = await post(owner, channel.id, ['one', 'two', 'three']);
      const { client, subscribed } = await resume(other, channel.id, last, at);
      const { online: _, epoch, ...rest } = subscribed;
      assert.deepEqual(rest, { type: 'subscribed', channel_id: channel.id, seq: last + 3, recovered: true });
      assert.match(epoch ?? '', UUID);
      const frames = await nextMessages(client, 3);
      assert.deepEqual(seqs(frames), seqs(missed));
      assert.deepEqual(
        frames.map(({ message_id }) => message_id),
        missed.map(({ id }) => id),
      );
      last += 3;
      await client.cut();
      // With nothing missed, nothing comes.
      const idle = await resume(other, channel.id, last, at + 1);
      assert.deepEqual([idle.subscribed.seq, idle.subscribed.recovered], [last, true]);
      await settled(idle.client);
      assert.deepEqual(sequenceOf(idle.client), []);
      await post(owner, channel.id, ['live']);
      last += 1;
      assert.equal((await idle.client.next('message')).seq, last);
      await idle.client.cut();
    }
  });

  test('last_seq 0 brings everything from the beginning, also past a page of history', async () => {
    const { channel, owner } = await filledChannel(stage, 130);
    for (const at of [0, 1]) {
      const { client, subscribed } = await resume(owner, channel.id, 0, at);
      assert.deepEqual([subscribed.seq, subscribed.recovered], [130, true]);
      assert.deepEqual(seqs(await nextMessages(client, 130)), range(1, 130));
    }
    const many = await owner.open('/ws/chat');
    many.send({ type: 'join', channel_id: channel.id, last_seq: 100 });
    assert.equal((await many.next('subscribed')).recovered, true);
    assert.deepEqual(seqs(await nextMessages(many, 30)), range(101, 130));
    const form = await owner.open(`/ws/chat?channel_id=${channel.id}&last_seq=128`);
    assert.equal((await form.next('subscribed')).recovered, true);
    assert.deepEqual(seqs(await nextMessages(form, 2)), [129, 130]);
  });

  test('who is a thousand messages behind gets them all; further behind he is told so', async () => {
    const { channel, owner } = await filledChannel(stage, 1100);
    const full = await resume(owner, channel.id, 100, 0);
    assert.equal(full.subscribed.recovered, true);
    assert.deepEqual(seqs(await nextMessages(full.client, 1000)), range(101, 1100));
    for (const at of [0, 1]) {
      const { client, subscribed } = await resume(owner, channel.id, 99, at);
      assert.deepEqual([subscribed.recovered, subscribed.seq, subscribed.oldest_seq], [false, 1100, 1051]);
      assert.deepEqual(seqs(await nextMessages(client, 50)), range(1051, 1100));
      // He pages back over REST from there.
      const page = await history(owner, channel.id, `before_seq=${subscribed.oldest_seq}&limit=100`);
      assert.deepEqual(seqs(page.messages), range(951, 1050));
      await client.close();
    }
  });

  test('a last_seq that the channel has not reached is told as not recovered', async () => {
    const { channel, owner } = await filledChannel(stage, 3);
    for (const lastSeq of [4, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const { client, subscribed } = await resume(owner, channel.id, lastSeq, lastSeq);
      assert.deepEqual([subscribed.recovered, subscribed.seq, subscribed.oldest_seq], [false, 3, 1]);
      assert.deepEqual(seqs(await nextMessages(client, 3)), [1, 2, 3]);
    }
  });

  test('resuming again and again under traffic misses and doubles nothing', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    const total = 600;
    const writer = await owner.join(channel.id, { at: 0 });
    const seen: number[] = [];
    let sent = 0;
    // A few a tick, so that resumes fall between them.
    const timer = setInterval(() => {
      for (let index = 0; index < 4 && sent < total; index++) {
        sent++;
        writer.send({ type: 'message', content: `text ${sent}` });
      }
    }, 5);
    try {
      for (let round = 0; seen.length < total; round++) {
        const { client, subscribed } = await resume(other, channel.id, seen.at(-1) ?? 0, round);
        assert.equal(subscribed.recovered, true);
        const wanted = Math.min(total - seen.length, 37);
        seen.push(...seqs(await nextMessages(client, wanted)));
        await client.cut();
      }
    } finally {
      clearInterval(timer);
    }
    assert.deepEqual(seen, range(1, total));
  });

  test('a change of the channel has its place in the sequence, live and in a resume', async () => {
    const { channel, owner } = await stage.channel();
    const others = await stage.users(2);
    const live = await Promise.all(others.map((user, at) => user.join(channel.id, { at })));
    await post(owner, channel.id, ['one']);
    const path = `${V1}/channels/${channel.id}`;
    const { body } = await owner
      .api()
      .patch<Channel>(path, { description: 'changed', max_participants: 9 }, { expect: 200 });
    await post(owner, channel.id, ['three']);
    await owner.api().patch(path, { name: 'renamed' }, { expect: 200 });
    await post(owner, channel.id, ['five']);
    for (const client of live) {
      await client.next(isMessage('five'));
      assert.deepEqual(sequenceOf(client), range(1, 5));
      const updated = await client.next('channel_updated');
      assert.deepEqual(updated, { type: 'channel_updated', channel_id: channel.id, channel: body, seq: 2 });
      assert.equal((await client.next('channel_updated')).channel.name, 'renamed');
    }
    const [reader] = others;
    assert.ok(reader !== undefined);
    for (const at of [0, 1]) {
      for (const lastSeq of [0, 1, 2, 3]) {
        const { client, subscribed } = await resume(reader, channel.id, lastSeq, at);
        assert.deepEqual([subscribed.recovered, subscribed.seq], [true, 5]);
        await client.next(isMessage('five'));
        assert.deepEqual(sequenceOf(client), range(lastSeq + 1, 5));
        const types = client.frames.map(({ frame }) => frame.type).filter((type) => type !== 'presence');
        const all = ['message', 'channel_updated', 'message', 'channel_updated', 'message'];
        assert.deepEqual(types, ['subscribed', ...all.slice(lastSeq)]);
        await client.close();
      }
    }
  });

  const isGone = (frame: ServerFrame) => frame.type !== 'presence' && frame.type !== 'subscribed';

  test('deleting a channel tells everyone connected, then closes with 4004', async () => {
    const { channel, owner } = await stage.channel();
    const { channel: kept } = await stage.channel({}, owner);
    const others = await stage.users(2);
    const singles = await Promise.all(others.map((user, at) => user.join(channel.id, { at })));
    const many = await Promise.all(others.map((user, at) => user.open('/ws/chat', { at })));
    for (const client of many) {
      for (const { id } of [channel, kept]) {
        client.send({ type: 'join', channel_id: id });
        await client.next('subscribed');
      }
    }
    await owner.api().delete(`${V1}/channels/${channel.id}`, { expect: 200 });
    for (const client of singles) {
      const told = await client.next(isGone);
      assert.ok('channel_id' in told && told.channel_id === channel.id, JSON.stringify(told));
      assert.equal((await client.closed).code, 4004);
    }
    for (const [index, client] of many.entries()) {
      const told = await client.next(isGone);
      assert.ok('channel_id' in told && told.channel_id === channel.id, JSON.stringify(told));
      const left = await client.next('left');
      assert.equal(left.channel_id, channel.id);
      client.send({ type: 'message', channel_id: channel.id, content: 'anyone?' });
      await nextError(client, 'INVALID_CHANNEL_ID');
      client.send({ type: 'message', channel_id: kept.id, content: `here ${index}` });
      await client.next(isMessage(`here ${index}`));
    }
    await assertUpgradeRefused(owner.open(`/ws/chat/${channel.id}`), 404, 'CHANNEL_NOT_FOUND');
  });

  test('closing a channel tells everyone connected, then closes with 4004', async () => {
    const { channel, owner } = await stage.channel();
    const clients = [await owner.join(channel.id, { at: 0 }), await owner.join(channel.id, { at: 1 })];
    await owner.api().patch(`${V1}/channels/${channel.id}`, { is_active: false }, { expect: 200 });
    for (const client of clients) {
      const updated = await client.next('channel_updated');
      assert.deepEqual([updated.channel.is_active, updated.seq], [false, 1]);
      assert.equal((await client.closed).code, 4004);
    }
    await owner.api().patch(`${V1}/channels/${channel.id}`, { is_active: true }, { expect: 200 });
    const { client, subscribed } = await resume(owner, channel.id, 0, 1);
    assert.deepEqual([subscribed.recovered, subscribed.seq], [true, 2]);
    client.send({ type: 'message', content: 'open again' });
    await client.next(isMessage('open again'));
    assert.deepEqual(sequenceOf(client), [1, 2, 3]);
  });

  test('a message has the same time live and in the history, also when several channels are written to at once', async () => {
    const { channel: first, owner } = await stage.channel();
    const channels = [
      first,
      ...(await Promise.all(range(2, 5).map(async () => (await stage.channel({}, owner)).channel))),
    ];
    const client = await owner.open('/ws/chat');
    for (const { id } of channels) client.send({ type: 'join', channel_id: id });
    for (const _ of channels) await client.next('subscribed');
    const times = new Map<string, string>();
    for (let round = 0; round < 4; round++) {
      for (const { id } of channels) client.send({ type: 'message', channel_id: id, content: 'now' });
      for (const { message_id, timestamp } of await nextMessages(client, channels.length))
        times.set(message_id, timestamp);
    }
    const pages = await Promise.all(channels.map(({ id }) => history(owner, id)));
    const stored = pages.flatMap(({ messages }) => messages.map(({ id, created_at }) => [id, created_at] as const));
    assert.equal(stored.length, times.size);
    assert.deepEqual(new Map(stored), times);
  });

  if (stage.hasSql) {
    test('rows that stand in the database alone are history, too', async () => {
      const { channel, owner } = await stage.channel();
      await stage.sql(
        `insert into chat_messages (id, channel_id, user_id, content, seq, created_at, updated_at)
         select gen_random_uuid(), $1, $2, 'row ' || n, n, now(), now() from generate_series(1, 2500) n`,
        [channel.id, owner.id],
      );
      await stage.sql('update chat_channels set last_seq = 2500 where id = $1', [channel.id]);
      for (const at of [0, 1]) {
        const far = await resume(owner, channel.id, 0, at);
        assert.deepEqual(
          [far.subscribed.recovered, far.subscribed.oldest_seq, far.subscribed.seq],
          [false, 2451, 2500],
        );
        assert.deepEqual(seqs(await nextMessages(far.client, 50)), range(2451, 2500));
        const near = await resume(owner, channel.id, 1500, at);
        assert.equal(near.subscribed.recovered, true);
        assert.deepEqual(seqs(await nextMessages(near.client, 1000)), range(1501, 2500));
      }
    });
  }
});

describe('CHAT_HISTORY_ON_JOIN', () => {
  for (const count of [0, 3]) {
    describe(String(count), () => {
      const stage = new Stage('embedded', { env: { ...UNLIMITED, CHAT_HISTORY_ON_JOIN: String(count) } });
      before(() => stage.start());
      after(async () => {
        await stage.closeClients();
        await stage.stop();
      });

      test('so many messages are sent on joining', async () => {
        const { channel, owner } = await filledChannel(stage, 60);
        const client = await owner.open(`${V1}/channels/${channel.id}/ws`);
        const subscribed = await client.next('subscribed');
        assert.deepEqual([subscribed.seq, subscribed.oldest_seq], [60, 61 - count]);
        await settled(client);
        assert.deepEqual(sequenceOf(client), range(61 - count, 60));
        client.send({ type: 'message', content: 'live' });
        assert.equal((await client.next(isMessage('live'))).seq, 61);
        const resumed = await resume(owner, channel.id, 0, 0);
        assert.deepEqual(seqs(await nextMessages(resumed.client, 61)), range(1, 61));
      });
    });
  }
});
