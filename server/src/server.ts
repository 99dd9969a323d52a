import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { TypingFrame } from '@hubbub/protocol/frames.js';
import { MAX_CLIENT_FRAME_BYTES } from '@hubbub/protocol/limits.js';
import { AddressLimits } from './address-limits.js';
import { admit } from './admission.js';
import { Auth } from './auth.js';
import { HitLog } from './auto-moderation/hit-log.js';
import { Policies } from './auto-moderation/policies.js';
import { Screening } from './auto-moderation/screening.js';
import { BATCH_KIND, noteBatch } from './batch.js';
import { type Bus, MemoryBus } from './bus.js';
import { RedisBus } from './bus-redis.js';
import type { AccessNote, EphemeralNote } from './channel-hub.js';
import { trustOf } from './client-address.js';
import { Commands } from './commands.js';
import type { Config } from './config.js';
import { Connection } from './connection.js';
import { Connections } from './connections.js';
import { loadDevelopmentKey } from './dev-keys.js';
import { EpochWatch } from './epoch-watch.js';
import { FanOut } from './fan-out.js';
import { jsonFrame } from './frame.js';
import { type Accepted, Gateway } from './gateway.js';
import { createApp } from './http/app.js';
import { Hub } from './hub.js';
import type { Identity } from './identity.js';
import { Journal } from './journal.js';
import { MemoryLimiter, type Rate } from './limiter.js';
import { RedisLimiter } from './limiter-redis.js';
import type { Logger } from './log.js';
import { Metrics } from './metrics.js';
import { Moderation } from './moderation.js';
import { openDb } from './open-db.js';
import { isOriginAllowed } from './origins.js';
import { Presence, type PresenceNews } from './presence.js';
import { MemoryPresenceStore, RedisPresenceStore } from './presence-store.js';
import { eventBatch, messageBatch, Recovery } from './recovery.js';
import { RedisLink } from './redis-link.js';
import { Retention } from './retention.js';
import { Review } from './review.js';
import { Revocations } from './revocations.js';
import { Rights } from './rights.js';
import { SchemaWatch } from './schema-watch.js';
import { makeReporters, type Reports } from './self-report.js';
import { SiteModeration } from './site-moderation.js';
import { readPolicy } from './store/auto-moderation.js';
import { readAccess, readHeads } from './store/channels.js';
import { renewEpochIfBehind, settleEpoch } from './store/epoch.js';
import { loadMigrations, migrate, migrationStatus } from './store/migrate.js';
import { writeHits } from './store/moderation-log.js';
import { readStandings } from './store/people.js';
import { clearPresence, readRoster, writePresence } from './store/presence-rows.js';
import { readSiteRestrictions, readSiteVersion } from './store/site.js';
import { sweepLapsed } from './store/sweep.js';
import { upsertUser } from './store/users.js';
import type { openTracing as OpenTracing } from './tracing-sdk.js';
import { UserReports } from './user-reports.js';
import { LocalBus } from './workers/local-bus.js';
import { SharedLimiter } from './workers/shared-limiter.js';
import { SharedPresenceStore } from './workers/shared-presence-store.js';
import type { Siblings } from './workers/siblings.js';

/** A running server. */
export interface Server {
  /** Where it listens, like `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Sends the clients away, finishes what was accepted, and lets go of everything. Settles when that is done. */
  close(): Promise<void>;
}

/** Statements of the journal under way at a time; the embedded database runs one at a time anyway. */
const MAX_JOURNAL_STATEMENTS = 4;
/** Upgrades of the whole instance that are being looked at, at most. */
const MAX_PENDING_UPGRADES = 1000;
const PRESENCE_GRACE_MS = 2000;
const HEADS_INTERVAL_MS = 1000;
const SWEEP_INTERVAL_MS = 10 * 60 * 1000;
/** How long requests under way have at a shutdown, and presence, traces and the database after them. */
const LAST_REQUESTS_MS = 3000;
const LAST_WRITES_MS = 3000;
/** While Redis is up a publish can still be lost (its instance killed after the commit): every so many checks. */
const HEADS_EVERY_WHILE_UP = 5;
/**
 * Upgrades that are looked at a second, and at one go. Each costs about 0.3 ms of the one thread: when the clients of an
 * instance that has ended come here, those who are here already keep a part of it.
 */
const UPGRADE_RATE: Rate = { perMinute: 60 * 2000, burst: 4000 };
const LOOPBACK_NAME = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;
/** UTF-8 takes four bytes a code point at most; the rest of a frame is its other fields. */
const FRAME_BYTES_PER_CHAR = 4;
const FRAME_OVERHEAD_BYTES = 1024;

/** The bus's channel for what concerns the whole site. */
const SITE_CHANNEL = 'site';

/**
 * Puts the parts together and starts to listen. This is the one place where they meet: each states what it needs of the
 * others, and gets it here.
 *
 *     gateway -> connection -> commands -> journal -> bus -> hub -> fan-out -> sockets
 *
 * @param siblings the other workers of the instance; null: it is one process
 * @returns once it listens
 * @throws when the database cannot be reached or migrated, or the port cannot be had
 */
export async function createServer(config: Config, log: Logger, siblings: Siblings | null = null): Promise<Server> {
  const instanceId = randomUUID();
  const origin = Buffer.from(instanceId.slice(0, 8), 'hex').readUInt32BE();
  const development = config.key.kind === 'development';
  let draining = false;

  const metrics = new Metrics({ channelLabel: config.metricsChannelLabel });
  const tracing = config.tracing === null ? null : await openTracing(config.tracing, { instanceId, metrics, log });
  const db = await openDb(config, log);
  const migrations = loadMigrations();
  const applied = await migrate(db, undefined, migrations);
  if (applied.length > 0) log.info({ migrations: applied }, 'The database schema was brought up to date');
  if (await settleEpoch(db)) log.warn('The database was restored from a dump: clients begin anew');

  const link = config.redisUrl === null ? null : await RedisLink.open(config.redisUrl, log);
  // What holds without Redis: in this process alone, or by way of the primary for all workers.
  const local =
    siblings === null
      ? { bus: new MemoryBus(), limiter: new MemoryLimiter(), presence: new MemoryPresenceStore() }
      : {
          bus: new LocalBus(siblings, metrics),
          limiter: new SharedLimiter(siblings),
          presence: new SharedPresenceStore(siblings),
        };
  const bus: Bus = link === null ? local.bus : new RedisBus(link, origin, metrics, log);
  const limiter = link === null ? local.limiter : new RedisLimiter(link, log, local.limiter);
  const { rateLimitPerMinute: perMinute, rateLimitBurst: burst } = config;
  const messageRate = perMinute === 0 || burst === 0 ? null : { perMinute, burst };

  const announce = (channelId: string, frames: Buffer, note: EphemeralNote) =>
    bus.publish(channelId, { ...noteBatch(BATCH_KIND.ephemeral, origin, note), frames });
  const announcePresence = (channelId: string, news: PresenceNews) => {
    if (news.kind === 'count') announce(channelId, Buffer.alloc(0), { online: news.online });
    else announce(channelId, jsonFrame(news.frame), { except: news.frame.user_id, online: news.online });
  };
  const onLapsed = (channelId: string, userIds: readonly string[]) => {
    presence.lapsed(channelId, userIds).catch((error) => log.warn({ err: error }, 'Lapsed users were not told of'));
  };
  const presenceStore = link === null ? local.presence : new RedisPresenceStore(link, log, { instanceId, onLapsed });
  if (siblings !== null) siblings.onLapsed = onLapsed;
  if (link === null && siblings?.hello.first !== false) await clearPresence(db);
  const presence = new Presence(presenceStore, log, {
    graceMs: PRESENCE_GRACE_MS,
    announce: announcePresence,
    write: (rows) => writePresence(db, rows),
    readRoster: (channelId, userIds) => readRoster(db, channelId, userIds),
  });

  const fanOut = new FanOut(metrics);
  const recovery = new Recovery(db, ({ channelId, fromSeq, toSeq }) => {
    metrics.holes.inc();
    log.warn(
      { channel_id: channelId, from_seq: fromSeq, to_seq: toSeq },
      'Rows of the sequence are missing in the database: clients are told that they cannot have them',
    );
  });
  const hub = new Hub({
    fanOut,
    recovery,
    metrics,
    log,
    tracing,
    historyOnJoin: config.historyOnJoin,
    subscribe: (channelId) => bus.subscribe(channelId),
    unsubscribe: (channelId) => bus.unsubscribe(channelId),
    readHeads: (channelIds) => readHeads(db, channelIds),
    readStandings: (channelId, userIds) => readStandings(db, channelId, userIds),
    onOtherLife: (epoch, lost) => epochWatch.noticed(epoch, lost),
    onOnline: (channelId, online) => presence.heard(channelId, online),
  });
  bus.onBatch = (channelId, batch, atMs) => {
    if (channelId === SITE_CHANNEL) siteChanged();
    else hub.deliver(channelId, batch, atMs);
  };

  // Redis is a hint: when it was away, and all the while that it is, the database says what the hubs have missed.
  const compareHeads = () =>
    void hub.compareHeads().catch((error) => log.warn({ err: String(error) }, 'The channels could not be compared'));
  bus.onRecovered = compareHeads;
  // Alone on PostgreSQL nothing is missed; but it may be set back by its operators.
  const comparesWhileUp = link !== null || siblings !== null || config.databaseUrl !== null;
  let ticks = 0;
  const headsTimer = setInterval(() => {
    ticks++;
    if (!bus.up || (comparesWhileUp && ticks % HEADS_EVERY_WHILE_UP === 0)) compareHeads();
  }, HEADS_INTERVAL_MS);
  headsTimer.unref();
  const sweepTimer = setInterval(() => {
    sweepLapsed(db).catch((error) => log.warn({ err: String(error) }, 'What has lapsed will be swept later'));
  }, SWEEP_INTERVAL_MS);
  sweepTimer.unref();

  const retention = new Retention({
    db,
    days: config.messageRetentionDays,
    instanceId,
    isEmbedded: config.databaseUrl === null,
    metrics,
    log,
    onCut: (channelId, firstSeq) => hub.noticeCut(channelId, firstSeq),
  });

  const rights = new Rights((channelId, userIds) => readStandings(db, channelId, userIds));
  const journal = new Journal({
    db,
    rights,
    metrics,
    log,
    tracing,
    origin,
    maxStatements: config.databaseUrl === null ? 1 : Math.min(MAX_JOURNAL_STATEMENTS, config.databasePoolSize),
    publish: (channelId, batch, atMs) => bus.publish(channelId, batch, atMs),
  });

  const connections = new Connections();
  const revocations = await Revocations.open({
    read: () => readSiteRestrictions(db),
    readVersion: () => readSiteVersion(db),
    log,
    onChanged: () => connections.closeInvalid((identity) => revocations.isValid(identity)),
    onErased: (userIds) => {
      for (const userId of userIds) auth.forget(userId);
      hub.forgetPast();
    },
  });
  // The notes on this channel are hints like all others: a lost one is made up for by the look once a second.
  const siteChanged = () => {
    revocations.refresh().catch((error) => log.debug({ err: String(error) }, 'Revocations will be read again'));
  };
  const publishSite = () => bus.publish(SITE_CHANNEL, noteBatch(BATCH_KIND.access, origin, {}));
  await bus.subscribe(SITE_CHANNEL);

  const developmentKey = !development
    ? null
    : siblings === null
      ? loadDevelopmentKey(config.dataDir)
      : siblings.developmentKey;
  const auth = new Auth({
    key: config.key.kind === 'development' ? { kind: 'private', privateKey: notNull(developmentKey) } : config.key,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    rememberUser: ({ userId, username, displayName, avatarUrl, role }: Identity) =>
      upsertUser(db, { id: userId, username, displayName, avatarUrl, role }),
    assertValid: (identity) => revocations.assertValid(identity),
  });
  const admission = {
    readAccess: (channelId: string, userId: string) => readAccess(db, channelId, userId),
    join: presence.join.bind(presence),
  };

  const publishEvent = (channelId: string, seq: number, frame: object) =>
    bus.publish(channelId, eventBatch(origin, seq, frame));
  const publishAccess = (channelId: string, note: AccessNote) =>
    bus.publish(channelId, noteBatch(BATCH_KIND.access, origin, note));
  const moderation = new Moderation({
    db,
    publishEvent,
    publishAccess,
  });
  const review = new Review({
    db,
    publishMessage: (message) =>
      bus.publish(message.channel_id, messageBatch(origin, message.seq, [message]), performance.now()),
    publishAccess,
  });
  const hits = new HitLog({ log, write: (channelId, entries) => writeHits(db, channelId, entries) });
  const policies = new Policies((channelId) => readPolicy(db, channelId));
  const screening = new Screening({
    db,
    journal,
    policies,
    limiter,
    moderation,
    hits,
    metrics,
  });

  const commands = new Commands({
    screening,
    hub,
    presence,
    limiter,
    metrics,
    log,
    tracing,
    messageRate,
    messageMaxChars: config.messageMaxChars,
    authenticate: (token) => auth.authenticate(token),
    admit: (identity, channelId) => admit(admission, identity, channelId),
    announceTyping: (frame: TypingFrame) => announce(frame.channel_id, jsonFrame(frame), { except: frame.user_id }),
    onClosed: (connection) => connections.remove(connection),
  });

  // In development mode a page of another site must not reach in by a name of its own that resolves to loopback.
  const originAllowed = (from: string, host: string | null, allowed: readonly string[]) =>
    isOriginAllowed(from, development && !LOOPBACK_NAME.test(host ?? '') ? null : host, allowed);
  const addressLimits = new AddressLimits({
    maxConnections: config.maxConnectionsPerAddress,
    maxFailuresPerMinute: config.maxFailuresPerAddress,
    trust: trustOf(config.trustProxy),
    metrics,
    log,
  });
  const upgrades = new MemoryLimiter();
  const gateway = new Gateway({
    log,
    tracing,
    metrics,
    maxFrameBytes: Math.max(
      MAX_CLIENT_FRAME_BYTES,
      config.messageMaxChars * FRAME_BYTES_PER_CHAR + FRAME_OVERHEAD_BYTES,
    ),
    maxPending: Math.ceil(MAX_PENDING_UPGRADES / (siblings?.hello.workers ?? 1)),
    isDraining: () => draining,
    takePlace: (request, socket) => addressLimits.takePlace(request, socket),
    refusal: (request, error) => addressLimits.refusal(request, error),
    mayCome: () => upgrades.take('upgrade', UPGRADE_RATE).allowed,
    isOriginAllowed: (from, host) => originAllowed(from, host, config.websocketOrigins),
    authenticate: (token) => auth.authenticate(token),
    admit: (identity, channelId) => admit(admission, identity, channelId),
    release: (channelId, userId) => presence.leave(channelId, userId),
    onAccepted: (accepted: Accepted) => {
      const connection = new Connection({ ...accepted, fanOut, handlers: commands });
      connections.add(connection);
      // He may have been suspended since his token was looked at.
      if (!revocations.isValid(accepted.identity)) {
        if (accepted.admission !== null) presence.leave(accepted.admission.access.id, connection.userId);
        connection.close('TOKEN_EXPIRED');
        return;
      }
      const { admission: place, position } = accepted;
      if (place !== null) connection.begin(() => commands.enter(connection, place, position));
    },
  });

  const epochWatch = new EpochWatch({
    log,
    renewIfBehind: (epoch, channelId, seq) => renewEpochIfBehind(db, epoch, channelId, seq),
    reset: () => {
      hub.reset();
      rights.forgetAll();
      policies.forgetAll();
      auth.forgetAll();
      siteChanged();
      void connections.sendAway(config.drainWindowMs);
    },
  });

  const userReports = new UserReports({ db, publishEvent, publishAccess });
  const site = new SiteModeration({
    db,
    moderation,
    onChanged: async () => {
      await revocations.refresh();
      publishSite();
    },
  });
  const redisUp = () => link?.whole ?? null;
  const schema = new SchemaWatch({ log, readRefusal: async () => (await migrationStatus(db, migrations)).refusal });
  const reporters = makeReporters({
    connections,
    hub,
    metrics,
    db,
    redisUp,
    isDraining: () => draining,
    refusal: () => schema.refusal,
  });
  if (siblings !== null) siblings.reporters = reporters;
  const gather = async <K extends keyof Reports>(kind: K): Promise<(Reports[K] | null)[]> =>
    siblings === null ? [await reporters[kind]()] : await siblings.gather(kind);
  const app = await createApp(
    {
      config,
      log,
      tracing,
      db,
      auth,
      addressLimits,
      screening,
      review,
      hub,
      presence,
      limiter,
      gather,
      instanceId,
      messageRate,
      isDraining: () => draining,
      isOriginAllowed: originAllowed,
      moderation,
      userReports,
      site,
      publishEvent,
    },
    developmentKey,
  );
  app.server.on('connection', addressLimits.onSocket);
  app.server.on('upgrade', gateway.onUpgrade);
  await siblings?.prepared();
  const { host, port } = config;
  const address = { host, port, reusePort: siblings !== null };
  await app.listen(address);

  const close = async () => {
    draining = true;
    const removal = retention.close();
    await connections.drain(config.drainWindowMs);
    gateway.close();
    // A request on a link that is cut would hold up the end for as long as it may take.
    const impatience = setTimeout(() => {
      app.server.closeAllConnections();
      connections.terminateAll();
    }, LAST_REQUESTS_MS);
    await app.close();
    clearTimeout(impatience);
    // Each of these may hand something to the next: a message that is stopped is told to the log of hits at its end.
    await screening.close();
    await journal.close();
    await within(LAST_WRITES_MS, removal);
    await within(LAST_WRITES_MS, hits.close());
    await within(LAST_WRITES_MS, presence.close());
    clearInterval(headsTimer);
    clearInterval(sweepTimer);
    schema.close();
    hub.close();
    revocations.close();
    limiter.close();
    upgrades.close();
    addressLimits.close();
    await bus.close();
    link?.close();
    if (tracing !== null) await within(LAST_WRITES_MS, tracing.close());
    await within(LAST_WRITES_MS, db.close());
  };
  let closing: Promise<void> | null = null;
  return {
    url: urlOf(config.host, app.server.address()),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Loads OpenTelemetry, which takes time and memory, so only for those who have configured traces. */
async function openTracing(...args: Parameters<typeof OpenTracing>): ReturnType<typeof OpenTracing> {
  const sdk = await import('./tracing-sdk.js');
  return await sdk.openTracing(...args);
}

/** Settles with `work`, or when the time is over: what is left then is not worth holding up the end of the process. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function urlOf(host: string, address: AddressInfo | string | null): string {
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function notNull<T>(value: T | null): T {
  if (value === null) throw new Error('createServer: development mode without a key');
  return value;
}
