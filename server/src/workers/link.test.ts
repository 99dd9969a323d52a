import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Duplex, duplexPair } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { Link } from './link.js';

interface Sums {
  sum(numbers: readonly number[]): number;
  refuse(): never;
  silent(): Promise<never>;
}

const SUMS: Sums = {
  sum: (numbers) => numbers.reduce((a, b) => a + b, 0),
  refuse: () => {
    throw new Error('not today');
  },
  silent: () => new Promise(() => {}),
};

interface Received {
  readonly channelId: string;
  readonly bytes: Buffer;
  readonly frame: Buffer;
}

/** Two ends of a link; the second one's stream gives its bytes in pieces of `pieceBytes`. */
function openPair(t: TestContext, pieceBytes = 1024) {
  const [left, right] = duplexPair();
  const received: Received[] = [];
  let closed = 0;
  const options = (own: Sums) => ({
    own,
    onBatch: (channelId: string, bytes: Buffer, frame: Buffer) => void received.push({ channelId, bytes, frame }),
    onDrain: () => {},
    onClose: () => void closed++,
  });
  const inPieces = new Duplex({
    read() {},
    write: (chunk, encoding, done) => void right.write(chunk, encoding, done),
    destroy: (error, done) => {
      right.destroy();
      done(error);
    },
  });
  right.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += pieceBytes) inPieces.push(chunk.subarray(at, at + pieceBytes));
  });
  right.once('close', () => inPieces.destroy());
  const near = new Link<Sums, Sums>(left, options(SUMS));
  const far = new Link<Sums, Sums>(inPieces, options(SUMS));
  t.after(() => {
    near.close();
    far.close();
  });
  return { near, far, received, closed: () => closed };
}

test('calls are answered, in both directions and at once', async (t) => {
  const { near, far } = openPair(t);
  const answers = await Promise.all([near.call('sum', [1, 2]), far.call('sum', [3]), near.call('sum', [])]);
  assert.deepEqual(answers, [3, 3, 0]);
});

test('what is thrown there is thrown here', async (t) => {
  const { near } = openPair(t);
  await assert.rejects(near.call('refuse'), /^Error: not today$/);
});

test('a call that is not answered is given up after 5 s', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const { near } = openPair(t);
  const answer = near.call('silent');
  const refused = assert.rejects(answer, /did not answer in time/);
  t.mock.timers.tick(7000);
  await refused;
});

for (const pieceBytes of [1, 3, 4096]) {
  test(`batches arrive whole, in their order, also in pieces of ${pieceBytes} bytes`, async (t) => {
    const { near, received } = openPair(t, pieceBytes);
    const sent = [0, 1, 20, 5000].map((bytes, index) => ({ channelId: `channel-${index}`, bytes: randomBytes(bytes) }));
    for (const { channelId, bytes } of sent) assert.equal(near.sendBatch(channelId, bytes), true);
    // Calls go the same way, so an answer means that what was sent before has arrived.
    await near.call('sum', []);
    assert.deepEqual(
      received.map(({ channelId, bytes }) => ({ channelId, bytes: Buffer.from(bytes) })),
      sent,
    );
  });
}

test('a batch is passed on as it came', async (t) => {
  const first = openPair(t);
  const second = openPair(t);
  first.near.sendBatch('a channel', Buffer.from('bytes'));
  await first.near.call('sum', []);
  const frame = first.received[0]?.frame;
  assert.ok(frame !== undefined);
  second.near.relay(frame);
  await second.near.call('sum', []);
  assert.equal(second.received[0]?.channelId, 'a channel');
  assert.equal(second.received[0]?.bytes.toString(), 'bytes');
});

test('batches are dropped, and said to be, while the other end reads nothing', (t) => {
  const stuck = new Duplex({ read() {}, write() {} });
  const link = new Link<Sums, Sums>(stuck, { own: SUMS, onBatch() {}, onDrain() {}, onClose() {} });
  t.after(() => link.close());
  const megabyte = Buffer.alloc(1024 * 1024);
  const taken = Array.from({ length: 40 }, () => link.sendBatch('a channel', megabyte)).filter(Boolean).length;
  assert.ok(taken >= 16 && taken <= 18, `${taken} taken`);
});

test('when one end closes, calls under way fail, later ones at once, and both ends hear of it', async (t) => {
  const { near, far, closed } = openPair(t);
  const waiting = near.call('silent');
  near.close();
  await assert.rejects(waiting, /gone/);
  await assert.rejects(near.call('sum', []), /closed/);
  assert.equal(near.sendBatch('a channel', Buffer.alloc(1)), false);
  far.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed(), 2);
});
