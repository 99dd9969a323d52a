import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeTextFrames, jsonFrame, PING_FRAME, skipFrames } from './frame.js';

/** An independent reading of unmasked, unfragmented text frames (RFC 6455, section 5.2). */
function decode(bytes: Buffer): string[] {
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    assert.equal(bytes.readUInt8(at), 0x81, 'FIN and opcode 1, no reserved bits');
    const short = bytes.readUInt8(at + 1);
    assert.ok(short < 128, 'not masked');
    let length = short;
    at += 2;
    if (short === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
      assert.ok(length > 125, 'the shortest form of the length');
    } else if (short === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
      assert.ok(length > 65_535, 'the shortest form of the length');
    }
    assert.ok(at + length <= bytes.length, 'a whole frame');
    texts.push(bytes.toString('utf8', at, at + length));
    at += length;
  }
  return texts;
}

for (const [payloadBytes, headerBytes] of [
  [0, 2],
  [1, 2],
  [125, 2],
  [126, 4],
  [127, 4],
  [65_535, 4],
  [65_536, 10],
  [200_000, 10],
] as const) {
  test(`a text of ${payloadBytes} bytes gets a header of ${headerBytes} bytes`, () => {
    const text = 'x'.repeat(payloadBytes);
    const frames = encodeTextFrames([text]);
    assert.equal(frames.length, payloadBytes + headerBytes);
    assert.deepEqual(decode(frames), [text]);
    assert.equal(skipFrames(frames, 0, 1), frames.length);
  });
}

test('lengths are counted in bytes of UTF-8', () => {
  const text = '\u00e9'.repeat(63);
  const frames = encodeTextFrames([text]);
  assert.equal(frames.length, 126 + 4);
  assert.deepEqual(decode(frames), [text]);
});

test('no texts are no bytes', () => {
  assert.equal(encodeTextFrames([]).length, 0);
});

test('a value becomes the frame of its JSON', () => {
  assert.deepEqual(decode(jsonFrame({ type: 'pong', text: '\u{1f600}' })), ['{"type":"pong","text":"\u{1f600}"}']);
});

test('the ping frame is an empty, unmasked control frame', () => {
  assert.deepEqual([...PING_FRAME], [0x89, 0]);
});

test('skipping goes from any frame to any later one, over all three sizes of header', () => {
  const texts = ['', 'a', 'b'.repeat(126), 'c'.repeat(70_000), 'd'];
  const frames = encodeTextFrames(texts);
  for (let from = 0; from <= texts.length; from++) {
    const at = skipFrames(frames, 0, from);
    assert.deepEqual(decode(frames.subarray(at)), texts.slice(from));
    for (let count = 0; from + count <= texts.length; count++) {
      assert.equal(skipFrames(frames, at, count), skipFrames(frames, 0, from + count));
    }
  }
});

test('any texts can be read back, and each frame begins where skipping says', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(124, 125, 126, 127, 65_535, 65_536).map((size) => 'y'.repeat(size)),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.nat(8), (texts, skip) => {
      const frames = encodeTextFrames(texts);
      assert.deepEqual(decode(frames), texts);
      const count = Math.min(skip, texts.length);
      assert.deepEqual(decode(frames.subarray(skipFrames(frames, 0, count))), texts.slice(count));
    }),
  );
});
