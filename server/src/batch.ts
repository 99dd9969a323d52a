import { skipFrames } from './frame.js';

/*
 * What travels on the bus: a header of fixed size, an optional note for the hubs (JSON), and ready WebSocket frames.
 *
 *   0  u8   version (1); instances of two versions share a bus, so what has another one is ignored, counted, and read from
 *           the database
 *   1  u8   kind
 *   2  u16  count: frames, and in a sequenced batch places of the sequence
 *   4  u32  origin: random number of the instance that made it
 *   8  f64  firstSeq: place of the first frame; 0 in an ephemeral batch
 *  16  u32  bytes of the note
 *  20       note, then frames
 *
 * One encode, one write: every instance hands the bytes behind the note to its sockets as they are.
 */

export const BATCH_HEADER_BYTES = 20;
const VERSION = 1;

export const BATCH_KIND = {
  /**
   * Messages, each with its place in the channel's sequence. Where they are traced the note is the publish's `traceparent`;
   * a version that traces nothing never looks at the note of these.
   */
  messages: 1,
  /** Other sequenced events (one a batch), with a note that says what the hub itself has to do. */
  event: 2,
  /** Typing and presence: no place, may be lost; the note names whom they are not for. */
  ephemeral: 3,
  /** For the hubs alone: who may do what has changed. No place of its own; the channel's version tells if one is lost. */
  access: 5,
  /** A bus's message to itself, which proves that a subscription is alive; never reaches a hub. */
  probe: 4,
} as const;

export type BatchKind = (typeof BATCH_KIND)[keyof typeof BATCH_KIND];

export interface Batch {
  readonly kind: BatchKind;
  readonly origin: number;
  readonly firstSeq: number;
  readonly count: number;
  /** JSON text, but see {@link BATCH_KIND}; empty when there is none. */
  readonly note: string;
  readonly frames: Buffer;
}

/** Place of a sequenced batch's last frame. */
export function lastSeqOf(batch: Batch): number {
  return batch.firstSeq + batch.count - 1;
}

/** The part of a sequenced batch that comes after `seq`; the batch itself if that is all of it. */
export function batchAfter(batch: Batch, seq: number): Batch {
  const skip = seq + 1 - batch.firstSeq;
  if (skip <= 0) return batch;
  return {
    ...batch,
    firstSeq: batch.firstSeq + skip,
    count: batch.count - skip,
    frames: batch.frames.subarray(skipFrames(batch.frames, 0, skip)),
  };
}

/** The part of a sequenced batch up to `seq`, in memory of its own; the batch itself if that is all of it. */
export function batchUntil(batch: Batch, seq: number): Batch {
  const count = seq + 1 - batch.firstSeq;
  if (count >= batch.count) return batch;
  const frames = Buffer.from(batch.frames.subarray(0, skipFrames(batch.frames, 0, count)));
  return { ...batch, count, frames };
}

/** A batch without a place and without frames: a note for the hubs. */
export function noteBatch(kind: BatchKind, origin: number, note: object): Batch {
  return { kind, origin, firstSeq: 0, count: 0, note: JSON.stringify(note), frames: Buffer.alloc(0) };
}

export function encodeBatch(batch: Batch): Buffer {
  const noteBytes = Buffer.byteLength(batch.note);
  const target = Buffer.allocUnsafe(BATCH_HEADER_BYTES + noteBytes + batch.frames.length);
  target[0] = VERSION;
  target[1] = batch.kind;
  target.writeUInt16BE(batch.count, 2);
  target.writeUInt32BE(batch.origin, 4);
  target.writeDoubleBE(batch.firstSeq, 8);
  target.writeUInt32BE(noteBytes, 16);
  target.write(batch.note, BATCH_HEADER_BYTES);
  batch.frames.copy(target, BATCH_HEADER_BYTES + noteBytes);
  return target;
}

/** @returns null for bytes that no instance of this version has made: they are ignored, never trusted */
export function decodeBatch(bytes: Buffer): Batch | null {
  if (bytes.length < BATCH_HEADER_BYTES || bytes[0] !== VERSION) return null;
  const kind = bytes[1];
  if (!isKind(kind)) return null;
  const count = bytes.readUInt16BE(2);
  const firstSeq = bytes.readDoubleBE(8);
  const sequenced = kind === BATCH_KIND.messages || kind === BATCH_KIND.event;
  if (sequenced && (count === 0 || firstSeq < 1 || !Number.isSafeInteger(firstSeq))) return null;
  const framesAt = BATCH_HEADER_BYTES + bytes.readUInt32BE(16);
  if (framesAt > bytes.length) return null;
  return {
    kind,
    count,
    origin: bytes.readUInt32BE(4),
    firstSeq,
    note: bytes.toString('utf8', BATCH_HEADER_BYTES, framesAt),
    frames: bytes.subarray(framesAt),
  };
}

function isKind(kind: number | undefined): kind is BatchKind {
  return Object.values<number | undefined>(BATCH_KIND).includes(kind);
}
