import type { Span } from './calm.js';
import type { ClientEvent, FaultRecord } from './events.js';
import type { InstanceFault } from './instance.js';

/** A row of `chat_messages`. */
export interface StoredMessage {
  readonly ch: number;
  readonly seq: number;
  readonly id: string;
  /** Number of the author; -1: nobody of this run. */
  readonly c: number;
  /** Digest of the content. */
  readonly d: string;
  /** Its content was taken away. */
  readonly deleted: boolean;
  /** When it was stored, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** A row of the audit trail that takes something from someone, or gives it back. */
export interface StoredAction {
  readonly ch: number;
  /** Number of the one concerned. */
  readonly c: number;
  readonly kind: 'ban' | 'timeout' | 'mute' | 'unban' | 'unmute';
  /** Last place of the channel at its commit. */
  readonly head: number;
  /** In milliseconds since the epoch; null: until it is lifted. */
  readonly expiresAtMs: number | null;
}

/** A row of `channel_events`. */
export interface StoredEvent {
  readonly ch: number;
  readonly seq: number;
  readonly type: string;
}

export interface Stored {
  /** `last_seq` of each channel, by its number. */
  readonly heads: readonly number[];
  readonly messages: readonly StoredMessage[];
  readonly events: readonly StoredEvent[];
  /** In the order of their commits, those of one channel. */
  readonly actions: readonly StoredAction[];
  /** What the check of the audit trail has found; null: it holds. */
  readonly trail: string | null;
}

/** All that is known of a run after its end. */
export interface RunRecord {
  /** What the clients wrote down; those of one client in the order in which it happened. */
  readonly events: readonly ClientEvent[];
  readonly faults: readonly FaultRecord[];
  /** Times at which the machine had no time, and lateness says nothing. */
  readonly stalls: readonly Span[];
  readonly instanceFaults: readonly InstanceFault[];
  /** Largest resident set of each instance, in bytes. */
  readonly rssBytes: readonly number[];
  readonly stored: Stored;
}

export type Rule =
  /** The stored sequence has a hole, a place twice, or another end than the channel's head. */
  | 'database'
  /** A client saw a place twice, or went back. */
  | 'double'
  /** A client missed a place. */
  | 'gap'
  /** A resume was answered with less than it is entitled to, or frames came without `subscribed`. */
  | 'resume'
  /** Something was acknowledged or delivered that is not stored. */
  | 'lost'
  /** Two have another seq, channel, author or kind for the same thing. */
  | 'disagreement'
  | 'content'
  /** A refused message was stored all the same, or one was refused that is fine, or with another code. */
  | 'refusal'
  /** Acknowledged before another was sent, and behind it in the sequence; or one sender's messages were swapped. */
  | 'order'
  /** Someone connected got a message late although nothing was broken. */
  | 'late'
  /** At the end someone had not got everything, or was not let in. */
  | 'behind'
  | 'unanswered'
  /** Someone wrote after the commit of his ban, timeout or mute, or went on hearing. */
  | 'moderation'
  /** The hashes of the audit trail do not hold. */
  | 'trail'
  | 'odd'
  | 'instance-error'
  | 'instance-exit'
  | 'memory';

/** Where the promise was broken. */
export interface Violation {
  readonly rule: Rule;
  /** A sentence with all that is needed to look for it. */
  readonly text: string;
  /** When it showed; null: at the end. */
  readonly t: number | null;
  readonly c?: number;
  readonly ch?: number;
  readonly id?: string;
}
