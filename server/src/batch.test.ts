import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BATCH_HEADER_BYTES,
  BATCH_KIND,
  type Batch,
  batchAfter,
  decodeBatch,
  encodeBatch,
  lastSeqOf,
} from './batch.js';
import { encodeTextFrames } from './frame.js';

function messages(firstSeq: number, count: number): Batch {
  const texts = Array.from({ length: count }, (_, index) => `message ${firstSeq + index}`);
  return { kind: BATCH_KIND.messages, origin: 7, firstSeq, count, note: '', frames: encodeTextFrames(texts) };
}

test('a batch comes back as it was', () => {
  for (const batch of [
    messages(1, 1),
    messages(4_000_000_000_000, 500),
    { ...messages(5, 1), kind: BATCH_KIND.event, note: '{"type":"channel_updated","name":"caf\u00e9 \u{1f600}"}' },
    { ...messages(0, 0), kind: BATCH_KIND.ephemeral, note: '{"except":"x"}', frames: Buffer.from('frames') },
    { ...messages(0, 0), kind: BATCH_KIND.ephemeral, note: '{"online":3}', frames: Buffer.alloc(0) },
    { ...messages(0, 0), kind: BATCH_KIND.probe, origin: 0xffff_ffff, frames: Buffer.alloc(0) },
  ]) {
    assert.deepEqual(decodeBatch(encodeBatch(batch)), batch);
  }
});

test('any batch comes back as it was', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(BATCH_KIND.messages, BATCH_KIND.event),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 100_000 }),
      fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 5 }),
      fc.json(),
      (kind, origin, firstSeq, texts, note) => {
        const batch: Batch = { kind, origin, firstSeq, count: texts.length, note, frames: encodeTextFrames(texts) };
        assert.deepEqual(decodeBatch(encodeBatch(batch)), batch);
      },
    ),
  );
});

test('the frames of a decoded batch are the bytes that came, not a copy', () => {
  const bytes = encodeBatch(messages(1, 3));
  const batch = decodeBatch(bytes);
  assert.equal(batch?.frames.buffer, bytes.buffer);
});

test('the last place counts from the first', () => {
  assert.equal(lastSeqOf(messages(5, 1)), 5);
  assert.equal(lastSeqOf(messages(5, 3)), 7);
});

test('the part after a place has the frames behind it and nothing else', () => {
  const batch = messages(5, 4);
  assert.equal(batchAfter(batch, 3), batch);
  assert.equal(batchAfter(batch, 4), batch);
  assert.deepEqual(batchAfter(batch, 5), messages(6, 3));
  assert.deepEqual(batchAfter(batch, 7), messages(8, 1));
  const nothing = batchAfter(batch, 8);
  assert.equal(nothing.count, 0);
  assert.equal(nothing.frames.length, 0);
});

test('bytes of another version, of an unknown kind, or cut short are ignored', () => {
  const bytes = encodeBatch({ ...messages(1, 1), kind: BATCH_KIND.event, note: '{"type":"x"}' });
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = value;
    return copy;
  };
  assert.equal(decodeBatch(Buffer.alloc(0)), null);
  assert.equal(decodeBatch(bytes.subarray(0, BATCH_HEADER_BYTES - 1)), null);
  assert.equal(decodeBatch(bytes.subarray(0, BATCH_HEADER_BYTES + 3)), null);
  for (const version of [0, 2, 255]) assert.equal(decodeBatch(changed(0, version)), null);
  for (const kind of [0, 6, 255]) assert.equal(decodeBatch(changed(1, kind)), null);
  assert.equal(decodeBatch(changed(16, 255)), null, 'a note longer than the bytes');
});

test('no bytes make the decoder throw', () => {
  const header = fc
    .tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1, 2, 3, 4, 5), fc.uint8Array({ maxLength: 60 }))
    .map(([version, kind, rest]) => Buffer.from([version, kind, ...rest]));
  const random = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(header, random), (bytes) => {
      const batch = decodeBatch(bytes);
      assert.ok(batch === null || batch.frames.length <= bytes.length);
    }),
    { numRuns: 1000 },
  );
});

// One NaN would poison a hub for good: no place compares with it, so everything counts as delivered or as early.
test('a sequenced batch without a true place is ignored', () => {
  for (const firstSeq of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0, 1.5, 2 ** 60]) {
    for (const kind of [BATCH_KIND.messages, BATCH_KIND.event]) {
      assert.equal(decodeBatch(encodeBatch({ ...messages(1, 1), kind, note: '{}', firstSeq })), null, String(firstSeq));
    }
  }
});

test('a sequenced batch of no frames is ignored', () => {
  assert.equal(decodeBatch(encodeBatch(messages(5, 0))), null);
});

// Instances of two versions share a bus: should this fail, the version has to be raised, over two releases (docs/upgrades.md).
test('the bytes of a batch are those that other versions write and read', () => {
  const frames = encodeTextFrames(['{}']);
  const batch: Batch = { kind: BATCH_KIND.event, origin: 0x01020304, firstSeq: 7, count: 1, note: '{"a":1}', frames };
  const bytes = '0102000101020304401c000000000000000000077b2261223a317d81027b7d';
  assert.equal(encodeBatch(batch).toString('hex'), bytes);
  assert.deepEqual(decodeBatch(Buffer.from(bytes, 'hex')), batch);
});
