/*
 * RFC 6455 frames as a server sends them: unmasked, unfragmented. They are made once and shared by every socket, so
 * nothing here depends on a connection.
 */

const FIN_TEXT = 0x81;
const FIN_PING = 0x89;

/** An empty ping frame. */
export const PING_FRAME = Buffer.from([FIN_PING, 0]);

/** Bytes of the text frame whose payload has `payloadBytes` bytes, header included. */
function frameSize(payloadBytes: number): number {
  return payloadBytes + (payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10);
}

/** Writes a text frame's header at `offset`; returns the offset of its payload. */
function writeHeader(target: Buffer, offset: number, payloadBytes: number): number {
  target[offset] = FIN_TEXT;
  if (payloadBytes < 126) {
    target[offset + 1] = payloadBytes;
    return offset + 2;
  }
  if (payloadBytes < 65_536) {
    target[offset + 1] = 126;
    target.writeUInt16BE(payloadBytes, offset + 2);
    return offset + 4;
  }
  target[offset + 1] = 127;
  target.writeUInt32BE(0, offset + 2);
  target.writeUInt32BE(payloadBytes, offset + 6);
  return offset + 10;
}

/** Text frames, one for each text, one behind the other in one buffer. */
export function encodeTextFrames(texts: readonly string[]): Buffer {
  let size = 0;
  for (const text of texts) size += frameSize(Buffer.byteLength(text));
  const target = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const text of texts) {
    const payload = writeHeader(target, offset, Buffer.byteLength(text));
    offset = payload + target.write(text, payload);
  }
  return target;
}

/** The text frame of one value's JSON. */
export function jsonFrame(value: object): Buffer {
  return encodeTextFrames([JSON.stringify(value)]);
}

/**
 * Where the frame after the next `count` frames begins.
 *
 * @param frames whole frames of {@link encodeTextFrames}
 * @param offset where a frame begins
 */
export function skipFrames(frames: Buffer, offset: number, count: number): number {
  let at = offset;
  for (let left = count; left > 0; left--) {
    const length = frames[at + 1] ?? 0;
    if (length < 126) at += 2 + length;
    else if (length === 126) at += 4 + frames.readUInt16BE(at + 2);
    else at += 10 + frames.readUInt32BE(at + 6);
  }
  return at;
}
