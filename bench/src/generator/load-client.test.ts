import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '@hubbub/test/support/wait.js';
import { nowUs } from './clock.js';
import { dialectOf } from './dialect.js';
import { type ClientOrder, LoadClient, newTally } from './load-client.js';

const CHANNELS = ['00000000-0000-4000-8000-0000000000aa', '00000000-0000-4000-8000-0000000000bb'] as const;

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]), payload]);
}

function subscribed(channelId: string, seq: number): Buffer {
  return frame(JSON.stringify({ type: 'subscribed', channel_id: channelId, seq, filling: 'x'.repeat(100) }));
}

/** @param agoUs how long ago it was sent, in microseconds */
function message(channelId: string, seq: number, agoUs = 0, sender = 9): Buffer {
  const stamp = String(Math.floor(nowUs() - agoUs)).padStart(13, '0');
  const content = `${stamp}${String(sender).padStart(6, '0')} filling`;
  return frame(JSON.stringify({ type: 'message', channel_id: channelId, user_id: 'x', content, message_id: 'y', seq }));
}

/** A client that is connected to a server which the test plays. */
async function stage(channelIds: readonly string[], first: Buffer) {
  let peer: Socket | undefined;
  const server = createServer((socket) => {
    peer = socket;
    // A client that drops its connection resets it.
    socket.on('error', () => {});
    socket.once('data', () => socket.write(Buffer.concat([Buffer.from('HTTP/1.1 101 Yes\r\n\r\n'), first])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tally = newTally();
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const order: ClientOrder = { url, token: '', number: 7, localAddress: null, channelIds, joins: false };
  const client = new LoadClient(order, dialectOf('hubbub'), tally);
  await client.open();
  const receive = async (...frames: Buffer[]) => {
    const wanted = client.received + frames.length;
    peer?.write(Buffer.concat(frames));
    await until(() => client.received >= wanted, { message: 'the messages' });
  };
  const stop = () => {
    client.drop();
    server.close();
  };
  return { client, tally, receive, stop, write: (bytes: Buffer) => peer?.write(bytes), hangUp: () => peer?.destroy() };
}

test('a message that is lost, doubled or out of order is a fault', async (t) => {
  const [id] = CHANNELS;
  const { tally, receive, stop } = await stage([id], subscribed(id, 10));
  t.after(stop);
  await receive(message(id, 11), message(id, 12));
  assert.equal(tally.faults, 0);
  await receive(message(id, 14));
  assert.equal(tally.faults, 1, 'a gap');
  await receive(message(id, 14));
  assert.equal(tally.faults, 2, 'a double');
  await receive(message(id, 13));
  assert.equal(tally.faults, 3, 'a step back');
  assert.deepEqual(tally.faultTexts[0], 'client 7 saw 12, then 14');
});

test('each channel of a connection has a sequence of its own', async (t) => {
  const [a, b] = CHANNELS;
  const { tally, receive, stop } = await stage([a, b], Buffer.concat([subscribed(b, 500), subscribed(a, 0)]));
  t.after(stop);
  await receive(message(a, 1), message(b, 501), message(b, 502), message(a, 2));
  assert.equal(tally.faults, 0);
  await receive(message(b, 504));
  assert.equal(tally.faults, 1);
});

test('latency is the time since the stamp in the content, and own messages are known by their sender', async (t) => {
  const [id] = CHANNELS;
  const { client, tally, receive, stop } = await stage([id], subscribed(id, 0));
  t.after(stop);
  let own = 0;
  client.onOwn = () => own++;
  await receive(message(id, 1, 250_000, 7), message(id, 2, 250_000, 8));
  assert.equal(own, 1);
  assert.equal(tally.latencies.total, 2);
  const median = tally.latencies.quantile(0.5);
  assert.ok(median >= 250_000 && median < 1_000_000, `${median} µs`);
});

test('a connection that the server ends is a fault, and one that is dropped on purpose is none', async (t) => {
  const [id] = CHANNELS;
  const dropped = await stage([id], subscribed(id, 0));
  const ended = await stage([id], subscribed(id, 0));
  t.after(ended.stop);
  dropped.stop();
  ended.hangUp();
  await until(() => ended.tally.faults === 1, { message: 'the fault' });
  assert.match(ended.tally.faultTexts[0] ?? '', /client 7 lost its connection/);
  assert.equal(dropped.tally.faults, 0);
});

test('a refused message counts by its channel, and is no fault', async (t) => {
  const [id] = CHANNELS;
  const { tally, write, stop } = await stage([id], subscribed(id, 0));
  t.after(stop);
  const error = { type: 'error', channel_id: id, error: 'Try again later, the storage is away', code: 'UNAVAILABLE' };
  write(frame(JSON.stringify({ ...error, filling: 'x'.repeat(100) })));
  await until(() => tally.refused.get(id) === 1, { message: 'the refusal' });
  assert.equal(tally.faults, 0);
});
