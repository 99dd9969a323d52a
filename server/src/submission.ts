import type { Span } from '@opentelemetry/api';
import type { HubbubError } from './errors.js';
import type { KnownMessageRow, MessageRow } from './store/messages.js';

/** A message on its way into the journal. */
export interface Submission {
  readonly channelId: string;
  readonly messageId: string;
  readonly userId: string;
  /** The author's part of the frame, from `encodeAuthor`. */
  readonly authorJson: string;
  readonly content: string;
  /** When it was received (`performance.now()`). */
  readonly atMs: number;
  /** The last place of the channel that was delivered on this instance when it was received; 0: none is known. */
  readonly deliveredSeq: number;
  /** Version of the channel's rules that it was held against; null: they do not concern its author. */
  readonly policyVersion: number | null;
  /** Of the command or request that it came by; null: not traced. */
  readonly span: Span | null;
}

/** The rules of the channel are others by now: the message has to be held against them. */
export class StalePolicy extends Error {
  override readonly name = 'StalePolicy';
}

/** The id belongs to a message without a place: it waits for review, or was rejected. */
export class HeldAlready extends Error {
  override readonly name = 'HeldAlready';
  readonly row: KnownMessageRow;

  constructor(row: KnownMessageRow) {
    super('The message waits for review, or was rejected');
    this.row = row;
  }
}

/** What became of a submission: committed in the database. */
export interface Receipt {
  readonly seq: number;
  readonly createdAt: Date;
  /** Set when the same sender had stored a message of this id before: that one, unchanged. */
  readonly earlier: MessageRow | null;
}

/** A submission whose sender waits for what becomes of it. */
export interface Pending {
  readonly submission: Submission;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/** Messages of one channel, in the order of their receipt; no id is in it twice. */
export interface ChannelBatch {
  readonly channelId: string;
  readonly pendings: readonly Pending[];
  /** Null: none of its messages is traced. */
  readonly span: Span | null;
}

/** What became of a channel's batch. */
export interface Committed {
  readonly stored: readonly Pending[];
  readonly found: readonly Found[];
  readonly refused: readonly Refused[];
  /** Place and time of what was stored; null when nothing was new. */
  readonly head: BatchHead | null;
}

/** Where a batch begins in its channel's sequence, and the time of all its messages. */
export interface BatchHead {
  readonly firstSeq: number;
  readonly at: Date;
}

/** A submission whose id is stored already. */
export interface Found {
  readonly pending: Pending;
  readonly row: KnownMessageRow;
  /** It was stored by an attempt of its own batch. */
  readonly own: boolean;
}

/** A submission whose author may not write, or that has to be looked at anew. */
export interface Refused {
  readonly pending: Pending;
  readonly error: HubbubError | StalePolicy;
}
