import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BATCH_KIND, type Batch } from './batch.js';
import { encodeTextFrames } from './frame.js';
import { Ring } from './ring.js';

const NO_BOUND = Number.MAX_SAFE_INTEGER;

function messages(firstSeq: number, count: number): Batch {
  const texts = Array.from({ length: count }, (_, index) => `m${firstSeq + index}`);
  return { kind: BATCH_KIND.messages, origin: 0, firstSeq, count, note: '', frames: encodeTextFrames(texts) };
}

function event(seq: number): Batch {
  return {
    kind: BATCH_KIND.event,
    origin: 0,
    firstSeq: seq,
    count: 1,
    note: '{}',
    frames: encodeTextFrames([`e${seq}`]),
  };
}

/** The texts of frames shorter than 126 bytes, of which all are made here. */
function read(frames: readonly Buffer[] | null | undefined): string[] {
  assert.ok(frames);
  const bytes = Buffer.concat(frames);
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt8(at + 1)) {
    texts.push(bytes.toString('utf8', at + 2, at + 2 + bytes.readUInt8(at + 1)));
  }
  return texts;
}

function ringOf(batches: readonly Batch[], maxPlaces = NO_BOUND, maxBytes = NO_BOUND): Ring {
  const ring = new Ring(maxPlaces, maxBytes);
  for (const batch of batches) ring.push(batch);
  return ring;
}

test('everything after a place is given, parts of batches too', () => {
  const ring = ringOf([messages(1, 2), event(3), messages(4, 3)]);
  assert.deepEqual(read(ring.since(0)), ['m1', 'm2', 'e3', 'm4', 'm5', 'm6']);
  assert.deepEqual(read(ring.since(1)), ['m2', 'e3', 'm4', 'm5', 'm6']);
  assert.deepEqual(read(ring.since(3)), ['m4', 'm5', 'm6']);
  assert.deepEqual(read(ring.since(5)), ['m6']);
  assert.deepEqual(read(ring.since(6)), []);
});

test('a place before the oldest one held is not reached', () => {
  const ring = ringOf([messages(5, 2)]);
  assert.equal(ring.since(3), null);
  assert.deepEqual(read(ring.since(4)), ['m5', 'm6']);
});

test('what was read is added before the oldest place held, the parts that are held left out', () => {
  const ring = ringOf([messages(6, 3)]);
  ring.extendBack([messages(2, 2), event(4), messages(5, 3)]);
  assert.deepEqual(read(ring.since(1)), ['m2', 'm3', 'e4', 'm5', 'm6', 'm7', 'm8']);
  assert.equal(ring.since(0), null);
  ring.push(messages(9, 1));
  assert.deepEqual(read(ring.since(7)), ['m8', 'm9']);
});

test('an empty ring takes what was read up to the place from which it will hold, and no more', () => {
  const ring = new Ring(NO_BOUND, NO_BOUND, 4);
  ring.extendBack([messages(2, 5)]);
  assert.deepEqual(read(ring.since(1)), ['m2', 'm3', 'm4']);
});

test('what does not reach up to the oldest place held is not added', () => {
  const ring = ringOf([messages(6, 3)]);
  ring.extendBack([messages(1, 4)]);
  assert.equal(ring.since(4), null);
  ring.extendBack([]);
  assert.equal(ring.since(4), null);
  ring.extendBack([messages(1, 5)]);
  assert.equal(read(ring.since(0)).length, 8);
});

test('what was read is added as far as there is room, and gives way to what is new', () => {
  const ring = ringOf([messages(6, 3)], 6);
  ring.extendBack([messages(1, 2), messages(3, 1), messages(4, 2)]);
  assert.equal(ring.since(1), null);
  assert.deepEqual(read(ring.since(2)), ['m3', 'm4', 'm5', 'm6', 'm7', 'm8']);
  ring.push(messages(9, 2));
  assert.equal(ring.since(4), null);
  assert.deepEqual(read(ring.since(5)), ['m6', 'm7', 'm8', 'm9', 'm10']);
});

test('an empty ring reaches no place before the one from which it will hold', () => {
  const ring = new Ring(NO_BOUND, NO_BOUND, 7);
  assert.equal(ring.since(6), null);
  assert.deepEqual(ring.since(7), []);
});

test('past the bound of places the oldest batches go', () => {
  const ring = ringOf([messages(1, 2), messages(3, 2), messages(5, 2)], 4);
  assert.equal(ring.since(1), null);
  assert.deepEqual(read(ring.since(2)), ['m3', 'm4', 'm5', 'm6']);
});

test('past the bound of bytes the oldest batches go', () => {
  const one = messages(1, 1).frames.length;
  const ring = ringOf([messages(1, 1), messages(2, 1), messages(3, 1)], NO_BOUND, 2 * one);
  assert.equal(ring.since(0), null);
  assert.deepEqual(read(ring.since(1)), ['m2', 'm3']);
});

test('the newest batch stays whatever its size', () => {
  const ring = ringOf([messages(1, 1), messages(2, 10)], 3, 5);
  assert.equal(read(ring.since(1)).length, 10);
  assert.equal(ring.since(0), null);
});

test('the newest messages are given without the events between them', () => {
  const ring = ringOf([messages(1, 3), event(4), messages(5, 2), event(7)]);
  assert.deepEqual(read(ring.newest(3)?.frames), ['m3', 'm5', 'm6']);
  assert.equal(ring.newest(3)?.oldestSeq, 3);
  assert.deepEqual(read(ring.newest(1)?.frames), ['m6']);
  assert.equal(ring.newest(1)?.oldestSeq, 6);
});

test('of a channel that is held whole there are fewer when it has no more', () => {
  const page = ringOf([event(1), messages(2, 2)]).newest(50);
  assert.deepEqual(read(page?.frames), ['m2', 'm3']);
  assert.equal(page?.oldestSeq, 2);
});

test('when older messages may exist the ring does not stand for them', () => {
  assert.equal(ringOf([messages(5, 2)]).newest(3), null);
  assert.deepEqual(read(ringOf([messages(5, 2)]).newest(2)?.frames), ['m5', 'm6']);
  assert.equal(ringOf([event(5)]).newest(1), null);
});

test('what is forgotten is not reached any more; what came after it is', () => {
  const ring = ringOf([messages(1, 2), messages(3, 2), event(5)]);
  ring.forget(3);
  assert.equal(ring.since(2), null);
  assert.equal(ring.since(3), null, 'what came in one batch with it went too');
  assert.deepEqual(read(ring.since(4)), ['e5']);
  assert.equal(ring.newest(1), null);
  ring.push(messages(6, 1));
  assert.deepEqual(read(ring.since(4)), ['e5', 'm6']);
  assert.deepEqual(read(ring.newest(1)?.frames), ['m6']);
});

test('all that is held can be forgotten, and what is not held may be', () => {
  const ring = ringOf([messages(3, 2)]);
  ring.forget(2);
  assert.deepEqual(read(ring.since(2)), ['m3', 'm4']);
  ring.forget(4);
  assert.equal(ring.since(3), null);
  assert.deepEqual(read(ring.since(4)), []);
  ring.forget(9);
  ring.push(messages(5, 1));
  assert.deepEqual(read(ring.since(4)), ['m5']);
});

test('a page of no messages is empty and never a miss', () => {
  for (const ring of [ringOf([]), ringOf([messages(5, 2)]), ringOf([event(9)])]) {
    assert.deepEqual(ring.newest(0), { frames: [], oldestSeq: null });
  }
});

test('an empty channel has an empty page, and one of events alone too', () => {
  assert.deepEqual(ringOf([]).newest(50), { frames: [], oldestSeq: null });
  assert.deepEqual(ringOf([event(1), event(2)]).newest(50), { frames: [], oldestSeq: null });
});

test('the ring agrees with a plain list of the whole sequence', () => {
  const part = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(null));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(part, { maxLength: 12 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 120 }),
      (firstSeq, parts, maxPlaces, maxBytes) => {
        const ring = new Ring(maxPlaces, maxBytes);
        const all: string[] = [];
        let seq = firstSeq;
        for (const count of parts) {
          const batch = count === null ? event(seq) : messages(seq, count);
          ring.push(batch);
          seq += batch.count;
          all.push(...read([batch.frames]));
        }
        const head = seq - 1;
        for (let after = 0; after <= head; after++) {
          const frames = ring.since(after);
          if (frames !== null) assert.deepEqual(read(frames), all.slice(Math.max(0, after + 1 - firstSeq)));
        }
        const held = all.filter((_, index) => ring.since(firstSeq + index - 1) !== null).length;
        const newest = parts.length === 0 ? 0 : (parts.at(-1) ?? 1);
        assert.ok(held <= Math.max(maxPlaces, newest), 'bounded in places');
        if (parts.length > 0) assert.ok(held >= newest, 'the newest batch stays');

        const texts = all.filter((text) => text.startsWith('m'));
        for (let count = 0; count <= texts.length + 1; count++) {
          const page = ring.newest(count);
          if (page === null) continue;
          const expected = count === 0 ? [] : texts.slice(-count);
          assert.deepEqual(read(page.frames), expected);
          assert.equal(page.oldestSeq, expected[0] === undefined ? null : Number(expected[0].slice(1)));
        }
      },
    ),
  );
});

test('of a channel that has lost its beginning what is left is all there is', () => {
  const ring = new Ring(100, 10_000, 10, 4);
  ring.extendBack([messages(5, 6)]);
  assert.deepEqual(ring.newest(50)?.oldestSeq, 5);
  assert.equal(ring.since(3), null, 'what came after it is not all there');
  ring.lose(7);
  assert.equal(ring.newest(50), null, 'a batch goes as a whole, and its rest only the database has');
  ring.push(messages(11, 2));
  ring.lose(10);
  assert.deepEqual(ring.newest(50)?.oldestSeq, 11);
  ring.lose(6);
  assert.deepEqual(ring.newest(50)?.oldestSeq, 11, 'nothing comes back');
});

test('a ring that begins anew reaches nothing of before', () => {
  const ring = new Ring(100, 10_000);
  ring.push(messages(1, 3));
  ring.restart(6);
  assert.equal(ring.since(3), null);
  assert.deepEqual(ring.since(6), []);
  ring.push(messages(7, 1));
  assert.equal(ring.since(6)?.length, 1);
  assert.equal(ring.newest(2), null);
});
