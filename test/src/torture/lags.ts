import type { ClientEvent } from './events.js';
import { keyOf } from './key.js';
import type { RunIndex } from './run-index.js';

/** How long someone who was connected waited for what another one already had. */
export interface Lag {
  readonly c: number;
  readonly ch: number;
  readonly seq: number;
  /** When the first one had it. */
  readonly fromMs: number;
  /** When he got it, or when he was gone without it. */
  readonly toMs: number;
  readonly delivered: boolean;
}

/** Waits shorter than this are not worth a thought. */
const MIN_LAG_MS = 200;
/** Whoever is closed with it is not meant to hear. */
const BANNED_CODE = 4003;

/**
 * The lags of all clients. Someone who stands still by his own will, or is not in the channel, waits for nothing.
 *
 * @param acrossLosses whether someone who has lost his connection goes on waiting until he has resumed
 */
export function* lagsOf(index: RunIndex, acrossLosses = false): Generator<Lag> {
  const sights = orderOfSight(index);
  const watchers = new Map<string, Watcher>();
  const lastMs = index.run.events.reduce((last, { t }) => Math.max(last, t), 0);
  for (const event of index.run.events) {
    if (event.k === 'sub') {
      const key = keyOf(event.c, event.ch);
      const watcher = watchers.get(key);
      if (watcher !== undefined && event.recovered && watcher.conn !== event.conn) {
        watcher.conn = event.conn;
        continue;
      }
      if (watcher?.conn === event.conn) yield* watcher.end(event.t);
      watchers.set(key, new Watcher(event.c, event.ch, event.conn, event.t, event.seq, sights.get(event.ch) ?? []));
    } else if (event.k === 'got') yield* watchers.get(keyOf(event.c, event.ch))?.got(event.seq, event.t) ?? [];
    else if (!acrossLosses || event.k !== 'close' || event.own || event.code === BANNED_CODE)
      yield* endWatch(event, watchers);
  }
  for (const watcher of watchers.values()) yield* watcher.end(lastMs);
}

/** Ends or interrupts the stays that an event is the end of. */
function* endWatch(event: ClientEvent, watchers: Map<string, Watcher>): Generator<Lag> {
  if (event.k === 'leave') {
    const key = keyOf(event.c, event.ch);
    yield* watchers.get(key)?.end(event.t) ?? [];
    watchers.delete(key);
    return;
  }
  if (event.k !== 'close' && event.k !== 'freeze' && event.k !== 'thaw') return;
  for (const [key, watcher] of watchers) {
    if (watcher.c !== event.c || watcher.conn !== event.conn) continue;
    if (event.k === 'thaw') watcher.restart(event.t);
    else yield* watcher.end(event.t);
    if (event.k === 'close') watchers.delete(key);
  }
}

interface Sight {
  readonly seq: number;
  readonly t: number;
}

/** The places of each channel, in order, with the time at which the first client had them. */
function orderOfSight({ seenAtMs }: RunIndex): Map<number, Sight[]> {
  const sights = new Map<number, Sight[]>();
  for (const [key, t] of seenAtMs) {
    const [ch = 0, seq = 0] = key.split('|').map(Number);
    const ofChannel = sights.get(ch);
    if (ofChannel === undefined) sights.set(ch, [{ seq, t }]);
    else ofChannel.push({ seq, t });
  }
  for (const ofChannel of sights.values()) ofChannel.sort((a, b) => a.seq - b.seq);
  return sights;
}

/** One stay of one client in a channel. */
class Watcher {
  readonly c: number;
  /** The connection that he is, or was last, in the channel by. */
  conn: number;
  readonly #ch: number;
  readonly #sights: readonly Sight[];
  /** Index of the first sight that he still waits for. */
  #at: number;
  /** He waits since then at the earliest. */
  #sinceMs: number;
  #watching = true;

  constructor(c: number, ch: number, conn: number, sinceMs: number, seq: number, sights: readonly Sight[]) {
    this.c = c;
    this.conn = conn;
    this.#ch = ch;
    this.#sights = sights;
    this.#sinceMs = sinceMs;
    // What was there before he came is asked for by him, and follows at once.
    this.#at = firstAfter(sights, seq);
  }

  *got(seq: number, t: number): Generator<Lag> {
    for (
      let sight = this.#sights[this.#at];
      sight !== undefined && sight.seq <= seq;
      sight = this.#sights[++this.#at]
    ) {
      const fromMs = Math.max(sight.t, this.#sinceMs);
      if (this.#watching && t - fromMs > MIN_LAG_MS) yield this.#lag(sight.seq, fromMs, t, true);
    }
  }

  /** He waits no longer; what he has not got until now he has waited for in vain. */
  *end(t: number): Generator<Lag> {
    if (!this.#watching) return;
    this.#watching = false;
    const sight = this.#sights[this.#at];
    if (sight === undefined) return;
    const fromMs = Math.max(sight.t, this.#sinceMs);
    if (t - fromMs > MIN_LAG_MS) yield this.#lag(sight.seq, fromMs, t, false);
  }

  restart(t: number): void {
    this.#watching = true;
    this.#sinceMs = t;
  }

  #lag(seq: number, fromMs: number, toMs: number, delivered: boolean): Lag {
    return { c: this.c, ch: this.#ch, seq, fromMs, toMs, delivered };
  }
}

function firstAfter(sights: readonly Sight[], seq: number): number {
  let low = 0;
  let high = sights.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sights[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
