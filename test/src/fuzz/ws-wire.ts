/** WebSocket frames as bytes: as RFC 6455 has them, and as it forbids them. */
import type { Random } from '../torture/random.js';
import type { Payload } from './ws-payloads.js';

const FIN = 0x80;
const MASKED = 0x80;
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** @param first the first byte: FIN, reserved bits, opcode. @param mask four bytes */
export function frame(first: number, payload: Uint8Array, mask: readonly number[] = [0, 0, 0, 0]): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [first, MASKED | length]
      : length < 65_536
        ? [first, MASKED | 126, length >> 8, length & 0xff]
        : [first, MASKED | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  const masked = Buffer.from(payload);
  if (mask.some((byte) => byte !== 0)) {
    for (let at = 0; at < length; at++) masked[at] = (masked[at] ?? 0) ^ (mask[at % 4] ?? 0);
  }
  return Buffer.concat([Buffer.from([...head, ...mask]), masked]);
}

/** A payload in one frame, or in fragments with a ping between them, which is as good. */
export function encode(random: Random, { bytes, binary }: Payload): Buffer {
  const opcode = binary ? OPCODE.binary : OPCODE.text;
  const mask = random.chance(0.2) ? Array.from({ length: 4 }, () => random.int(0, 255)) : [0, 0, 0, 0];
  if (random.chance(0.95)) return frame(FIN | opcode, bytes, mask);
  const cut = random.int(0, bytes.length);
  return Buffer.concat([
    frame(opcode, bytes.subarray(0, cut), mask),
    frame(FIN | OPCODE.ping, Buffer.from('between')),
    frame(FIN | OPCODE.continuation, bytes.subarray(cut), mask),
  ]);
}

/** A close in good order. */
export function closeFrame(code = 1000): Buffer {
  return frame(FIN | OPCODE.close, Buffer.from([code >> 8, code & 0xff]));
}

/** Bytes after which nothing on the connection is a frame any more, or that end it. The payload is that of a text. */
export function violation(random: Random, payload: Uint8Array, bytes: Uint8Array): Buffer {
  const good = frame(FIN | OPCODE.text, payload);
  const kind = random.weighted({
    garbage: 3,
    opcode: 2,
    reserved: 2,
    unmasked: 1,
    invalidUtf8: 3,
    fragments: 2,
    control: 2,
    length: 2,
    tooBig: 1,
    close: 2,
    cut: 2,
    header: 4,
    endless: 0.3,
    pings: 0.3,
  });
  switch (kind) {
    case 'garbage':
      return Buffer.from(bytes);
    case 'opcode':
      return frame(FIN | random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload);
    case 'reserved':
      return frame(FIN | OPCODE.text | (random.int(1, 7) << 4), payload);
    case 'unmasked':
      return Buffer.concat([Buffer.from([FIN | OPCODE.text, 2]), Buffer.from('{}')]);
    case 'invalidUtf8':
      return frame(
        FIN | OPCODE.text,
        random.pick(INVALID_UTF8.map((odd) => Buffer.concat([payload, Buffer.from(odd)]))),
      );
    case 'fragments':
      return Buffer.concat(Array.from({ length: random.int(2, 6) }, () => frame(random.pick([0, 1, 2, 0x80]), bytes)));
    case 'control':
      return random.chance(0.5)
        ? frame(FIN | random.pick([8, 9, 10]), Buffer.alloc(random.int(126, 400)))
        : frame(random.pick([8, 9, 10]), Buffer.from('part'));
    case 'length':
      return Buffer.concat([oddLength(random), payload]);
    case 'tooBig':
      return frame(FIN | random.pick([1, 2]), Buffer.alloc(random.int(5000, 100_000), 0x20));
    case 'close':
      return frame(FIN | OPCODE.close, random.pick(CLOSE_PAYLOADS.map((each) => Buffer.from(each))));
    case 'cut':
      return good.subarray(0, random.int(1, good.length - 1));
    case 'header': {
      const mutated = Buffer.from(good);
      mutated[random.int(0, 5)] = random.int(0, 255);
      return mutated;
    }
    case 'endless':
      return Buffer.concat([
        frame(OPCODE.text, payload),
        ...Array.from({ length: 1500 }, () => frame(0, Buffer.alloc(3))),
      ]);
    case 'pings':
      return Buffer.concat(Array.from({ length: 300 }, () => frame(FIN | OPCODE.ping, bytes.subarray(0, 100))));
  }
}

/** Bytes that no UTF-8 text has: stray and missing continuations, overlong forms, a surrogate, beyond the last plane. */
const INVALID_UTF8: readonly number[][] = [
  [0x80],
  [0xff, 0xfe],
  [0xc3],
  [0xc0, 0xaf],
  [0xe0, 0x80, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf0, 0x9f, 0x98],
];

/** No code, half a code, codes that must not be sent, a reason that is no UTF-8, and such as are all right. */
const CLOSE_PAYLOADS: readonly number[][] = [
  [],
  [3],
  [0x03, 0xed],
  [0x03, 0xee],
  [0, 0],
  [0xff, 0xff],
  [0x03, 0xe8, 0xff],
  [0x03, 0xe8, 0x6f, 0x6b],
  [0x0b, 0xb8],
];

/** Headers that name a length which does not follow, or in a form that is too long. */
function oddLength(random: Random): Buffer {
  const first = FIN | random.pick([1, 2]);
  const mask = [0, 0, 0, 0];
  return Buffer.from(
    random.pick([
      [first, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, ...mask],
      [first, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...mask],
      [first, 0xff, 0, 0x20, 0, 0, 0, 0, 0, 0, ...mask],
      [first, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, ...mask],
      [first, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, ...mask],
      [first, 0xfe, 0xff, 0xff, ...mask],
      [first, 0xfe, 0, 1, ...mask],
    ]),
  );
}
