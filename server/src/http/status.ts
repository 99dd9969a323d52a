import { timingSafeEqual } from 'node:crypto';
import { Health, Stats } from '@hubbub/protocol/rest.js';
import Type from 'typebox';
import { HubbubError } from '../errors.js';
import { assertSiteAdmin } from '../permissions.js';
import { identityOf } from './access.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import type { Routes } from './typed.js';

/** `/chat/health`, open to all. */
export function healthRoute(app: Routes, context: HttpContext): void {
  app.get(
    '/health',
    { schema: { tags: ['status'], summary: 'State of this instance', security: [], response: { 200: Health } } },
    () => healthOf(context),
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
        response: { 200: Stats, ...errorResponses(401, 403) },
      },
    },
    async (request) => {
      assertSiteAdmin(identityOf(request));
      const hubs = [...context.hub.channels()];
      const online = await context.presence.counts(hubs.map((hub) => hub.id));
      return {
        ...(await healthOf(context)),
        instance_id: context.instanceId,
        uptime_seconds: process.uptime(),
        channels: hubs.map((hub) => ({
          channel_id: hub.id,
          connections: hub.subscribers.size,
          online: online.get(hub.id) ?? 0,
          last_seq: hub.lastSeq,
        })),
      };
    },
  );
}

const Probe = Type.Object({ status: Type.String() });

/** `/healthz` (alive), `/readyz` (ready for clients) and `/metrics`, for machines. */
export function probeRoutes(app: Routes, context: HttpContext): void {
  const { metrics, config } = context;

  app.get('/healthz', { schema: { hide: true, response: { 200: Probe } } }, () => ({ status: 'ok' }));

  app.get('/readyz', { schema: { hide: true, response: { 200: Probe } } }, async () => {
    if (context.isDraining()) throw notReady('this instance is draining');
    if (!(await context.db.ping())) throw notReady('the database does not answer');
    if (context.redisUp() === false) throw notReady('Redis does not answer');
    return { status: 'ready' };
  });

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (config.metricsToken !== null && !isBearer(request.headers.authorization, config.metricsToken)) {
      throw new HubbubError('UNAUTHORIZED', 'Metrics ask for METRICS_TOKEN as bearer');
    }
    const redisUp = context.redisUp();
    metrics.redisUp.set(redisUp === null ? -1 : Number(redisUp));
    metrics.databaseUp.set(Number(await context.db.ping()));
    const { contentType, text } = await metrics.expose();
    return reply.type(contentType).send(text);
  });
}

async function healthOf(context: HttpContext): Promise<Health> {
  const { connections, hub } = context;
  const degraded = context.redisUp() === false || !(await context.db.ping());
  return {
    status: context.isDraining() ? 'draining' : degraded ? 'degraded' : 'ok',
    total_connections: connections.size,
    active_channels: hub.size,
    timestamp: new Date().toISOString(),
  };
}

function notReady(why: string): HubbubError {
  return new HubbubError('UNAVAILABLE', `Not ready: ${why}`, { retryAfterMs: 1000 });
}

function isBearer(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
