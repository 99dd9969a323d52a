import {
  BanBody,
  BanCheck,
  BanResult,
  MuteResult,
  type Restriction,
  RestrictionList,
  TimeoutBody,
  TimeoutResult,
} from '@hubbub/protocol/moderation.js';
import { StatusBody } from '@hubbub/protocol/rest.js';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { assertMay, standingOf } from '../permissions.js';
import { findRestrictions, listRestrictions, type RestrictionRow } from '../store/restrictions.js';
import { identityOf, PageQuery, userIdParam, userLimit, visibleChannel } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import { ChannelUserParams } from './members.js';
import type { Routes } from './typed.js';

const CheckQuery = Type.Object({ user_id: Type.Optional(Type.String()) }, { additionalProperties: false });

/** Bans, timeouts and mutes: put in force, lifted, read. */
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
        description:
          'For moderators over users of lower rank. Connections are closed with code 4003 on every instance; ' +
          'history, posting and coming in are refused until the ban ends or is lifted. A second ban takes the ' +
          'place of the first.',
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
        description:
          'For moderators over users of lower rank. Holds at once on open connections, which are told by a ' +
          '`moderation` frame. Mutes and bans stand side by side.',
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
        description:
          'For moderators over users of lower rank, from a minute to thirty days. It stands beside a ban and does ' +
          'not shorten it.',
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
          description: 'For moderators over users of lower rank. Holds at once; the audit trail keeps both.',
          params: ChannelUserParams,
          response: { 200: StatusBody(status), ...errorResponses(400, 401, 403, 404, 429) },
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
        description: 'One that has ended by itself is left out from that moment on.',
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
        description:
          'About the asking user when `user_id` is left out. `expires_at` and `reason` are of the ban, or of the ' +
          'mute where there is no ban.',
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
