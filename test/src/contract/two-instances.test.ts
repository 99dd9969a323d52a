/** Conversations across instances: everyone sees everything, in one order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forEachPair, history, isMessage, nextMessages, range, type Stage, seqs, V1 } from './stage.js';

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('people on different instances talk with each other', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    const here = await owner.join(channel.id, { at: 0 });
    const there = await other.join(channel.id, { at: 1 });
    for (const round of range(1, 20)) {
      const [speaker, listener] = round % 2 === 0 ? [here, there] : [there, here];
      speaker.send({ type: 'message', content: `turn ${round}` });
      // The next turn is taken when the other has heard this one.
      assert.equal((await listener.next(isMessage(`turn ${round}`))).seq, round);
      assert.equal((await speaker.next(isMessage(`turn ${round}`))).seq, round);
    }
    here.send({ type: 'typing' });
    assert.equal((await there.next('typing')).user_id, owner.id);
  });

  test('the first message after a channel was empty on an instance is not missed', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    for (const round of range(1, 15)) {
      const reader = await other.open(`${V1}/channels/${channel.id}/ws`, { at: 1 });
      const subscribed = await reader.next('subscribed');
      assert.equal(subscribed.seq, round - 1);
      await owner.api(0).post(`${V1}/channels/${channel.id}/messages`, { content: `round ${round}` }, { expect: 201 });
      assert.equal((await reader.next(isMessage(`round ${round}`))).seq, round);
      await reader.close();
    }
  });

  test('bursts from both sides reach everyone once, in one order, without a gap', async () => {
    const burst = 200;
    const { channel, owner } = await stage.channel();
    const others = await stage.users(5);
    const people = [owner, ...others];
    const clients = await Promise.all(people.map((user, at) => user.join(channel.id, { at })));
    const senders = clients.slice(0, 4);
    for (const [index, sender] of senders.entries()) {
      for (const number of range(1, burst)) sender.send({ type: 'message', content: `${index}:${number}` });
    }
    const total = senders.length * burst;
    const received = await Promise.all(clients.map((client) => nextMessages(client, total, 30_000)));
    const order = received[0]?.map(({ content }) => content) ?? [];
    for (const messages of received) {
      assert.deepEqual(seqs(messages), range(1, total));
      assert.deepEqual(
        messages.map(({ content }) => content),
        order,
      );
    }
    // Each sender's own are in the order in which he sent them.
    for (const index of senders.keys()) {
      const own = order.filter((content) => content.startsWith(`${index}:`));
      assert.deepEqual(
        own,
        range(1, burst).map((number) => `${index}:${number}`),
      );
    }
    const stored: string[] = [];
    for (let after = 0; after < total; after += 100) {
      const { messages } = await history(owner, channel.id, `after_seq=${after}&limit=100`);
      stored.push(...messages.map(({ content }) => content));
    }
    assert.deepEqual(stored, order);
  });

  test('many channels at once keep each its own sequence', async () => {
    const owners = await stage.users(4);
    const channels = await Promise.all(owners.map(async (owner) => (await stage.channel({}, owner)).channel));
    const clients = await Promise.all(owners.map((owner, at) => owner.open('/ws/chat', { at })));
    for (const client of clients) {
      for (const { id } of channels) {
        client.send({ type: 'join', channel_id: id });
        await client.next('subscribed');
      }
    }
    for (const number of range(1, 25)) {
      for (const client of clients) {
        for (const { id } of channels) client.send({ type: 'message', channel_id: id, content: `text ${number}` });
      }
    }
    const total = 25 * clients.length;
    for (const client of clients) {
      const messages = await nextMessages(client, total * channels.length, 30_000);
      for (const { id } of channels) {
        assert.deepEqual(seqs(messages.filter(({ channel_id }) => channel_id === id)), range(1, total));
      }
    }
  });
});
