import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Broadcast, FanOut, type Outbox, type OutboxSocket } from './fan-out.js';
import { Metrics } from './metrics.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const metrics = new Metrics({ channelLabel: true });

/** A socket that keeps what is written as unsent until the test drains it. */
class FakeSocket implements OutboxSocket {
  writableLength = 0;
  destroyed = false;
  readonly written: Buffer[] = [];
  readonly calls: string[] = [];

  write(bytes: Buffer): boolean {
    this.calls.push('write');
    this.written.push(bytes);
    this.writableLength += bytes.length;
    return false;
  }

  cork(): void {
    this.calls.push('cork');
  }

  uncork(): void {
    this.calls.push('uncork');
  }

  drain(bytes = this.writableLength): void {
    this.writableLength -= bytes;
  }
}

/** A socket to which a write takes some time. */
class SluggishSocket extends FakeSocket {
  override write(bytes: Buffer): boolean {
    const until = performance.now() + 0.05;
    while (performance.now() < until);
    super.write(bytes);
    this.drain();
    return true;
  }
}

function pushing(text: string, outboxes: readonly Outbox[], onWritten: () => void = () => {}): Broadcast {
  const frames = Buffer.from(text);
  return {
    flush: () => {
      for (const outbox of outboxes) outbox.push(frames);
      return [];
    },
    written: onWritten,
  };
}

function open(): { fanOut: FanOut; socket: FakeSocket; outbox: Outbox; slow: () => number } {
  const fanOut = new FanOut(metrics);
  const socket = new FakeSocket();
  let slow = 0;
  const outbox = fanOut.outbox(socket, () => slow++);
  return { fanOut, socket, outbox, slow: () => slow };
}

const dropped = async () =>
  Number(/^hubbub_ephemeral_frames_dropped_total (\d+)$/m.exec((await metrics.expose()).text)?.[1]);

test('what is pushed is written at the end of the tick, not before', async () => {
  const { socket, outbox } = open();
  const frames = Buffer.from('one');
  outbox.push(frames);
  await Promise.resolve();
  assert.deepEqual(socket.calls, []);
  await turn();
  assert.deepEqual(socket.calls, ['write']);
  assert.equal(socket.written[0], frames, 'the very buffer that was pushed');
  await turn();
  assert.deepEqual(socket.calls, ['write']);
});

test('small buffers of a tick leave in order as one write, large ones as one corked write', async () => {
  const { socket, outbox } = open();
  for (const text of ['one', 'two', 'three']) outbox.push(Buffer.from(text));
  await turn();
  assert.deepEqual(socket.calls.splice(0), ['write']);
  assert.equal(Buffer.concat(socket.written.splice(0)).toString(), 'onetwothree');
  const large = [Buffer.alloc(256 * KIB), Buffer.from('x')];
  for (const part of large) outbox.push(part);
  await turn();
  assert.deepEqual(socket.calls, ['cork', 'write', 'write', 'uncork']);
  assert.ok(large.every((part, index) => part === socket.written[index]));
});

test('sockets with the same to get share one buffer, also where it was pushed in parts', async () => {
  const { fanOut, socket, outbox } = open();
  const [other, odd] = [new FakeSocket(), new FakeSocket()];
  const outboxes = [outbox, fanOut.outbox(other, () => {}), fanOut.outbox(odd, () => {})];
  const parts = [Buffer.from('one'), Buffer.from('two')];
  for (const part of parts) for (const each of outboxes) each.push(part);
  outboxes[2]?.push(Buffer.from('three'));
  await turn();
  assert.equal(socket.written.length, 1);
  assert.equal(socket.written[0], other.written[0]);
  assert.equal(odd.written.toString(), 'onetwothree');
});

test('the next tick writes only what is new', async () => {
  const { socket, outbox } = open();
  outbox.push(Buffer.from('one'));
  await turn();
  outbox.push(Buffer.from('two'));
  await turn();
  assert.deepEqual(socket.calls, ['write', 'write']);
});

test('a broadcast is flushed and written in one tick, then told so once', async () => {
  const { fanOut, socket, outbox } = open();
  const told: string[] = [];
  const receipts = [{ atMs: 1, count: 2, span: null }];
  const broadcast: Broadcast = {
    flush: () => {
      told.push('flush');
      outbox.push(Buffer.from('all'));
      return receipts;
    },
    written: (flushed, tookMs, nowMs) => {
      told.push(`written ${socket.written.length}`);
      assert.equal(flushed, receipts);
      assert.ok(tookMs >= 0 && nowMs > 0);
    },
  };
  fanOut.schedule(broadcast);
  await turn();
  await turn();
  assert.deepEqual(told, ['flush', 'written 1']);
});

test('a reply pushed before a broadcast of the same tick leaves before it', async () => {
  const { fanOut, socket, outbox } = open();
  fanOut.schedule(pushing('broadcast', [outbox]));
  outbox.push(Buffer.from('reply '));
  await turn();
  assert.equal(Buffer.concat(socket.written).toString(), 'reply broadcast');
});

test('what is pushed when a broadcast was written leaves with the next tick', async () => {
  const { fanOut, socket, outbox } = open();
  fanOut.schedule({ flush: () => [], written: () => outbox.push(Buffer.from('later')) });
  await turn();
  assert.equal(socket.written.length, 0);
  await turn();
  assert.equal(socket.written.length, 1);
});

test('between the slices of a long broadcast other work has its turn, and who waits gets more with one write', async () => {
  const { fanOut } = open();
  const sockets = Array.from({ length: 200 }, () => new SluggishSocket());
  const outboxes = sockets.map((socket) => fanOut.outbox(socket, () => {}));
  const told: string[] = [];
  fanOut.schedule(pushing('one ', outboxes, () => told.push('one')));
  await turn();
  const early = sockets.filter(({ written }) => written.length > 0).length;
  assert.ok(early > 0 && early < sockets.length, `${early} of ${sockets.length} were written to in the first slice`);
  fanOut.schedule(pushing('two ', outboxes, () => told.push('two')));
  for (let slices = 0; told.length < 2 && slices < 1000; slices++) {
    await turn();
    const ones = sockets.filter(({ written }) => written.length > 0).length;
    const twos = sockets.filter(({ written }) => written.join('').includes('two')).length;
    if (told.length < 1) assert.ok(ones < sockets.length, 'told when the last socket was written to');
    if (told.length < 2) assert.ok(twos < sockets.length, 'told when the last socket was written to');
  }
  assert.deepEqual(told, ['one', 'two']);
  for (const { written } of sockets) assert.equal(written.join(''), 'one two ');
  const writes = sockets.reduce((sum, { written }) => sum + written.length, 0);
  assert.ok(writes < 2 * sockets.length, `${writes} writes for ${sockets.length} sockets`);
});

test('under steady load, with always someone left to write to, everyone gets everything in order', async () => {
  const { fanOut } = open();
  const sockets = Array.from({ length: 100 }, () => new SluggishSocket());
  const outboxes = sockets.map((socket) => fanOut.outbox(socket, () => {}));
  let settled = 0;
  for (let n = 0; n < 100; n++) {
    fanOut.schedule(pushing(`${n} `, outboxes, () => settled++));
    await turn();
  }
  for (let slices = 0; settled < 100 && slices < 1000; slices++) await turn();
  const all = Array.from({ length: 100 }, (_, n) => `${n} `).join('');
  for (const { written } of sockets) assert.equal(written.join(''), all);
});

test('typing and presence are spared past 64 KiB unsent, and counted; other frames are not', async () => {
  const { socket, outbox, slow } = open();
  const before = await dropped();
  socket.writableLength = 64 * KIB;
  outbox.pushEphemeral(Buffer.from('typing '));
  socket.writableLength = 64 * KIB + 1;
  outbox.pushEphemeral(Buffer.from('typing '));
  outbox.push(Buffer.from('message'));
  await turn();
  assert.equal(Buffer.concat(socket.written).toString(), 'typing message');
  assert.equal((await dropped()) - before, 1);
  assert.equal(slow(), 0);
});

test('a socket with more than 1 MiB unsent is given up, once, and written to no more', async () => {
  const { socket, outbox, slow } = open();
  socket.writableLength = MIB;
  outbox.push(Buffer.from('still taken'));
  await turn();
  assert.equal(slow(), 0);
  assert.equal(socket.written.length, 1);
  outbox.push(Buffer.from('too much'));
  await turn();
  outbox.push(Buffer.from('and more'));
  outbox.pushEphemeral(Buffer.from('and more'));
  await turn();
  assert.equal(slow(), 1);
  assert.equal(socket.written.length, 1);
});

test('a slow socket costs another one nothing', async () => {
  const { fanOut, socket, outbox } = open();
  const other = new FakeSocket();
  const otherOutbox = fanOut.outbox(other, () => assert.fail('the other one is not slow'));
  socket.writableLength = 2 * MIB;
  for (let tick = 0; tick < 3; tick++) {
    outbox.push(Buffer.from('x'));
    otherOutbox.push(Buffer.from('x'));
    await turn();
  }
  assert.equal(other.written.length, 3);
});

test('a large history that the client asked for does not count as slowness', async () => {
  const { socket, outbox, slow } = open();
  outbox.pushHistory([Buffer.alloc(3 * MIB)]);
  await turn();
  assert.equal(socket.writableLength, 3 * MIB);
  for (let sent = 0; sent < 8; sent++) {
    outbox.push(Buffer.alloc(100 * KIB));
    await turn();
  }
  assert.equal(slow(), 0);
  assert.equal(socket.written.length, 9);
});

test('a small history is one write, and a large one is shared by all who ask for it', async () => {
  const parts = [Buffer.alloc(KIB), Buffer.alloc(KIB)];
  const small = open();
  small.outbox.pushHistory(parts);
  await turn();
  assert.deepEqual(small.socket.written, [Buffer.concat(parts)]);
  const page = [Buffer.alloc(256 * KIB), Buffer.alloc(1)];
  for (const { outbox, socket } of [open(), open()]) {
    outbox.pushHistory(page);
    await turn();
    assert.deepEqual(socket.calls, ['cork', 'write', 'write', 'uncork']);
    assert.ok(
      socket.written.every((bytes, index) => bytes === page[index]),
      'the very buffers',
    );
  }
});

test('live frames behind a history count all the same', async () => {
  const { socket, outbox, slow } = open();
  outbox.pushHistory([Buffer.alloc(2 * MIB)]);
  await turn();
  for (let sent = 0; sent < 20 && slow() === 0; sent++) {
    outbox.push(Buffer.alloc(100 * KIB));
    await turn();
  }
  assert.equal(slow(), 1);
  assert.ok(socket.writableLength <= 2 * MIB + MIB + 100 * KIB);
});

test('the allowance for a history ends when it was taken', async () => {
  const { socket, outbox, slow } = open();
  outbox.pushHistory([Buffer.alloc(5 * MIB)]);
  await turn();
  socket.drain();
  outbox.push(Buffer.from('live'));
  await turn();
  socket.writableLength = MIB + KIB;
  outbox.push(Buffer.from('live'));
  await turn();
  assert.equal(slow(), 1);
});

// Joining a joined channel again is a resume in place, so a client may ask for a page as often as it likes.
test('one who asks for a history again and again without reading it is given up in the end', async () => {
  const { socket, outbox, slow } = open();
  const page = Buffer.alloc(MIB);
  for (let asked = 0; asked < 200 && slow() === 0; asked++) {
    outbox.pushHistory([page]);
    await turn();
  }
  assert.equal(slow(), 1, `${socket.writableLength / MIB} MiB are held for one socket`);
});

test('a closed outbox writes nothing, neither what waited nor what comes', async () => {
  const { socket, outbox, slow } = open();
  outbox.push(Buffer.from('waiting'));
  outbox.close();
  outbox.push(Buffer.from('late'));
  outbox.pushHistory([Buffer.from('late')]);
  outbox.pushEphemeral(Buffer.from('late'));
  outbox.write();
  await turn();
  assert.deepEqual(socket.calls, []);
  assert.equal(slow(), 0);
});

test('a destroyed socket is not written to', async () => {
  const { socket, outbox, slow } = open();
  outbox.push(Buffer.from('waiting'));
  socket.destroyed = true;
  socket.writableLength = 2 * MIB;
  await turn();
  assert.deepEqual(socket.calls, []);
  assert.equal(slow(), 0);
});

test('writing at once leaves nothing for the end of the tick', async () => {
  const { socket, outbox } = open();
  outbox.push(Buffer.from('now'));
  outbox.write();
  assert.equal(socket.written.length, 1);
  await turn();
  assert.equal(socket.written.length, 1);
});
