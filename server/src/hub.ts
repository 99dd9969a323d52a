import type { Batch } from './batch.js';
import { ChannelHub, type Place, type Position, type Subscriber } from './channel-hub.js';
import { HubbubError, StorageUnavailable } from './errors.js';
import type { FanOut } from './fan-out.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import type { Recovery } from './recovery.js';
import type { Head } from './store/channels.js';
import type { ChannelStandings } from './store/people.js';
import type { Tracing } from './tracing.js';

interface HubOptions {
  readonly fanOut: FanOut;
  readonly recovery: Recovery;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  readonly historyOnJoin: number;
  /** Settles when batches of the channel arrive from now on. */
  readonly subscribe: (channelId: string) => Promise<void>;
  readonly unsubscribe: (channelId: string) => void;
  /** Heads of the given channels in the database. */
  readonly readHeads: (channelIds: readonly string[]) => Promise<Map<string, Head>>;
  /** How users stand in a channel now. */
  readonly readStandings: (channelId: string, userIds: readonly string[]) => Promise<ChannelStandings | null>;
  /**
   * Called when what is held here is of another life of the data: it was set back, and nothing here is true any more.
   * `lost` is a place that was delivered and is in the database no more; null: the database bears another epoch.
   */
  readonly onOtherLife: (epoch: string, lost: { readonly channelId: string; readonly seq: number } | null) => void;
  /** Hears how many distinct users are online in a channel, from whichever instance knew last. */
  readonly onOnline: (channelId: string, online: number) => void;
}

const GAP_WAIT_MS = 100;
const HEADS_CHUNK = 5000;
const MAX_WAITING_BATCHES = 1000;
/** Places read when a hub is made: what joins and quick reconnects will want. */
const PRIME_MIN_PLACES = 100;

/** All channels with members on this instance. A hub is made at the first join and dropped after the last leave. */
export class Hub {
  readonly #options: HubOptions;
  readonly #hubs = new Map<string, ChannelHub>();
  readonly #opening = new Map<string, Promise<ChannelHub>>();
  /** Batches for channels whose hub is being made. */
  readonly #waiting = new Map<string, { readonly batch: Batch; readonly atMs: number }[]>();
  #comparing: Promise<void> | null = null;
  /** Raised by {@link reset}: what was read before it is of another life. */
  #life = 0;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** Channels with members here. */
  get size(): number {
    return this.#hubs.size;
  }

  /** The last place of a channel that was delivered here; 0 for a channel without members here. */
  lastSeq(channelId: string): number {
    return this.#hubs.get(channelId)?.lastSeq ?? 0;
  }

  /** The channels with members here. */
  channels(): Iterable<ChannelHub> {
    return this.#hubs.values();
  }

  /**
   * Adds a subscriber to a channel; see {@link ChannelHub.attach}.
   *
   * @throws StorageUnavailable; it is then not subscribed
   */
  async join(channelId: string, subscriber: Subscriber, position: Position | null, place: Place): Promise<void> {
    const hub = await this.#open(channelId);
    try {
      await hub.attach(subscriber, position, place);
    } finally {
      hub.pins--;
      this.#dropIfEmpty(hub);
    }
  }

  leave(channelId: string, subscriber: Subscriber): void {
    const hub = this.#hubs.get(channelId);
    if (hub === undefined) return;
    hub.detach(subscriber);
    this.#dropIfEmpty(hub);
  }

  /** Takes in a batch from the bus. @param atMs when it, or the oldest message in it, was received here */
  deliver(channelId: string, batch: Batch, atMs: number): void {
    const hub = this.#hubs.get(channelId);
    if (hub !== undefined) hub.deliver(batch, atMs);
    else this.#wait(channelId, batch, atMs);
  }

  /** Past the bound a batch is dropped: the gap that it leaves is read from the database. */
  #wait(channelId: string, batch: Batch, atMs: number): void {
    const waiting = this.#waiting.get(channelId);
    if (waiting !== undefined && waiting.length < MAX_WAITING_BATCHES) waiting.push({ batch, atMs });
  }

  /**
   * Compares the last delivered places of all channels here with the database and reads what is missing. One at a time.
   *
   * @throws StorageUnavailable
   */
  compareHeads(): Promise<void> {
    this.#comparing ??= this.#compare().finally(() => {
      this.#comparing = null;
    });
    return this.#comparing;
  }

  /** A channel begins with this place now: what was before it is not shown any more. */
  noticeCut(channelId: string, firstSeq: number): void {
    this.#hubs.get(channelId)?.noticeCut(firstSeq);
  }

  /** Makes every channel read its past anew from the database. */
  forgetPast(): void {
    this.#options.recovery.forgetPast();
    for (const hub of this.#hubs.values()) hub.forgetPast();
  }

  /** Drops all channels, whose subscribers hear nothing more here: they are to be sent away. */
  reset(): void {
    this.#life++;
    this.#options.recovery.forgetPast();
    for (const hub of [...this.#hubs.values()]) this.#drop(hub);
  }

  close(): void {
    for (const hub of this.#hubs.values()) hub.close();
    this.#hubs.clear();
  }

  async #compare(): Promise<void> {
    const hubs = [...this.#hubs.values()];
    for (let from = 0; from < hubs.length; from += HEADS_CHUNK) {
      // What is delivered was committed before: a head that is read after this and is less was set back.
      const chunk = hubs.slice(from, from + HEADS_CHUNK).map((hub) => ({ hub, deliveredSeq: hub.lastSeq }));
      const heads = await this.#options.readHeads(chunk.map(({ hub }) => hub.id));
      for (const { hub, deliveredSeq } of chunk) {
        const head = heads.get(hub.id);
        if (this.#hubs.get(hub.id) !== hub) continue;
        if (head !== undefined && head.epoch !== hub.epoch) this.#options.onOtherLife(hub.epoch, null);
        // A channel that was made after the backup is not there at all.
        else if (head === undefined || head.seq < deliveredSeq)
          this.#options.onOtherLife(hub.epoch, { channelId: hub.id, seq: deliveredSeq });
        else hub.noticeHead(head);
      }
    }
  }

  /** The channel's hub, pinned: whoever gets it unpins it. */
  async #open(channelId: string): Promise<ChannelHub> {
    let opening = this.#opening.get(channelId);
    if (opening === undefined) {
      const open = this.#hubs.get(channelId);
      if (open !== undefined) {
        open.pins++;
        return open;
      }
      opening = this.#create(channelId);
      this.#opening.set(channelId, opening);
    }
    try {
      const hub = await opening;
      // Until the first waiter has pinned it here, whoever comes finds the opening and waits his turn behind him.
      hub.pins++;
      return hub;
    } finally {
      if (this.#opening.get(channelId) === opening) this.#opening.delete(channelId);
    }
  }

  /**
   * First the subscription, then the head: whatever is published after the subscription is confirmed waits, and what was
   * published before it is in the database. So the first message of a new hub is never missed.
   */
  async #create(channelId: string): Promise<ChannelHub> {
    const { metrics, recovery, readHeads, subscribe, unsubscribe, historyOnJoin } = this.#options;
    const waiting: { readonly batch: Batch; readonly atMs: number }[] = [];
    this.#waiting.set(channelId, waiting);
    const life = this.#life;
    try {
      await subscribe(channelId);
      const head = (await readHeads([channelId])).get(channelId);
      if (head === undefined) throw new HubbubError('CHANNEL_NOT_FOUND');
      const primeFrom = Math.max(0, head.seq - Math.max(PRIME_MIN_PLACES, historyOnJoin));
      const recent = await recovery.upTo(channelId, Math.max(primeFrom, head.firstSeq - 1), head.seq);
      if (life !== this.#life) throw new StorageUnavailable('not-applied', new Error('the database was set back'));
      const hub = new ChannelHub(channelId, head, metrics.addChannel(channelId), {
        ...this.#options,
        gapWaitMs: GAP_WAIT_MS,
      });
      hub.prime(recent);
      this.#hubs.set(channelId, hub);
      for (const { batch, atMs } of waiting) hub.deliver(batch, atMs);
      return hub;
    } catch (error) {
      unsubscribe(channelId);
      throw error;
    } finally {
      this.#waiting.delete(channelId);
    }
  }

  #dropIfEmpty(hub: ChannelHub): void {
    if (hub.pins === 0 && hub.subscribers.size === 0 && this.#hubs.get(hub.id) === hub) this.#drop(hub);
  }

  #drop(hub: ChannelHub): void {
    hub.close();
    this.#hubs.delete(hub.id);
    this.#options.unsubscribe(hub.id);
    this.#options.metrics.dropChannel(hub.id);
  }
}
