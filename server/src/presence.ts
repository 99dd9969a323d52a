import type { PresenceFrame } from '@hubbub/protocol/frames.js';
import { LARGE_CHANNEL_ONLINE, MAX_PRESENCE_ROSTER } from '@hubbub/protocol/limits.js';
import type { PresenceList, PresenceStatus } from '@hubbub/protocol/rest.js';
import { HubbubError } from './errors.js';
import type { Logger } from './log.js';
import type { PresenceStore } from './presence-store.js';
import type { PresenceRow, RosterRow } from './store/presence-rows.js';

/** A change that the members of a channel are told of. */
export type PresenceNews =
  | { readonly kind: 'frame'; readonly frame: PresenceFrame; readonly online: number }
  /** The channel is large: only its count is told, and its hubs tell it at most once a second. */
  | { readonly kind: 'count'; readonly online: number };

interface PresenceOptions {
  /** How long a user who lost his last connection still counts as online, in milliseconds: swallows reconnects. */
  readonly graceMs: number;
  /** Tells the members of a channel, on all instances. */
  readonly announce: (channelId: string, news: PresenceNews) => void;
  /** Writes `user_presence` rows, one for each (user, channel). */
  readonly write: (rows: readonly PresenceRow[]) => Promise<void>;
  readonly readRoster: (channelId: string, userIds: readonly string[]) => Promise<RosterRow[]>;
}

/** What this instance knows of a channel in which it has users. */
interface ChannelPresence {
  readonly id: string;
  readonly users: Map<string, Entry>;
  /** Distinct users on all instances, as last heard. */
  online: number;
}

/** One user in one channel on this instance. */
interface Entry {
  readonly channel: ChannelPresence;
  readonly userId: string;
  username: string;
  connections: number;
  /** End of the grace after his last leave, in milliseconds since the epoch. */
  lapsesAtMs: number;
  /** Whether the store counts him through this instance. */
  entered: boolean;
  /** Steps on the store, one after the other, so that an exit never overtakes an enter. */
  steps: Promise<unknown>;
  typingUntilMs: number;
}

const WRITE_INTERVAL_MS = 1000;
const TYPING_INTERVAL_MS = 2000;
const TYPING_SHOWN_MS = 5000;
const MAX_PENDING_ROWS = 50_000;

/**
 * Who is online where. A user is online in a channel while he has at least one connection there, on any instance; he is
 * announced once, not once a connection.
 */
export class Presence {
  readonly #store: PresenceStore;
  readonly #options: PresenceOptions;
  readonly #log: Logger;
  readonly #channels = new Map<string, ChannelPresence>();
  /** Entries whose last connection went, in the order in which their grace ends. */
  #lapsing: { readonly entry: Entry; readonly atMs: number }[] = [];
  #lapseTimer: NodeJS.Timeout | null = null;
  /** Whose row says that they are typing. */
  readonly #typing = new Set<Entry>();
  readonly #rows = new Map<string, PresenceRow>();
  readonly #writeTimer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: PresenceStore, log: Logger, options: PresenceOptions) {
    this.#store = store;
    this.#log = log;
    this.#options = options;
    this.#writeTimer = setInterval(() => void this.#flush(), WRITE_INTERVAL_MS);
    this.#writeTimer.unref();
  }

  /**
   * Counts one more connection of the user in the channel.
   *
   * @param maxParticipants distinct users that may be online; null: no bound
   * @returns distinct users online, he included
   * @throws HubbubError `CHANNEL_FULL`; then nothing is counted
   */
  async join(channelId: string, userId: string, username: string, maxParticipants: number | null): Promise<number> {
    const entry = this.#entryOf(channelId, userId, username);
    entry.connections++;
    entry.username = username;
    if (entry.entered) return entry.channel.online;
    const step = entry.steps.then(() => this.#enter(entry, maxParticipants ?? 0));
    entry.steps = step.catch(() => {});
    try {
      return await step;
    } catch (error) {
      entry.connections--;
      if (entry.connections === 0 && !entry.entered) this.#drop(entry);
      throw error;
    }
  }

  /** Counts one connection of the user less; when it was his last, he leaves after the grace. */
  leave(channelId: string, userId: string): void {
    const entry = this.#channels.get(channelId)?.users.get(userId);
    if (entry === undefined) return;
    entry.connections--;
    if (entry.connections > 0 || this.#closed) return;
    entry.lapsesAtMs = Date.now() + this.#options.graceMs;
    this.#lapsing.push({ entry, atMs: entry.lapsesAtMs });
    this.#armLapse();
  }

  /** Whether a typing frame of the user is let through now: at most one in two seconds, over all his connections. */
  admitTyping(channelId: string, userId: string): boolean {
    const entry = this.#channels.get(channelId)?.users.get(userId);
    const now = Date.now();
    if (entry === undefined || now < entry.typingUntilMs - TYPING_SHOWN_MS + TYPING_INTERVAL_MS) return false;
    entry.typingUntilMs = now + TYPING_SHOWN_MS;
    this.#typing.add(entry);
    this.#note(entry, 'typing');
    return true;
  }

  /** Who is online in a channel, by name; at most {@link MAX_PRESENCE_ROSTER} are named, all are counted. */
  async list(channelId: string): Promise<PresenceList> {
    const { userIds, count } = await this.#store.roster(channelId, MAX_PRESENCE_ROSTER);
    const rows = await this.#options.readRoster(channelId, userIds);
    const now = Date.now();
    const online = rows.map((row) => {
      const entry = this.#channels.get(channelId)?.users.get(row.user_id);
      const status: PresenceStatus = (entry?.typingUntilMs ?? 0) > now ? 'typing' : 'online';
      return {
        user_id: row.user_id,
        username: row.username,
        status,
        last_seen: (row.last_seen ?? new Date(now)).toISOString(),
      };
    });
    return { online, count };
  }

  /** Distinct users online, by channel; channels without any are left out. */
  counts(channelIds: readonly string[]): Promise<Map<string, number>> {
    return this.#store.counts(channelIds);
  }

  /** Takes in the number of users online that another instance has told. */
  heard(channelId: string, online: number): void {
    const channel = this.#channels.get(channelId);
    if (channel !== undefined) channel.online = online;
  }

  /** Tells that users left because the instance that held them died. */
  async lapsed(channelId: string, userIds: readonly string[]): Promise<void> {
    const rows = await this.#options.readRoster(channelId, userIds);
    const online = (await this.#store.counts([channelId])).get(channelId) ?? 0;
    for (const row of rows) {
      this.#queueRow({ userId: row.user_id, channelId, status: 'offline', at: new Date() });
      this.#announce(channelId, row.user_id, row.username, 'left', online);
    }
  }

  /** Everyone here leaves at once. Settles when that is written. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#writeTimer);
    if (this.#lapseTimer !== null) clearTimeout(this.#lapseTimer);
    const entries = [...this.#channels.values()].flatMap((channel) => [...channel.users.values()]);
    await Promise.all(entries.map((entry) => entry.steps.then(() => this.#exit(entry))));
    this.#channels.clear();
    await this.#flush();
    await this.#store.close();
  }

  async #enter(entry: Entry, max: number): Promise<number> {
    if (entry.entered) return entry.channel.online;
    const { admitted, first, online } = await this.#store.enter(entry.channel.id, entry.userId, max);
    if (!admitted) {
      throw new HubbubError('CHANNEL_FULL', `This channel is full: at most ${max} people can be in it at a time`);
    }
    entry.entered = true;
    entry.channel.online = online;
    this.#note(entry, 'online');
    if (first) this.#announce(entry.channel.id, entry.userId, entry.username, 'joined', online);
    return online;
  }

  async #exit(entry: Entry): Promise<void> {
    if (!entry.entered) return;
    entry.entered = false;
    const { last, online } = await this.#store.exit(entry.channel.id, entry.userId);
    entry.channel.online = online;
    if (!last) return;
    this.#note(entry, 'offline');
    this.#announce(entry.channel.id, entry.userId, entry.username, 'left', online);
  }

  #armLapse(): void {
    const [next] = this.#lapsing;
    if (this.#lapseTimer !== null || next === undefined || this.#closed) return;
    this.#lapseTimer = setTimeout(
      () => {
        this.#lapseTimer = null;
        this.#lapseDue();
        this.#armLapse();
      },
      Math.max(0, next.atMs - Date.now()),
    );
    this.#lapseTimer.unref();
  }

  /** One timer serves all: the grace is the same for everyone, so the list is in the order of its ends. */
  #lapseDue(): void {
    const now = Date.now();
    let due = 0;
    for (const { entry, atMs } of this.#lapsing) {
      if (atMs > now) break;
      due++;
      // Another leave after this one has a grace of its own.
      if (entry.lapsesAtMs > atMs) continue;
      entry.steps = entry.steps
        .then(() => this.#lapse(entry))
        .catch((error) => {
          this.#log.warn({ err: error }, 'A user could not be taken out of presence');
        });
    }
    this.#lapsing = this.#lapsing.slice(due);
  }

  async #lapse(entry: Entry): Promise<void> {
    if (entry.connections > 0) return;
    await this.#exit(entry);
    // One who came back meanwhile has queued his own step.
    if (entry.connections === 0) this.#drop(entry);
  }

  #entryOf(channelId: string, userId: string, username: string): Entry {
    let channel = this.#channels.get(channelId);
    if (channel === undefined) {
      channel = { id: channelId, users: new Map(), online: 0 };
      this.#channels.set(channelId, channel);
    }
    let entry = channel.users.get(userId);
    if (entry === undefined) {
      entry = {
        channel,
        userId,
        username,
        connections: 0,
        lapsesAtMs: 0,
        entered: false,
        steps: Promise.resolve(),
        typingUntilMs: 0,
      };
      channel.users.set(userId, entry);
    }
    return entry;
  }

  #drop(entry: Entry): void {
    const { channel } = entry;
    if (channel.users.get(entry.userId) !== entry) return;
    channel.users.delete(entry.userId);
    if (channel.users.size === 0) this.#channels.delete(channel.id);
  }

  #announce(channelId: string, userId: string, username: string, type: 'joined' | 'left', online: number): void {
    if (online > LARGE_CHANNEL_ONLINE) {
      this.#options.announce(channelId, { kind: 'count', online });
      return;
    }
    this.#options.announce(channelId, {
      kind: 'frame',
      online,
      frame: {
        type: 'presence',
        channel_id: channelId,
        user_id: userId,
        username,
        presence_type: type,
        timestamp: new Date().toISOString(),
      },
    });
  }

  #note(entry: Entry, status: PresenceStatus): void {
    this.#queueRow({ userId: entry.userId, channelId: entry.channel.id, status, at: new Date() });
  }

  #queueRow(row: PresenceRow): void {
    const key = keyOf(row.channelId, row.userId);
    // Bounded: with the database away the newest state of the first users is kept; presence may be lost.
    if (this.#rows.size < MAX_PENDING_ROWS || this.#rows.has(key)) this.#rows.set(key, row);
  }

  #flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeRows());
    return this.#writing;
  }

  /** Who has not typed for a while is online again. */
  #endTyping(): void {
    const now = Date.now();
    for (const entry of this.#typing) {
      if (entry.typingUntilMs > now && entry.entered) continue;
      this.#typing.delete(entry);
      if (entry.entered) this.#note(entry, 'online');
    }
  }

  async #writeRows(): Promise<void> {
    this.#endTyping();
    if (this.#rows.size === 0) return;
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    try {
      await this.#options.write(rows);
    } catch (error) {
      this.#log.debug({ err: String(error), rows: rows.length }, 'Presence rows will be written later');
      for (const row of rows) {
        const key = keyOf(row.channelId, row.userId);
        if (!this.#rows.has(key)) this.#queueRow(row);
      }
    }
  }
}

function keyOf(channelId: string, userId: string): string {
  return `${channelId}:${userId}`;
}
