import { MAX_DELETE_REASON_CHARS } from '@hubbub/protocol/limits.js';
import { DeleteMessageBody } from '@hubbub/protocol/moderation.js';
import { StatusBody } from '@hubbub/protocol/rest.js';
import { OneOf } from '@hubbub/protocol/schemas.js';
import Type from 'typebox';
import { identityOf, messageAccess, userIdParam, userLimit, visibleChannel } from './access.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import { ChannelUserParams } from './members.js';
import { MessageParams } from './messages.js';
import type { Routes } from './typed.js';

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

/** Deleted messages: one, or the recent ones of a user. */
export function deletionRoutes(app: Routes, context: HttpContext): void {
  const { moderation } = context;
  const tags = ['moderation'];
  const changes = userLimit(context, 'moderate', 30);
  const errors = errorResponses(400, 401, 403, 404, 413, 415, 429);

  app.delete(
    '/messages/:id',
    {
      schema: {
        tags,
        summary: 'Delete a message (its author, moderators); everyone connected is told',
        description:
          'The message keeps its place and loses its content; a `message_deleted` frame with a place of its own ' +
          'tells everyone, also those who resume later. The body may be left out. A message of a private channel ' +
          'of others is answered with 404.',
        params: MessageParams,
        body: DeleteMessageBody,
        response: { 200: StatusBody('deleted'), ...errors },
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
      return { status: 'deleted' as const };
    },
  );

  app.delete(
    '/channels/:id/users/:user_id/messages',
    {
      schema: {
        tags,
        summary: "Clear a user's messages of the last minutes (moderators), as one action; at most 1,000 a call",
        description:
          'For moderators over users of lower rank. Messages that wait for review are rejected with them. One row of the ' +
          'audit trail, with all that was cleared; `dry_run` only counts. Ask again while the count is 1,000.',
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
