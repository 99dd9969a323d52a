import { Readable } from 'node:stream';
import {
  EraseBody,
  EraseResult,
  RevokeTokenBody,
  RevokeTokensBody,
  SuspendBody,
  SuspendResult,
} from '@hubbub/protocol/moderation.js';
import { StatusBody } from '@hubbub/protocol/rest.js';
import Type from 'typebox';
import { HubbubError } from '../errors.js';
import { assertSiteAdmin } from '../permissions.js';
import type { Queryable } from '../store/db.js';
import { exportMessages, exportUser } from '../store/users.js';
import { identityOf, userIdParam, userLimit } from './access.js';
import type { HttpContext } from './context.js';
import { errorResponses, streamOf } from './errors.js';
import type { Routes } from './typed.js';

const UserParams = Type.Object({ user_id: Type.String({ description: "The user's UUID, in any spelling" }) });
const EXPORT_PART = 500;
const EXPORT_EXAMPLE =
  '{"kind":"user","id":"a41c7e58-92d3-4b6f-8e01-6d5f2a9c3b74","username":"ada","role":"user"}\n' +
  '{"kind":"message","id":"c2a9d1e4-7f35-4c8b-b6a0-3e5d8f1b2c47","content":"Hello!","seq":42}\n';

/** What site admins do to users of the whole site. */
export function siteRoutes(app: Routes, context: HttpContext): void {
  const { site, db } = context;
  const tags = ['site'];
  const changes = userLimit(context, 'site', 30);
  const errors = errorResponses(400, 401, 403, 404, 409, 413, 415, 429);

  app.post(
    '/users/:user_id/suspend',
    {
      schema: {
        tags,
        summary: 'Suspend a user: his connections are closed everywhere, his tokens are refused',
        description:
          'For site admins, not on each other. Connections are closed with code 4001, requests are refused with ' +
          '403, on every instance; until he is restored, or for `duration_minutes`.',
        params: UserParams,
        body: SuspendBody,
        response: { 200: SuspendResult, ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.params.user_id);
      const { reason = null, duration_minutes: minutes = null } = request.body;
      const until = await site.suspend(identityOf(request), userId, minutes, reason);
      return { status: 'suspended' as const, expires_at: until?.toISOString() ?? null };
    },
  );

  app.delete(
    '/users/:user_id/suspend',
    {
      schema: {
        tags,
        summary: 'Restore a suspended user',
        description: 'For site admins. One who is not suspended is answered with 409.',
        params: UserParams,
        response: { 200: StatusBody('restored'), ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      await site.restore(identityOf(request), userIdParam(request.params.user_id));
      return { status: 'restored' as const };
    },
  );

  app.post(
    '/users/:user_id/revoke-tokens',
    {
      schema: {
        tags,
        summary: 'Revoke all tokens of a user that were issued before a time',
        description:
          'For site admins. Connections with such a token are closed with code 4001 on every instance. Tokens ' +
          'tell the second of their issue alone, and those without `iat` count as older than any time.',
        params: UserParams,
        body: RevokeTokensBody,
        response: { 200: StatusBody('revoked'), ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.params.user_id);
      const { before, reason = null } = request.body;
      await site.revokeTokensOf(identityOf(request), userId, before === undefined ? null : new Date(before), reason);
      return { status: 'revoked' as const };
    },
  );

  app.post(
    '/tokens/revoke',
    {
      schema: {
        tags,
        summary: 'Revoke one token by its `jti`',
        description:
          'For site admins. Connections with this token are closed with code 4001 on every instance; it is ' +
          'remembered until `expires_at`.',
        body: RevokeTokenBody,
        response: { 200: StatusBody('revoked'), ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const { jti, user_id, expires_at, reason = null } = request.body;
      const userId = user_id === undefined ? null : userIdParam(user_id);
      const expiresAt = expires_at === undefined ? null : new Date(expires_at);
      await site.revokeToken(identityOf(request), jti, userId, expiresAt, reason);
      return { status: 'revoked' as const };
    },
  );

  app.get(
    '/users/:user_id/export',
    {
      schema: {
        tags,
        summary:
          'All that is kept of a user, as NDJSON: one object a line, each with its `kind` (site admins, himself)',
        description:
          'Kinds are `user`, `channel` (made by him), `membership`, `ban`, `mute`, `presence`, `report` (made by him), ' +
          '`reported` (messages of his), `moderation` (done to him) and `message`. A stream of any length.',
        params: UserParams,
        response: { 200: streamOf({ 'application/x-ndjson': EXPORT_EXAMPLE }), ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request, reply) => {
      const identity = identityOf(request);
      const userId = userIdParam(request.params.user_id);
      if (userId !== identity.userId) assertSiteAdmin(identity);
      const kinds = await exportUser(db, userId);
      if (kinds.user.length === 0) throw new HubbubError('USER_NOT_FOUND');
      reply.header('content-disposition', `attachment; filename="user-${userId}.ndjson"`);
      return reply.type('application/x-ndjson').send(Readable.from(exportLines(db, userId, kinds)));
    },
  );

  app.post(
    '/users/:user_id/erase',
    {
      schema: {
        tags,
        summary: 'Erase who a user was; what he wrote is anonymised or deleted',
        description:
          'For site admins. Takes away name, picture, memberships and presence, and ends his tokens. Can be ' +
          'repeated when it failed half-way. The audit trail keeps his id.',
        params: UserParams,
        body: EraseBody,
        response: { 200: EraseResult, ...errors },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.params.user_id);
      const { messages, reason = null } = request.body;
      const count = await site.erase(identityOf(request), userId, messages === 'delete', reason);
      return { status: 'erased' as const, messages_deleted: count };
    },
  );
}

async function* exportLines(
  db: Queryable,
  userId: string,
  kinds: Awaited<ReturnType<typeof exportUser>>,
): AsyncGenerator<string> {
  for (const [kind, rows] of Object.entries(kinds))
    for (const row of rows) yield `${JSON.stringify({ kind, ...row })}\n`;
  let afterId: string | null = null;
  for (;;) {
    const rows: { readonly id: string }[] = await exportMessages(db, userId, afterId, EXPORT_PART);
    for (const row of rows) yield `${JSON.stringify({ kind: 'message', ...row })}\n`;
    afterId = rows.at(-1)?.id ?? null;
    if (rows.length < EXPORT_PART) return;
  }
}
