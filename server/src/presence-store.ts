import type { Logger } from './log.js';
import { type RedisLink, RedisScript } from './redis-link.js';

/** What entering a channel came to. */
export interface EnterResult {
  /** False: the channel is full, and nothing was changed. */
  readonly admitted: boolean;
  /** True: the user was on no instance before. */
  readonly first: boolean;
  /** Distinct users online now, on all instances. */
  readonly online: number;
}

/**
 * Which users are online in which channel, for the whole cluster. Each instance enters a user once, with its first
 * connection, and exits him with its last.
 */
export interface PresenceStore {
  /**
   * Counts the user as online through this instance; once is enough.
   *
   * @param max distinct users that may be online; 0: no bound. Checked in the same atomic step
   */
  enter(channelId: string, userId: string, max: number): Promise<EnterResult>;
  /** @returns `last`: he is on no instance any more */
  exit(channelId: string, userId: string): Promise<{ readonly last: boolean; readonly online: number }>;
  /** Distinct users online, by channel; channels without any are left out. */
  counts(channelIds: readonly string[]): Promise<Map<string, number>>;
  /** Ids of users online in a channel, `limit` of them at most, and how many there are in all. */
  roster(channelId: string, limit: number): Promise<{ readonly userIds: string[]; readonly count: number }>;
  close(): Promise<void>;
}

/** Presence of a single instance. */
export class MemoryPresenceStore implements PresenceStore {
  readonly #channels = new Map<string, Set<string>>();

  enter(channelId: string, userId: string, max: number): Promise<EnterResult> {
    let users = this.#channels.get(channelId);
    const present = users?.has(userId) === true;
    const size = users?.size ?? 0;
    if (!present && max > 0 && size >= max) return Promise.resolve({ admitted: false, first: false, online: size });
    if (users === undefined) {
      users = new Set();
      this.#channels.set(channelId, users);
    }
    users.add(userId);
    return Promise.resolve({ admitted: true, first: !present, online: users.size });
  }

  exit(channelId: string, userId: string): Promise<{ last: boolean; online: number }> {
    const users = this.#channels.get(channelId);
    const last = users?.delete(userId) === true;
    if (users?.size === 0) this.#channels.delete(channelId);
    return Promise.resolve({ last, online: users?.size ?? 0 });
  }

  counts(channelIds: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const channelId of channelIds) {
      const users = this.#channels.get(channelId);
      if (users !== undefined) counts.set(channelId, users.size);
    }
    return Promise.resolve(counts);
  }

  roster(channelId: string, limit: number): Promise<{ userIds: string[]; count: number }> {
    const users = this.#channels.get(channelId);
    return Promise.resolve({ userIds: [...(users?.values() ?? [])].slice(0, limit), count: users?.size ?? 0 });
  }

  usersOf(channelId: string): string[] {
    return [...(this.#channels.get(channelId) ?? [])];
  }

  /** Every channel's users, as this instance knows them. */
  *entries(): Iterable<[channelId: string, users: ReadonlySet<string>]> {
    yield* this.#channels;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/*
 * In Redis, for each channel: a hash `chat:{id}:users` (user -> on how many instances), and for each instance with
 * members a set `chat:{id}:on:<instance>`. Both are changed in one script, so they always agree, and a channel's count
 * is one HLEN however many instances there are. `hubbub:instances` holds every instance's last heartbeat, and
 * `hubbub:channels:<instance>` its channels, so that the others can clear up after one that died.
 */

const ENTER = new RedisScript(`
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return {1, 0, redis.call('HLEN', KEYS[1])} end
local known = redis.call('HEXISTS', KEYS[1], ARGV[1])
local max = tonumber(ARGV[2])
local online = redis.call('HLEN', KEYS[1])
if known == 0 and max > 0 and online >= max then return {0, 0, online} end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
return {1, 1 - known, online + 1 - known}
`);

const EXIT = new RedisScript(`
if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then return {0, redis.call('HLEN', KEYS[1])} end
local last = 0
if redis.call('HINCRBY', KEYS[1], ARGV[1], -1) <= 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  last = 1
end
return {last, redis.call('HLEN', KEYS[1])}
`);

// Makes an instance's users in a channel those that are given; returns those who are on no instance any more.
const RECONCILE = new RedisScript(`
local wanted = {}
for _, user in ipairs(ARGV) do wanted[user] = true end
local gone = {}
for _, user in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if not wanted[user] then
    redis.call('SREM', KEYS[2], user)
    if redis.call('HINCRBY', KEYS[1], user, -1) <= 0 then
      redis.call('HDEL', KEYS[1], user)
      gone[#gone + 1] = user
    end
  end
end
for user in pairs(wanted) do
  if redis.call('SADD', KEYS[2], user) == 1 then redis.call('HINCRBY', KEYS[1], user, 1) end
end
return gone
`);

// Beats this instance's heart, by Redis's own clock. Returns whether it was not known, and whose heart has stopped.
const BEAT = new RedisScript(`
local now = tonumber(redis.call('TIME')[1])
local unknown = redis.call('ZADD', KEYS[1], now, ARGV[1])
return {unknown, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))}
`);

const INSTANCES = 'hubbub:instances';
const BEAT_INTERVAL_MS = 3000;
const LAPSE_SECONDS = 10;

interface RedisPresenceOptions {
  readonly instanceId: string;
  /** Called for users who left because their instance died; `online` of the channel is what remains. */
  readonly onLapsed: (channelId: string, userIds: readonly string[]) => void;
}

/** Presence of a cluster, in Redis. While Redis is away, this instance's own users are all it knows. */
export class RedisPresenceStore implements PresenceStore {
  readonly #link: RedisLink;
  readonly #log: Logger;
  readonly #options: RedisPresenceOptions;
  /** This instance's own users: the fallback, and what is entered again after Redis has lost its data. */
  readonly #own = new MemoryPresenceStore();
  readonly #beat: NodeJS.Timeout;
  /** A step on Redis has failed, or Redis is new: what it holds of this instance may be wrong. */
  #stale = false;
  #beating = false;
  /** Since when its heart has beaten without a miss, on the clock of `performance.now()`; null: it does not now. */
  #steadySinceMs: number | null = null;

  constructor(link: RedisLink, log: Logger, options: RedisPresenceOptions) {
    this.#link = link;
    this.#log = log;
    this.#options = options;
    this.#beat = setInterval(() => void this.#heartbeat(), BEAT_INTERVAL_MS);
    this.#beat.unref();
    link.onUp(() => {
      this.#stale = true;
      this.#steadySinceMs = null;
      void this.#heartbeat();
    });
    void this.#heartbeat();
  }

  async enter(channelId: string, userId: string, max: number): Promise<EnterResult> {
    if (this.#link.up) {
      try {
        // The channel is noted first: a crash in between leaves a note without users, never users without a note.
        const noted = this.#noteChannel(channelId);
        const [, reply] = await Promise.all([noted, this.#link.run(ENTER, this.#keys(channelId), [userId, max])]);
        const [admitted, first, online] = reply as [number, number, number];
        if (admitted === 1) await this.#own.enter(channelId, userId, 0);
        return { admitted: admitted === 1, first: first === 1, online };
      } catch (error) {
        this.#failed(error);
      }
    }
    return await this.#own.enter(channelId, userId, max);
  }

  async exit(channelId: string, userId: string): Promise<{ last: boolean; online: number }> {
    const own = await this.#own.exit(channelId, userId);
    if (!this.#link.up) return own;
    try {
      const [last, online] = (await this.#link.run(EXIT, this.#keys(channelId), [userId])) as [number, number];
      return { last: last === 1, online };
    } catch (error) {
      this.#failed(error);
      return own;
    }
  }

  async counts(channelIds: readonly string[]): Promise<Map<string, number>> {
    if (!this.#link.up) return await this.#own.counts(channelIds);
    try {
      const counts = await Promise.all(
        channelIds.map((id) => this.#link.command(usersKey(id), ['HLEN', usersKey(id)])),
      );
      return new Map(channelIds.map((id, index) => [id, Number(counts[index])]));
    } catch {
      return await this.#own.counts(channelIds);
    }
  }

  async roster(channelId: string, limit: number): Promise<{ userIds: string[]; count: number }> {
    if (!this.#link.up) return await this.#own.roster(channelId, limit);
    try {
      const key = usersKey(channelId);
      const userIds = (await this.#link.command(key, ['HKEYS', key])) as string[];
      return { userIds: userIds.slice(0, limit), count: userIds.length };
    } catch {
      return await this.#own.roster(channelId, limit);
    }
  }

  /** Takes this instance out of the cluster at once, so that nobody has to wait for its heartbeat to lapse. */
  async close(): Promise<void> {
    clearInterval(this.#beat);
    if (!this.#link.up) return;
    await this.#clear(this.#options.instanceId).catch(() => {});
  }

  #failed(error: unknown): void {
    this.#stale = true;
    this.#log.debug({ err: String(error) }, 'Presence is held in memory until Redis answers');
  }

  async #heartbeat(): Promise<void> {
    if (!this.#link.up || this.#beating) return;
    this.#beating = true;
    try {
      const reply = await this.#link.run(BEAT, [INSTANCES], [this.#options.instanceId, LAPSE_SECONDS]);
      const [unknown, dead] = reply as [number, string[]];
      // Not known: Redis has lost its data, or the others took this instance for dead while it was frozen.
      if (unknown === 1 || this.#stale) await this.#reconcile();
      this.#steadySinceMs ??= performance.now();
      // While Redis is away nobody's heartbeat is heard. Who is back first gives the others the time to be heard again.
      if (performance.now() - this.#steadySinceMs < LAPSE_SECONDS * 1000) return;
      for (const instanceId of dead) {
        this.#log.warn({ instance_id: instanceId }, 'An instance has gone without a word: its users leave');
        await this.#clear(instanceId);
      }
    } catch (error) {
      this.#steadySinceMs = null;
      this.#failed(error);
    } finally {
      this.#beating = false;
    }
  }

  /** Brings what Redis holds of this instance in line with what is true. */
  async #reconcile(): Promise<void> {
    this.#stale = false;
    const noted = new Set(await this.#notedChannels(this.#options.instanceId));
    for (const [channelId] of this.#own.entries()) noted.add(channelId);
    for (const channelId of noted) {
      await this.#noteChannel(channelId);
      // Read here and not before: users come and go while this runs.
      const users = this.#own.usersOf(channelId);
      const gone = (await this.#link.run(RECONCILE, this.#keys(channelId), users)) as string[];
      if (gone.length > 0) this.#options.onLapsed(channelId, gone);
    }
  }

  async #clear(instanceId: string): Promise<void> {
    const key = channelsKey(instanceId);
    for (const channelId of await this.#notedChannels(instanceId)) {
      const gone = (await this.#link.run(RECONCILE, this.#keys(channelId, instanceId), [])) as string[];
      if (gone.length > 0) this.#options.onLapsed(channelId, gone);
      await this.#link.command(key, ['SREM', key, channelId]);
    }
    await this.#link.command(INSTANCES, ['ZREM', INSTANCES, instanceId]);
  }

  async #notedChannels(instanceId: string): Promise<string[]> {
    const key = channelsKey(instanceId);
    return (await this.#link.command(key, ['SMEMBERS', key])) as string[];
  }

  #noteChannel(channelId: string): Promise<unknown> {
    const key = channelsKey(this.#options.instanceId);
    return this.#link.command(key, ['SADD', key, channelId]);
  }

  #keys(channelId: string, instanceId = this.#options.instanceId): string[] {
    return [usersKey(channelId), `chat:{${channelId}}:on:${instanceId}`];
  }
}

function usersKey(channelId: string): string {
  return `chat:{${channelId}}:users`;
}

function channelsKey(instanceId: string): string {
  return `hubbub:channels:${instanceId}`;
}
