import { createHash, timingSafeEqual } from 'node:crypto';
import { Health, Stats } from '@hubbub/protocol/rest.js';
import Type from 'typebox';
import { HubbubError } from '../errors.js';
import { exposeMetrics } from '../metrics-text.js';
import { assertSiteAdmin } from '../permissions.js';
import type { HealthReport, StatsReport } from '../self-report.js';
import { identityOf } from './access.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import type { Routes } from './typed.js';

/** `/chat/health`, open to all. */
export function healthRoute(app: Routes, context: HttpContext): void {
  app.get(
    '/health',
    {
      schema: {
        tags: ['status'],
        summary: 'State of this instance',
        description: 'For anyone, without a token. `degraded`: PostgreSQL or Redis does not answer.',
        security: [],
        response: { 200: Health },
      },
    },
    async () => healthOf(await context.gather('health')),
  );
}

/** `/chat/stats`, for site admins. */
export function statsRoute(app: Routes, context: HttpContext): void {
  app.get(
    '/stats',
    {
      schema: {
        tags: ['status'],
        summary: 'State of this instance with its channels (site admins)',
        description: 'Channels with a connection to this instance alone; `online` counts the users of all instances.',
        response: { 200: Stats, ...errorResponses(401, 403) },
      },
    },
    async (request) => {
      assertSiteAdmin(identityOf(request));
      const reports = (await context.gather('stats')).filter((report) => report !== null);
      const channels = new Map<string, { connections: number; lastSeq: number }>();
      for (const { id, connections, lastSeq } of reports.flatMap((report) => report.channels)) {
        const before = channels.get(id) ?? { connections: 0, lastSeq: 0 };
        channels.set(id, {
          connections: before.connections + connections,
          lastSeq: Math.max(before.lastSeq, lastSeq),
        });
      }
      const online = await context.presence.counts([...channels.keys()]);
      return {
        ...healthOf(await context.gather('health')),
        instance_id: context.instanceId,
        uptime_seconds: process.uptime(),
        latency_seconds: sumOf(reports.map(({ latencySeconds }) => latencySeconds)),
        workers: reports.map(({ pid, connections }) => ({ pid, connections })),
        channels: [...channels].map(([id, { connections, lastSeq }]) => ({
          channel_id: id,
          connections,
          online: online.get(id) ?? 0,
          last_seq: lastSeq,
        })),
      };
    },
  );
}

/** @param latencies of the processes, whose bounds are the same */
function sumOf(latencies: readonly StatsReport['latencySeconds'][]): { bounds: number[]; counts: number[] } {
  const counts: number[] = [];
  for (const latency of latencies) {
    for (const [bucket, count] of latency.counts.entries()) counts[bucket] = (counts[bucket] ?? 0) + count;
  }
  return { bounds: [...(latencies[0]?.bounds ?? [])], counts };
}

const Probe = Type.Object({ status: Type.String() });

/** `/healthz` (alive), `/readyz` (ready for clients) and `/metrics`, for machines. */
export function probeRoutes(app: Routes, context: HttpContext): void {
  const { config, addressLimits } = context;

  app.get('/healthz', { schema: { hide: true, response: { 200: Probe } } }, () => ({ status: 'ok' }));

  app.get('/readyz', { schema: { hide: true, response: { 200: Probe } } }, async () => {
    const reports = await context.gather('health');
    // One process that is ready is enough for clients.
    if (!reports.some((report) => report?.notReady === null)) {
      throw notReady(reports.find((report) => report !== null)?.notReady ?? 'no worker answers');
    }
    return { status: 'ready' };
  });

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (config.metricsToken !== null) {
      // Unlike a signature it may be short enough to be guessed.
      addressLimits.assertMayTry(request.raw);
      if (!isBearer(request.headers.authorization, config.metricsToken)) {
        throw new HubbubError('UNAUTHORIZED', 'Metrics ask for METRICS_TOKEN as bearer');
      }
    }
    const reports = await context.gather('metrics');
    const snapshots = reports.filter((report) => report !== null);
    // Sums without one of them would look like counters that were reset.
    if (snapshots.length < reports.length) throw notReady('a worker does not answer');
    const { contentType, text } = await exposeMetrics(snapshots);
    return reply.type(contentType).send(text);
  });
}

function healthOf(reports: readonly (HealthReport | null)[]): Health {
  const states = reports.map((report) => report?.status ?? 'degraded');
  const answered = reports.filter((report) => report !== null);
  return {
    status: states.find((state) => state === 'draining') ?? states.find((state) => state === 'degraded') ?? 'ok',
    total_connections: answered.reduce((sum, { connections }) => sum + connections, 0),
    active_channels: new Set(answered.flatMap(({ channelIds }) => channelIds)).size,
    timestamp: new Date().toISOString(),
  };
}

function notReady(why: string): HubbubError {
  return new HubbubError('UNAVAILABLE', `Not ready: ${why}`, { retryAfterMs: 1000 });
}

function isBearer(header: string | undefined, token: string): boolean {
  // Of digests, so that the time tells nothing of the length either.
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}
