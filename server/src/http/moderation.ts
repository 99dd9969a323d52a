import { Readable } from 'node:stream';
import { MAX_DELETE_REASON_CHARS, MAX_PAGE_SIZE } from '@hubbub/protocol/limits.js';
import {
  BanBody,
  BanCheck,
  BanResult,
  DeleteMessageBody,
  LOG_ACTIONS,
  LogPage,
  MuteResult,
  type Restriction,
  RestrictionList,
  TimeoutBody,
  TimeoutResult,
} from '@hubbub/protocol/moderation.js';
import { StatusBody } from '@hubbub/protocol/rest.js';
import { OneOf } from '@hubbub/protocol/schemas.js';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { readTrail } from '../audit.js';
import { assertMay, standingOf } from '../permissions.js';
import { listLog } from '../store/moderation-log.js';
import { findRestrictions, listRestrictions, type RestrictionRow } from '../store/restrictions.js';
import { identityOf, messageAccess, PageQuery, userIdParam, userLimit, visibleChannel } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses, streamOf } from './errors.js';
import { ChannelUserParams } from './members.js';
import { MessageParams } from './messages.js';
import { toLogEntry } from './representations.js';
import { trailAsCsv, trailAsNdjson } from './trail-export.js';
import type { Routes } from './typed.js';

const CheckQuery = Type.Object({ user_id: Type.Optional(Type.String()) }, { additionalProperties: false });

const LogQuery = Type.Object(
  {
    page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
    limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: 50 }),
    action: Type.Optional(OneOf(LOG_ACTIONS)),
    user_id: Type.Optional(Type.String({ description: 'Only what was done to this user' })),
  },
  { additionalProperties: false },
);

const ExportQuery = Type.Object(
  {
    format: OneOf(['csv', 'ndjson']),
    action: Type.Optional(OneOf(LOG_ACTIONS)),
    user_id: Type.Optional(Type.String({ description: 'Only what was done to this user' })),
  },
  { additionalProperties: false },
);

const ClearBody = Type.Object(
  {
    since_minutes: Type.Integer({ minimum: 1, maximum: 10_080 }),
    reason: Type.Optional(Type.String({ maxLength: MAX_DELETE_REASON_CHARS })),
    dry_run: Type.Optional(Type.Boolean({ description: 'Only count' })),
  },
  { additionalProperties: false },
);
const ClearResult = Type.Object(
  { status: OneOf(['deleted', 'counted']), count: Type.Integer({ minimum: 0 }) },
  { additionalProperties: false },
);

/** Bans, timeouts, mutes, deletions, and the trail that they leave. */
export function moderationRoutes(app: Routes, context: HttpContext): void {
  const { db, moderation } = context;
  const tags = ['moderation'];
  const changes = userLimit(context, 'moderate', 30);
  const errors = errorResponses(400, 401, 403, 404, 413, 415, 429);

  app.post(
    '/channels/:id/ban',
    {
      schema: {
        tags,
        summary: 'Ban a user: his connections are closed, and he is kept out',
        params: ChannelParams,
        body: BanBody,
        response: { 200: BanResult, ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const { id, expires_at } = await restrict(context, request, request.params.id, 'ban', request.body);
      return { status: 'banned' as const, ban_id: id, expires_at };
    },
  );

  app.post(
    '/channels/:id/mute',
    {
      schema: {
        tags,
        summary: 'Mute a user: he reads on and cannot write',
        params: ChannelParams,
        body: BanBody,
        response: { 200: MuteResult, ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const { id, expires_at } = await restrict(context, request, request.params.id, 'mute', request.body);
      return { status: 'muted' as const, mute_id: id, expires_at };
    },
  );

  app.post(
    '/channels/:id/timeout',
    {
      schema: {
        tags,
        summary: 'Time a user out: a ban that ends by itself',
        params: ChannelParams,
        body: TimeoutBody,
        response: { 200: TimeoutResult, ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const { id, expires_at } = await restrict(context, request, request.params.id, 'timeout', request.body);
      return { status: 'timed_out' as const, timeout_id: id, expires_at: expires_at ?? '' };
    },
  );

  for (const [what, status] of [
    ['ban', 'unbanned'],
    ['mute', 'unmuted'],
  ] as const) {
    app.delete(
      `/channels/:id/${what}/:user_id`,
      {
        schema: {
          tags,
          summary: what === 'ban' ? "Lift a user's ban and timeout" : "Lift a user's mute",
          params: ChannelUserParams,
          response: { 200: StatusBody, ...errorResponses(400, 401, 403, 404, 429) },
        },
        preHandler: changes,
      },
      async (request) => {
        // The path is put together above, so its parameters are not typed by it.
        const { id, user_id } = request.params as { id: string; user_id: string };
        const userId = userIdParam(user_id);
        const access = await visibleChannel(context, request, id);
        await moderation.lift(identityOf(request), access.id, userId, what);
        return { status };
      },
    );
  }

  app.get(
    '/channels/:id/bans',
    {
      schema: {
        tags,
        summary: 'Bans, timeouts and mutes in force, newest first (moderators)',
        params: ChannelParams,
        querystring: PageQuery,
        response: { 200: RestrictionList, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { limit, offset } = request.query;
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identityOf(request)));
      const { rows, total } = await listRestrictions(db, access.id, limit, offset);
      return { bans: rows.map(toRestriction), total, limit, offset };
    },
  );

  app.get(
    '/channels/:id/check-ban',
    {
      schema: {
        tags,
        summary: 'Whether a user is banned or muted (moderators; anyone about himself)',
        params: ChannelParams,
        querystring: CheckQuery,
        response: { 200: BanCheck, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const identity = identityOf(request);
      const userId = request.query.user_id === undefined ? identity.userId : userIdParam(request.query.user_id);
      const access = await visibleChannel(context, request, request.params.id);
      if (userId !== identity.userId) assertMay('read_moderation', standingOf(access, identity));
      return toCheck(await findRestrictions(db, access.id, userId));
    },
  );

  app.get(
    '/channels/:id/moderation-log',
    {
      schema: {
        tags,
        summary: 'The audit trail, newest first (moderators)',
        params: ChannelParams,
        querystring: LogQuery,
        response: { 200: LogPage, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { page, limit, action = null, user_id } = request.query;
      const targetUserId = user_id === undefined ? null : userIdParam(user_id);
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identityOf(request)));
      const query = { channelId: access.id, action, targetUserId, limit, offset: (page - 1) * limit };
      const { rows, total } = await listLog(db, query);
      return { logs: rows.map(toLogEntry), total, page, limit };
    },
  );

  app.get(
    '/channels/:id/moderation-log/export',
    {
      schema: {
        tags,
        summary: 'The audit trail as a stream, oldest first, as CSV or NDJSON (moderators)',
        params: ChannelParams,
        querystring: ExportQuery,
        response: { 200: streamOf('text/csv', 'application/x-ndjson'), ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { format, action = null, user_id } = request.query;
      const targetUserId = user_id === undefined ? null : userIdParam(user_id);
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identityOf(request)));
      const rows = readTrail(db, { channelId: access.id, action, targetUserId });
      reply.header('content-disposition', `attachment; filename="moderation-log-${access.id}.${format}"`);
      if (format === 'csv') return reply.type('text/csv; charset=utf-8').send(Readable.from(trailAsCsv(rows)));
      return reply.type('application/x-ndjson').send(Readable.from(trailAsNdjson(rows)));
    },
  );

  app.delete(
    '/messages/:id',
    {
      schema: {
        tags,
        summary: 'Delete a message (its author, moderators); everyone connected is told',
        params: MessageParams,
        body: DeleteMessageBody,
        response: { 200: StatusBody, ...errors },
      },
      // The body may be left out.
      preValidation: async (request) => {
        request.body ??= {};
      },
      preHandler: changes,
    },
    async (request) => {
      const { message } = await messageAccess(context, request, request.params.id);
      await moderation.deleteMessage(identityOf(request), message.id, request.body.reason ?? null);
      return { status: 'deleted' };
    },
  );

  app.delete(
    '/channels/:id/users/:user_id/messages',
    {
      schema: {
        tags,
        summary: "Clear a user's messages of the last minutes (moderators), as one action; at most 1,000 a call",
        params: ChannelUserParams,
        body: ClearBody,
        response: { 200: ClearResult, ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.params.user_id);
      const { since_minutes, reason = null, dry_run = false } = request.body;
      const access = await visibleChannel(context, request, request.params.id);
      const identity = identityOf(request);
      const count = await moderation.clearMessages(identity, access.id, userId, since_minutes, reason, dry_run);
      return { status: dry_run ? ('counted' as const) : ('deleted' as const), count };
    },
  );
}

interface RestrictBody {
  readonly user_id: string;
  readonly reason?: string;
  readonly duration_minutes?: number | null;
}

async function restrict(
  context: HttpContext,
  request: FastifyRequest,
  id: string,
  kind: 'ban' | 'mute' | 'timeout',
  body: RestrictBody,
): Promise<{ id: string; expires_at: string | null }> {
  const userId = userIdParam(body.user_id);
  const access = await visibleChannel(context, request, id);
  const { reason = null, duration_minutes: minutes = null } = body;
  const order = { channelId: access.id, userId, kind, reason, minutes };
  const result = await context.moderation.restrict(identityOf(request), order);
  return { id: result.id, expires_at: result.expiresAt?.toISOString() ?? null };
}

function toRestriction(row: RestrictionRow): Restriction {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
  };
}

function toCheck(rows: readonly Pick<RestrictionRow, 'id' | 'kind' | 'reason' | 'expires_at'>[]): BanCheck {
  const ban = rows.find((row) => row.kind !== 'mute');
  const mute = rows.find((row) => row.kind === 'mute');
  const shown = ban ?? mute;
  return {
    is_banned: ban !== undefined,
    is_muted: mute !== undefined,
    ...(ban === undefined ? {} : { ban_id: ban.id }),
    ...(shown === undefined ? {} : { expires_at: shown.expires_at?.toISOString() ?? null, reason: shown.reason }),
  };
}
