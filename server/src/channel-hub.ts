import type { MessageReviewedFrame, ModerationFrame, SubscribedFrame } from '@hubbub/protocol/frames.js';
import { LARGE_CHANNEL_ONLINE, MAX_RESUME_MESSAGES } from '@hubbub/protocol/limits.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import { BATCH_KIND, type Batch, batchAfter, lastSeqOf } from './batch.js';
import { StorageUnavailable } from './errors.js';
import type { Broadcast, FanOut, Receipt } from './fan-out.js';
import { jsonFrame } from './frame.js';
import type { Logger } from './log.js';
import type { ChannelMetrics, Metrics } from './metrics.js';
import type { Recovery } from './recovery.js';
import { Ring } from './ring.js';
import { endSpan } from './span.js';
import { Standings } from './standings.js';
import type { Head } from './store/channels.js';
import type { ChannelStandings, StandingRow } from './store/people.js';
import type { Tracing } from './tracing.js';

/** Someone who gets what happens in a channel. */
export interface Subscriber {
  readonly userId: string;
  /** False once it has left the channel, or nothing can reach it any more. */
  wants(channelId: string): boolean;
  /** Frames that must arrive, in the order pushed. */
  push(frames: Buffer): void;
  /** What the client asked for by joining, in parts of whole frames; it may be large. */
  pushHistory(parts: readonly Buffer[]): void;
  /** Frames that may be dropped. */
  pushEphemeral(frames: Buffer): void;
  /** A sequenced event that is no message, after its frame was pushed. */
  onEvent(channelId: string, event: ChannelEvent): void;
  /** Something was done to his standing in the channel. */
  onAccess(channelId: string, note: AccessNote): void;
  /** How he stands in the channel now, read anew; null: the channel is gone, or he is. */
  onStanding(channelId: string, standing: StandingRow | null, channelType: 'public' | 'private'): void;
}

/** What a hub knows of an event beyond its frame: the frame's own JSON. */
export interface ChannelEvent {
  readonly type: string;
  readonly channel?: Channel;
  /** Place of the message that was deleted. */
  readonly message_seq?: number;
}

/** The note of an access batch: what was done to a user's standing. */
export interface AccessNote {
  readonly userId: string;
  /** The channel's version after it. */
  readonly version: number;
  /** Frame for his connections in the channel; null: none. */
  readonly frame: ModerationFrame | MessageReviewedFrame | null;
  /** He has been removed, and is cut off. */
  readonly removed?: true;
}

/** Where a client stands in a channel. */
export interface Position {
  /** The last place that it has. */
  readonly seq: number;
  /** Life of the data in which it got that place; null: it does not say. */
  readonly epoch: string | null;
}

/** What a subscriber was admitted with. */
export interface Place {
  /** Distinct users online, he included. */
  readonly online: number;
  /** Version of the channel under which he was looked at. */
  readonly accessVersion: number;
}

/** The note of an ephemeral batch. */
export interface EphemeralNote {
  /** User who is not sent the frames: it is about himself. */
  readonly except?: string;
  /** Distinct users online now. */
  readonly online?: number;
}

interface ChannelHubOptions {
  readonly fanOut: FanOut;
  readonly recovery: Recovery;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  readonly historyOnJoin: number;
  /** How long a missing batch is waited for before it is read from the database, in milliseconds. */
  readonly gapWaitMs: number;
  readonly onOnline: (channelId: string, online: number) => void;
  readonly readStandings: (channelId: string, userIds: readonly string[]) => Promise<ChannelStandings | null>;
}

/** What one who joins is sent before what comes live. */
interface History {
  readonly parts: Buffer[];
  source: 'ring' | 'database';
  /** Last place of it. */
  reached: number;
  /** Place of the first message of the newest page; null: it is all that he missed. */
  readonly oldestSeq: number | null;
}

function missedSince(position: number): History {
  return { parts: [], source: 'ring', reached: position, oldestSeq: null };
}

const RING_PLACES = 1000;
const RING_BYTES = 512 * 1024;
const EARLY_MAX_BATCHES = 1000;
const GAP_RETRY_MS = 1000;
const COUNT_INTERVAL_MS = 1000;

/**
 * One channel on this instance: its subscribers, and its sequence up to the last delivered place.
 *
 * Batches may come twice, early, or not at all. What was delivered is dropped; what comes early waits for what is
 * missing; and what stays missing is read from the database. So every subscriber sees every place once, in order.
 */
export class ChannelHub implements Broadcast {
  readonly id: string;
  /** Life of the data of which it delivers. */
  readonly epoch: string;
  readonly metrics: ChannelMetrics;
  readonly subscribers = new Set<Subscriber>();
  /** Joins under way: the hub must not be dropped under them. */
  pins = 0;
  readonly #options: ChannelHubOptions;
  readonly #ring: Ring;
  #lastSeq: number;
  readonly #standings: Standings<Subscriber>;
  /** The highest place that was heard of; what is missing up to it is looked for until it is there. */
  #knownHead = 0;
  /** Batches that came before one that is missing, by their first place. */
  readonly #early = new Map<number, Batch>();
  #gapTimer: NodeJS.Timeout | null = null;
  #filling: Promise<void> | null = null;
  /** Delivered in this tick, not yet handed to the subscribers. */
  #tick: Buffer[] = [];
  #tickScheduled = false;
  /** Of what was delivered since the fan-out asked last. */
  #receipts: Receipt[] = [];
  #online = 0;
  #countTimer: NodeJS.Timeout | null = null;
  #closed = false;

  /** @param head of the channel; everything up to it counts as delivered */
  constructor(id: string, head: Head, metrics: ChannelMetrics, options: ChannelHubOptions) {
    this.id = id;
    this.epoch = head.epoch;
    this.#lastSeq = head.seq;
    this.#ring = new Ring(RING_PLACES, RING_BYTES, head.seq, head.firstSeq - 1);
    this.metrics = metrics;
    this.#options = options;
    this.#standings = new Standings({
      channelId: id,
      version: head.accessVersion,
      everyone: () => this.subscribers,
      read: options.readStandings,
      log: options.log,
    });
  }

  /** The last delivered place. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Fills the ring with what came before the hub's first place, so that joins need no read of their own. */
  prime(batches: readonly Batch[]): void {
    for (const batch of batches) this.#ring.push(batch);
  }

  /**
   * Adds a subscriber: `subscribed`, then what it missed (or the newest page), then live frames, without a gap and
   * without an overlap.
   *
   * @param position where the client stands; null: it has nothing yet
   * @param place what he was admitted with
   * @throws StorageUnavailable when what it missed cannot be read; it is then not subscribed
   */
  async attach(subscriber: Subscriber, position: Position | null, place: Place): Promise<void> {
    // In another life of the data the same place is another message's.
    const isOfThisLife = position !== null && (position.epoch === null || position.epoch === this.epoch);
    const known = isOfThisLife ? position.seq : null;
    // Another instance may have delivered what has not reached this one yet.
    if (known !== null && known > this.#lastSeq) await this.#fill();
    const isInReach = known !== null && known <= this.#lastSeq && this.#lastSeq - known <= MAX_RESUME_MESSAGES;
    let history = isInReach ? missedSince(known) : await this.#newestPage(0);
    for (;;) {
      // From here to the end nothing is awaited unless the loop goes round again: no live frame slips in between.
      const rest = history.reached === this.#lastSeq ? [] : this.#ring.since(history.reached);
      if (rest !== null) {
        history.parts.push(...rest);
        break;
      }
      history.source = 'database';
      const { forgets } = this.#ring;
      const { batches, goneTo } = await this.#options.recovery.since(this.id, history.reached, this.#lastSeq);
      // Not all that he missed is there any more.
      if (goneTo !== null) {
        history = await this.#newestPage(goneTo);
        continue;
      }
      // Of thousands who come back to where he stood, those behind him are served from memory.
      if (this.#ring.forgets === forgets) this.#ring.extendBack(batches);
      // A database that was set back, or a copy that lags: what was delivered cannot be read.
      if (batches.length === 0)
        throw new StorageUnavailable('not-applied', new Error(`no place ${history.reached + 1} to read`));
      for (const batch of batches) {
        history.parts.push(batch.frames);
        history.reached = lastSeqOf(batch);
      }
    }
    const { parts, oldestSeq } = history;
    if (!subscriber.wants(this.id) || this.#closed) return;
    const subscribed: SubscribedFrame = {
      type: 'subscribed',
      channel_id: this.id,
      seq: this.#lastSeq,
      recovered: oldestSeq === null,
      ...(oldestSeq === null ? {} : { oldest_seq: oldestSeq }),
      epoch: this.epoch,
      online: place.online,
    };
    this.#options.metrics.resumes.inc({ source: position === null ? 'none' : history.source });
    this.#pushTick();
    subscriber.pushHistory([jsonFrame(subscribed), ...parts]);
    this.subscribers.add(subscriber);
    this.metrics.connectionsTotal++;
    this.metrics.connectionsCurrent++;
    // Something may have been done to him between the look at his standing and this.
    const { accessVersion } = place;
    if (accessVersion < this.#standings.version) await this.#standings.verifyLate(subscriber, accessVersion);
  }

  /** @param afterSeq last place that is known to be gone; 0: none is */
  async #newestPage(afterSeq: number): Promise<History> {
    const { recovery, historyOnJoin } = this.#options;
    const reached = this.#lastSeq;
    const held = this.#ring.newest(historyOnJoin);
    const { frames, oldestSeq } = held ?? (await recovery.newest(this.id, afterSeq, reached, historyOnJoin));
    const source = held === null ? 'database' : 'ring';
    return { parts: [...frames], source, reached, oldestSeq: oldestSeq ?? reached + 1 };
  }

  /** Forgets what it has of the past: names or texts in it are not to be shown any more. The database has the truth. */
  forgetPast(): void {
    this.#ring.forget(this.#lastSeq);
  }

  detach(subscriber: Subscriber): void {
    if (this.subscribers.delete(subscriber)) this.metrics.connectionsCurrent--;
  }

  /** Takes in a batch from the bus. @param atMs when it, or the oldest message in it, was received here */
  deliver(batch: Batch, atMs: number): void {
    if (this.#closed) return;
    if (batch.kind === BATCH_KIND.ephemeral) {
      this.#deliverEphemeral(batch);
      return;
    }
    if (batch.kind === BATCH_KIND.access) {
      this.#applyAccess(JSON.parse(batch.note) as AccessNote);
      return;
    }
    if (lastSeqOf(batch) <= this.#lastSeq) return;
    this.#knownHead = Math.max(this.#knownHead, lastSeqOf(batch));
    if (batch.firstSeq > this.#lastSeq + 1) {
      this.#hold(batch);
      return;
    }
    this.#accept(batchAfter(batch, this.#lastSeq), atMs);
    if (this.#early.size > 0) this.#acceptEarly();
  }

  /** The channel begins with this place now. */
  noticeCut(firstSeq: number): void {
    this.#ring.lose(firstSeq - 1);
  }

  /** Tells the hub how far the channel is, and where it begins: what it lacks of it is read. */
  noticeHead({ seq, firstSeq, accessVersion }: Head): void {
    if (this.#closed) return;
    this.noticeCut(firstSeq);
    if (accessVersion > this.#standings.version) this.#standings.verifyAll();
    if (seq <= this.#lastSeq) return;
    this.#knownHead = Math.max(this.#knownHead, seq);
    void this.#fillSoon();
  }

  flush(): readonly Receipt[] {
    this.#tickScheduled = false;
    const receipts = this.#receipts;
    this.#receipts = [];
    this.#pushTick();
    return receipts;
  }

  written(receipts: readonly Receipt[], tookMs: number, nowMs: number): void {
    for (const { atMs, count, span } of receipts) {
      this.metrics.latencySeconds.observe((nowMs - atMs) / 1000, count);
      endSpan(span);
    }
    this.metrics.broadcastSeconds.observe(tookMs / 1000);
  }

  /** Hands what was delivered in this tick so far to all who have joined. */
  #pushTick(): void {
    if (this.#tick.length === 0) return;
    const [first] = this.#tick;
    const frames = this.#tick.length === 1 && first !== undefined ? first : Buffer.concat(this.#tick);
    this.#tick = [];
    for (const subscriber of this.subscribers) subscriber.push(frames);
  }

  close(): void {
    this.#closed = true;
    if (this.#gapTimer !== null) clearTimeout(this.#gapTimer);
    if (this.#countTimer !== null) clearTimeout(this.#countTimer);
    this.#early.clear();
  }

  #accept(batch: Batch, atMs: number): void {
    // Before anything is changed: should it not be readable, the place is still to be filled.
    const event = batch.kind === BATCH_KIND.event ? (JSON.parse(batch.note) as ChannelEvent) : null;
    this.#lastSeq = lastSeqOf(batch);
    this.#ring.push(batch);
    this.#tick.push(batch.frames);
    if (batch.kind === BATCH_KIND.messages) {
      this.metrics.countMessages('broadcast', batch.count);
      const { tracing } = this.#options;
      // Only a traced batch of messages has a note.
      const span = batch.note === '' ? null : (tracing?.startFanOut(this.id, batch, this.subscribers.size) ?? null);
      this.#receipts.push({ atMs, count: batch.count, span });
    }
    if (event !== null) {
      // What an event does to a subscriber comes after the frame that tells of it.
      this.#pushTick();
      // The ring still has what the message said.
      if (event.message_seq !== undefined) this.#ring.forget(event.message_seq);
      for (const subscriber of [...this.subscribers]) subscriber.onEvent(this.id, event);
    }
    if (this.#tickScheduled) return;
    this.#tickScheduled = true;
    this.#options.fanOut.schedule(this);
  }

  #applyAccess(note: AccessNote): void {
    // While everyone is being looked at, this one may come after the look: he is told, and the look decides the rest.
    const followed = this.#standings.follow(note.version);
    for (const subscriber of [...this.subscribers]) {
      if (subscriber.userId === note.userId) subscriber.onAccess(this.id, note);
    }
    if (!followed) this.#standings.verifyAll();
  }

  #deliverEphemeral(batch: Batch): void {
    const note = (batch.note === '' ? {} : JSON.parse(batch.note)) as EphemeralNote;
    if (note.online !== undefined) this.#hearOnline(note.online);
    if (batch.frames.length === 0) return;
    for (const subscriber of this.subscribers) {
      if (subscriber.userId !== note.except) subscriber.pushEphemeral(batch.frames);
    }
  }

  /** In a large channel the count is all that is told of comings and goings, at most once a second. */
  #hearOnline(online: number): void {
    this.#options.onOnline(this.id, online);
    this.#online = online;
    if (this.#countTimer !== null || online <= LARGE_CHANNEL_ONLINE) return;
    this.#countTimer = setTimeout(() => {
      this.#countTimer = null;
      const frame = jsonFrame({ type: 'presence_count', channel_id: this.id, online: this.#online });
      for (const subscriber of this.subscribers) subscriber.pushEphemeral(frame);
    }, COUNT_INTERVAL_MS);
    this.#countTimer.unref();
  }

  #hold(batch: Batch): void {
    // Past the bound nothing is held: the gap's filling reads all of it.
    const held = this.#early.get(batch.firstSeq);
    if (held !== undefined ? held.count < batch.count : this.#early.size < EARLY_MAX_BATCHES) {
      this.#early.set(batch.firstSeq, batch);
    }
    if (this.#gapTimer !== null || this.#filling !== null) return;
    this.#options.metrics.gapsFound.inc();
    this.#armGapTimer(this.#options.gapWaitMs);
  }

  /**
   * What would be next is gone for good, up to `seq`. Who is in the channel sees that by the place of what comes next, and
   * is told when he resumes.
   */
  #skipTo(seq: number): void {
    if (seq <= this.#lastSeq) return;
    this.#lastSeq = seq;
    this.#ring.restart(seq);
    this.#acceptEarly();
  }

  #acceptEarly(): void {
    for (const [firstSeq, batch] of [...this.#early].sort(([a], [b]) => a - b)) {
      if (firstSeq > this.#lastSeq + 1) return;
      this.#early.delete(firstSeq);
      if (lastSeqOf(batch) > this.#lastSeq) this.#accept(batchAfter(batch, this.#lastSeq), performance.now());
    }
    if (this.#gapTimer !== null && this.#lastSeq >= this.#knownHead) {
      clearTimeout(this.#gapTimer);
      this.#gapTimer = null;
    }
  }

  #armGapTimer(waitMs: number): void {
    this.#gapTimer = setTimeout(() => {
      this.#gapTimer = null;
      void this.#fillSoon();
    }, waitMs);
    this.#gapTimer.unref();
  }

  async #fillSoon(): Promise<void> {
    try {
      await this.#fill();
    } catch (error) {
      this.#options.log.warn({ channel_id: this.id, err: String(error) }, 'A gap could not be read; trying again');
      if (this.#gapTimer === null && !this.#closed) this.#armGapTimer(GAP_RETRY_MS);
    }
  }

  /** Reads everything after the last delivered place. One at a time; later callers share it. */
  #fill(): Promise<void> {
    const [from, heard] = [this.#lastSeq, this.#knownHead];
    this.#filling ??= this.#readGap().finally(() => {
      this.#filling = null;
      if (this.#lastSeq >= this.#knownHead || this.#gapTimer !== null || this.#closed) return;
      // More was heard of while this was read; or the database, a copy that lags, does not have it yet.
      const more = this.#lastSeq > from || this.#knownHead > heard;
      this.#armGapTimer(more ? this.#options.gapWaitMs : GAP_RETRY_MS);
    });
    return this.#filling;
  }

  async #readGap(): Promise<void> {
    let filled = false;
    for (;;) {
      const { batches, goneTo } = await this.#options.recovery.since(this.id, this.#lastSeq, Number.MAX_SAFE_INTEGER);
      if (this.#closed || (batches.length === 0 && goneTo === null)) break;
      filled = true;
      if (goneTo !== null) this.#skipTo(goneTo);
      const now = performance.now();
      for (const batch of batches) this.deliver(batch, now);
    }
    if (filled) this.#options.metrics.gapsFilled.inc();
  }
}
