/** What a bench tells its generators, and what they answer. Every order has one answer. */
import type { DialectName } from './dialect.js';
import type { PackedHistogram } from './histogram.js';
import type { ClientOrder } from './load-client.js';

/** How messages are sent. */
export type Load =
  /** Each sender sends its next message when the one before has come back: as much as the system takes. */
  | { readonly kind: 'closed'; readonly senders: readonly number[]; readonly inFlight: number }
  /** So many messages a second by the clock, whatever comes back; the senders take turns. */
  | { readonly kind: 'rate'; readonly senders: readonly number[]; readonly perSecond: number }
  /** Each sender sends one message. */
  | { readonly kind: 'once'; readonly senders: readonly number[] };

export type Order =
  | {
      readonly kind: 'connect';
      readonly dialect: DialectName;
      readonly clients: readonly ClientOrder[];
      /** Connections that are opened at a time. */
      readonly parallel: number;
    }
  | { readonly kind: 'start'; readonly load: Load; readonly sampleEvery: number }
  /** Answers with what was counted since the last one, and begins anew. */
  | { readonly kind: 'mark' }
  /** Ends the sending. */
  | { readonly kind: 'stop' }
  /** Waits until every client has so many messages in all, by its channels' sum, or nothing comes any more. */
  | { readonly kind: 'settle'; readonly expected: Readonly<Record<string, number>>; readonly quietMs: number }
  /** Drops all connections but those of the named clients. */
  | { readonly kind: 'drop'; readonly except: readonly number[] }
  /** Those that were dropped come back with their last place. */
  | { readonly kind: 'return'; readonly parallel: number };

/** Counted in one generator between two marks. */
export interface Counts {
  /** Monotonic, in microseconds. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly sent: number;
  readonly delivered: number;
  readonly otherFrames: number;
  readonly otherBytes: number;
  readonly latencies: PackedHistogram;
  /** How late messages at a fixed rate were sent, because the generator had no time: largest, in microseconds. */
  readonly latestSendUs: number;
  readonly cpuUs: number;
}

export interface Settled {
  /** When the last client had everything; monotonic, in microseconds. */
  readonly atUs: number;
  /** Messages that clients have not got, or got too often. */
  readonly lost: number;
  /** Messages of these clients that were answered with an error, by channel. */
  readonly refused: Readonly<Record<string, number>>;
  readonly faults: number;
  readonly faultTexts: readonly string[];
}

/** The answers by kind of order. */
export interface Answers {
  readonly connect: null;
  readonly start: null;
  readonly mark: Counts;
  /** Messages sent since the clients connected, by channel. */
  readonly stop: Readonly<Record<string, number>>;
  readonly settle: Settled;
  readonly drop: null;
  readonly return: null;
}
