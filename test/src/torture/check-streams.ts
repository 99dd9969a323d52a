import type { ClientEvent, GotEvent, SubscribedEvent } from './events.js';
import { keyOf } from './key.js';
import type { RunIndex } from './run-index.js';
import type { Violation } from './run-record.js';

/** A resume that misses no more than this is answered in full. */
const MAX_RESUME = 1000;

/** Every client, in each stay in a channel, saw each place of the sequence exactly once and in order. */
export function* checkStreams(index: RunIndex): Generator<Violation> {
  const readers = new Map<number, Reader>();
  for (const event of index.run.events) {
    let reader = readers.get(event.c);
    if (reader === undefined) {
      reader = new Reader(index);
      readers.set(event.c, reader);
    }
    yield* reader.read(event);
  }
}

/** Where one client should be in one channel. */
interface Place {
  conn: number;
  /** The place that has to come next. */
  next: number;
  /** Up to here a page was given, which shows messages alone. */
  pageUntil: number;
}

/** Goes through the events of one client. */
class Reader {
  readonly #index: RunIndex;
  readonly #places = new Map<number, Place>();
  /** How often each of his messages went out so far. */
  readonly #sends = new Map<string, number>();

  constructor(index: RunIndex) {
    this.#index = index;
  }

  *read(event: ClientEvent): Generator<Violation> {
    if (event.k === 'sub') yield* this.#subscribed(event);
    else if (event.k === 'got') yield* this.#got(event);
    else if (event.k === 'close') this.#closed(event.conn);
    else if (event.k === 'sent') this.#sends.set(event.id, (this.#sends.get(event.id) ?? 0) + 1);
  }

  *#subscribed(event: SubscribedEvent): Generator<Violation> {
    const { t, c, ch, conn, asked, seq, recovered, oldest } = event;
    this.#places.set(ch, {
      conn,
      next: recovered ? (asked ?? 0) + 1 : (oldest ?? seq + 1),
      pageUntil: recovered ? 0 : seq,
    });
    const said = `client ${c} joined channel ${ch} with last_seq ${asked} and was told seq ${seq}, recovered ${recovered}`;
    if (recovered && (asked === null || asked > seq)) {
      yield { rule: 'resume', t, c, ch, text: `${said}: there was nothing to recover` };
    }
    if (!recovered && oldest === null) yield { rule: 'resume', t, c, ch, text: `${said}, without oldest_seq` };
    if (!recovered && asked !== null && asked <= seq && seq - asked <= MAX_RESUME) {
      yield { rule: 'resume', t, c, ch, text: `${said}, although it missed only ${seq - asked}` };
    }
    if (!recovered && asked !== null && asked > seq) {
      yield { rule: 'resume', t, c, ch, text: `${said}: the channel has gone back` };
    }
  }

  *#got(event: GotEvent): Generator<Violation> {
    const { t, c, ch, conn, seq, id } = event;
    const place = this.#places.get(ch);
    if (place === undefined || place.conn !== conn) {
      yield {
        rule: 'resume',
        t,
        c,
        ch,
        text: `client ${c} got place ${seq} of channel ${ch} without being subscribed`,
      };
      return;
    }
    const wanted = place.next;
    if (seq === wanted || (seq > wanted && this.#fillsPage(ch, place, seq))) {
      place.next = seq + 1;
      return;
    }
    // The answer to a message that was sent again stands outside of the sequence.
    if (id !== undefined && (this.#sends.get(id) ?? 0) > 1) return;
    const text = `client ${c} got place ${seq} of channel ${ch}, and ${wanted} had to come next`;
    yield { rule: seq < wanted ? 'double' : 'gap', t, c, ch, text };
    place.next = Math.max(wanted, seq + 1);
  }

  /** A page leaves out what is no message, up to its end. */
  #fillsPage(ch: number, { next, pageUntil }: Place, seq: number): boolean {
    if (next > pageUntil || seq > pageUntil + 1) return false;
    for (let left = next; left < seq; left++) if (!this.#index.storedEvents.has(keyOf(ch, left))) return false;
    return true;
  }

  #closed(conn: number): void {
    for (const [ch, place] of this.#places) if (place.conn === conn) this.#places.delete(ch);
  }
}
