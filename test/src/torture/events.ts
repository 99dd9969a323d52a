/**
 * What a torture run writes down, one JSON object a line. Times are milliseconds on the monotonic clock of the machine
 * (`process.hrtime`), the same for all processes. Clients, channels and instances are numbers: their places in the plan.
 */

interface Of<K extends string> {
  readonly k: K;
  readonly t: number;
}

/** Something that one client did or saw. `conn` numbers his connections. */
interface OfClient<K extends string> extends Of<K> {
  readonly c: number;
}
interface OfConnection<K extends string> extends OfClient<K> {
  readonly conn: number;
}

export type OpenEvent = OfConnection<'open'> & { readonly i: number };
export type CloseEvent = OfConnection<'close'> & {
  readonly code: number;
  readonly why: string;
  /** The client wanted it. */
  readonly own: boolean;
};
/** The upgrade was answered with a status, or (0) not at all. */
export type RefusedEvent = OfClient<'refused'> & { readonly i: number; readonly status: number; readonly code: string };
export type JoinEvent = OfConnection<'join'> & { readonly ch: number; readonly asked: number | null };
export type SubscribedEvent = OfConnection<'sub'> & {
  readonly ch: number;
  /** `last_seq` of the join that this answers; null: none. */
  readonly asked: number | null;
  readonly seq: number;
  readonly recovered: boolean;
  readonly oldest: number | null;
};
export type LeaveEvent = OfConnection<'leave'> & { readonly ch: number };
/** A message went out; `conn` null: over REST. */
export type SentEvent = OfClient<'sent'> & {
  readonly conn: number | null;
  readonly ch: number;
  readonly id: string;
  readonly size: number;
  /** The code with which it has to be refused; absent: it is a good one. */
  readonly bad?: string;
};
export type ErrorEvent = OfClient<'err'> & {
  readonly conn: number | null;
  readonly ch: number | null;
  readonly id: string | null;
  readonly code: string;
};
/** A frame of a channel's sequence came. */
export type GotEvent = OfConnection<'got'> & {
  readonly ch: number;
  readonly seq: number;
  readonly type: string;
  /** Of messages. */
  readonly id?: string;
  /** {@link digestOf} the content, of messages. */
  readonly d?: string;
};
/** REST took the message. */
export type PostedEvent = OfClient<'posted'> & {
  readonly ch: number;
  readonly id: string;
  readonly seq: number;
  readonly status: number;
};
/** The sender asked over REST that his message be deleted, and this is the answer. */
export type ErasedEvent = OfClient<'erased'> & { readonly id: string; readonly status: number };
/** A moderator laid something on another client, or lifted it; `status` 0: no answer came, and it may have been done. */
export type ModeratedEvent = OfClient<'moderated'> & {
  readonly ch: number;
  readonly target: number;
  readonly action: 'ban' | 'timeout' | 'mute' | 'unban' | 'unmute';
  readonly sentMs: number;
  readonly status: number;
};
export type FreezeEvent = OfConnection<'freeze'>;
export type ThawEvent = OfConnection<'thaw'>;
/** The server said something that no server should say. */
export type OddEvent = OfClient<'odd'> & { readonly text: string };
/** Where a client stands in a channel at the very end; null: he is not in it. */
export type EndEvent = OfClient<'end'> & { readonly ch: number; readonly reached: number | null };
/** A message that was never answered, although its sender waited to the end. */
export type UnansweredEvent = OfClient<'unanswered'> & { readonly ch: number; readonly id: string };

export type ClientEvent =
  | OpenEvent
  | CloseEvent
  | RefusedEvent
  | JoinEvent
  | SubscribedEvent
  | LeaveEvent
  | SentEvent
  | ErrorEvent
  | GotEvent
  | PostedEvent
  | ErasedEvent
  | ModeratedEvent
  | FreezeEvent
  | ThawEvent
  | OddEvent
  | EndEvent
  | UnansweredEvent;

/** A fault that was done, from its beginning until all that it broke was whole again. */
export interface FaultRecord {
  readonly kind: string;
  readonly detail: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Now, on the clock of all events. */
export function clockMs(): number {
  return Math.round(Number(process.hrtime.bigint()) / 1000) / 1000;
}
