import { DecideBody, DecideResult, HeldList } from '@hubbub/protocol/auto-moderation.js';
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import Type from 'typebox';
import { HubbubError } from '../errors.js';
import { assertMay, assertVisible, standingOf } from '../permissions.js';
import { listHeld } from '../store/held.js';
import { channelAccess, identityOf, PageQuery, userLimit } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import type { Routes } from './typed.js';

const HeldParams = Type.Object({
  ...ChannelParams.properties,
  held_id: Type.String({ description: 'The `id` of a held message, which is its `message_id`' }),
});

/** Messages that wait for review. */
export function heldRoutes(app: Routes, context: HttpContext): void {
  const tags = ['auto-moderation'];

  app.get(
    '/channels/:id/held',
    {
      schema: {
        tags,
        summary: 'Messages that wait for review, oldest first (moderators)',
        description:
          'What a rule or the shield has held and nobody has decided on. None of them has a place in the channel.',
        params: ChannelParams,
        querystring: PageQuery,
        response: { 200: HeldList, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { limit, offset } = request.query;
      const access = await channelAccess(context, request, request.params.id);
      const identity = identityOf(request);
      assertVisible(access, identity);
      assertMay('read_moderation', standingOf(access, identity));
      const { rows, total } = await listHeld(context.db, access.id, limit, offset);
      return { held: rows.map((row) => ({ ...row, held_at: row.held_at.toISOString() })), total, limit, offset };
    },
  );

  app.post(
    '/channels/:id/held/:held_id',
    {
      schema: {
        tags,
        summary: 'Approve or reject a message that waits for review (moderators)',
        description:
          'An approved message takes its place at the end of the channel and is sent to everyone. Of two who decide at once ' +
          'one is answered with 409; so is an approval while the author is banned, muted or suspended.',
        params: HeldParams,
        body: DecideBody,
        response: { 200: DecideResult, ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429) },
      },
      // Generous, since a raid fills the queue.
      preHandler: userLimit(context, 'review', 120),
    },
    async (request) => {
      const messageId = canonicalUuid(request.params.held_id);
      if (messageId === null) throw new HubbubError('INVALID_REQUEST', 'Invalid message ID');
      const { decision, reason = null } = request.body;
      const access = await channelAccess(context, request, request.params.id);
      const identity = identityOf(request);
      assertVisible(access, identity);
      const message = await context.review.decide(identity, access.id, messageId, decision, reason);
      if (message === null) return { status: 'rejected' as const, message_id: messageId };
      return { status: 'approved' as const, message_id: messageId, seq: message.seq };
    },
  );
}
