/**
 * The messages of one channel in their order, each once, however they came: live, by resume or by REST.
 *
 * The sequence has places that are no messages (deletions, changes of the channel), so a hole between two messages says
 * nothing. The list is known to be without a gap by how it came about: it begins with a join, grows at its new end by what
 * the connection brings in order, and at its old end by pages that lie directly before it. When a resume cannot bring all
 * that was missed the list begins anew with the newest page: older messages that stayed would be wrong where one was
 * deleted meanwhile, and reading thousands back unasked, while all clients come back at once, is no service to anybody. As
 * the reader goes back, `loadOlder` brings them.
 */
import type { Message, MessagePage } from '@hubbub/protocol/rest.js';
import { Listeners, type Unsubscribe } from './emitter.js';
import type { Readable } from './store.js';
import type { CallOptions, OutgoingMessage, TimelineSnapshot } from './types.js';
import { withSignal } from './wait.js';

/** Messages a page. */
const PAGE = 50;
/** Listeners are called once in this time at most, in milliseconds: a frame of a screen. */
const NOTIFY_MS = 16;

interface TimelineOptions {
  /** Messages that stay while new ones come. */
  readonly maxMessages: number;
  /** Reads the page before a place. */
  readonly readBefore: (beforeSeq: number, limit: number) => Promise<MessagePage>;
  readonly outgoing: () => readonly OutgoingMessage[];
}

/** Messages that `hold` keeps, as a multiple of `maxMessages`. */
const HELD_TIMES = 50;

export class Timeline implements Readable<TimelineSnapshot> {
  readonly #options: TimelineOptions;
  /** Ordered by `seq`. */
  readonly #messages: Message[] = [];
  #hasOlder = false;
  /** What the list began after. */
  #afterSeq = 0;
  #isLoaded = false;
  #loading: Promise<number> | null = null;
  /** Messages that may be here: more than `maxMessages` where older ones were asked for, or are held. */
  #allowed: number;
  /** Deletions since a page was asked for: it may have been read before them. */
  readonly #deleted = new Set<number>();
  #snapshot: TimelineSnapshot | null = null;
  readonly #listeners = new Listeners<void>();
  #notifiedAtMs = 0;
  #isNotifying = false;

  /** @internal */
  constructor(options: TimelineOptions) {
    this.#options = options;
    this.#allowed = options.maxMessages;
  }

  readonly get = (): TimelineSnapshot => {
    this.#snapshot ??= {
      messages: [...this.#messages],
      outgoing: this.#options.outgoing(),
      hasOlder: this.#hasOlder,
      isLoadingOlder: this.#loading !== null,
      isLoaded: this.#isLoaded,
    };
    return this.#snapshot;
  };

  /** Calls `listener` after changes: at once after the first, then at most every 16 ms. */
  readonly subscribe = (listener: () => void): Unsubscribe => this.#listeners.add(listener);

  /**
   * Reads one page before the first message here. Calls while one is under way share it.
   *
   * @param options.limit messages, 1 to 100; default 50
   * @returns how many messages were added; 0 when there are no older ones
   * @throws HubbubClientError `NETWORK`, `FORBIDDEN` ...; the signal's reason
   */
  loadOlder({ limit = PAGE, signal }: CallOptions & { readonly limit?: number | undefined } = {}): Promise<number> {
    if (!this.#hasOlder) return Promise.resolve(0);
    this.#loading ??= this.#prepend(this.#beginning, limit).finally(() => {
      this.#loading = null;
      this.#deleted.clear();
      this.changed();
    });
    this.changed();
    return withSignal(this.#loading, signal);
  }

  /**
   * Keeps the oldest messages while new ones come, up to `maxMessages` fifty times over, until `trim`: for a reader who is
   * not at the newest, and would see them go.
   */
  hold(): void {
    this.#allowed = Math.max(this.#allowed, this.#options.maxMessages * HELD_TIMES);
  }

  /** Drops the oldest messages past `maxMessages`, for instance when the reader is back at the newest. */
  trim(): void {
    this.#allowed = this.#options.maxMessages;
    this.#bound();
  }

  /** @internal A new beginning: the list is empty, and what comes next is everything after this place. */
  begin(afterSeq: number): void {
    this.#messages.length = 0;
    this.#afterSeq = afterSeq;
    this.#hasOlder = afterSeq > 0;
    this.changed();
  }

  /** @internal What was to be brought by a join is here. */
  loaded(): void {
    this.#isLoaded = true;
    this.changed();
  }

  /** @internal A message whose place is after all that is here. */
  append(message: Message): void {
    this.#messages.push(message);
    this.#bound();
    this.changed();
  }

  /** @internal Takes a message's content away and keeps its place. */
  delete(seq: number): void {
    if (this.#loading !== null) this.#deleted.add(seq);
    const index = this.#messages.findLastIndex((message) => message.seq <= seq);
    const message = this.#messages[index];
    if (message?.seq !== seq) return;
    this.#messages[index] = tombstone(message);
    this.changed();
  }

  /** @internal Something that the snapshot shows has changed. */
  changed(): void {
    this.#snapshot = null;
    if (this.#isNotifying) return;
    this.#isNotifying = true;
    const notify = () => {
      this.#isNotifying = false;
      this.#notifiedAtMs = Date.now();
      this.#listeners.call();
    };
    const waitMs = this.#notifiedAtMs + NOTIFY_MS - Date.now();
    // A message that is acknowledged leaves the outbox and enters the list in one step for those who watch.
    if (waitMs > 0) setTimeout(notify, Math.min(waitMs, NOTIFY_MS));
    else queueMicrotask(notify);
  }

  /** Nothing before this place is here. */
  get #beginning(): number {
    return this.#messages[0]?.seq ?? this.#afterSeq + 1;
  }

  async #prepend(beforeSeq: number, limit: number): Promise<number> {
    const page = await this.#options.readBefore(beforeSeq, limit);
    // The list has begun anew meanwhile, or its old end was dropped.
    if (this.#beginning !== beforeSeq) return 0;
    const older = page.messages.map((message) => (this.#deleted.has(message.seq) ? tombstone(message) : message));
    this.#messages.unshift(...older);
    this.#hasOlder = page.cursor !== null;
    this.#allowed = Math.max(this.#allowed, this.#messages.length);
    return page.messages.length;
  }

  /** Drops the oldest messages past what is allowed. */
  #bound(): void {
    const excess = this.#messages.length - this.#allowed;
    if (excess <= 0) return;
    this.#messages.splice(0, excess);
    this.#hasOlder = true;
    this.changed();
  }
}

function tombstone(message: Message): Message {
  return message.is_deleted ? message : { ...message, content: '', is_deleted: true };
}
