import { randomUUID } from 'node:crypto';
import { HeldNotice } from '@hubbub/protocol/auto-moderation.js';
import { encodeAuthor } from '@hubbub/protocol/codec.js';
import { normalizeContent } from '@hubbub/protocol/content.js';
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '@hubbub/protocol/limits.js';
import { Message, MessagePage, PostMessageBody } from '@hubbub/protocol/rest.js';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { HubbubError } from '../errors.js';
import type { Identity } from '../identity.js';
import { assertSlowMode, messageRateKey, rateLimited, takeSlowMode } from '../message-rate.js';
import { assertMayRead, assertMayWrite, isStaff, standingOf } from '../permissions.js';
import { readPage } from '../store/messages.js';
import { channelAccess, identityOf } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import { toMessage } from './representations.js';
import { spanOf } from './tracing.js';
import type { Routes } from './typed.js';

export const MessageParams = Type.Object({ id: Type.String({ description: "The message's UUID, in any spelling" }) });

const HistoryQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: DEFAULT_PAGE_SIZE }),
    before_seq: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    after_seq: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    cursor: Type.Optional(
      Type.String({ maxLength: 100, description: 'The `cursor` of the page after this one, or an RFC 3339 timestamp' }),
    ),
  },
  { additionalProperties: false },
);

/** Messages: history and posting. */
export function messageRoutes(app: Routes, context: HttpContext): void {
  const tags = ['messages'];

  app.get(
    '/channels/:id/messages',
    {
      schema: {
        tags,
        summary: 'Read history: the newest page, the one before a place or cursor, or the one after a place',
        description:
          'Oldest first in the page. Give one of `before_seq`, `after_seq` and `cursor` at most; `cursor` of a ' +
          'page leads to the page before it, without skipping or repeating a message, and is null at the end. ' +
          'Deleted messages keep their place, without content.',
        params: ChannelParams,
        querystring: HistoryQuery,
        response: { 200: MessagePage, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { limit, before_seq, after_seq, cursor } = request.query;
      const bounds = boundsOf(before_seq, after_seq, cursor);
      const access = await channelAccess(context, request, request.params.id);
      assertMayRead(access, identityOf(request));
      const rows = await readPage(context.db, access.id, bounds, limit + 1);
      // One row more than wanted tells whether there is a page before this one.
      const forward = after_seq !== undefined;
      const page = forward ? rows.slice(0, limit) : rows.slice(-limit);
      const [first] = page;
      const more =
        first !== undefined &&
        (forward
          ? (await readPage(context.db, access.id, { beforeSeq: first.seq }, 1)).length > 0
          : rows.length > limit);
      return { messages: page.map(toMessage), cursor: more ? encodeCursor(first.seq) : null, limit };
    },
  );

  app.post(
    '/channels/:id/messages',
    {
      schema: {
        tags,
        summary: 'Send a message; a repeated message_id of the same sender is answered with 200 and the first one',
        description:
          'Stored before anyone sees it, then sent to everyone connected, as by WebSocket; both share the rate ' +
          'limit. With a `message_id` of your own a request can be repeated safely. ' +
          'Where a rule of the channel holds it for review the answer is 202, also to a repeated `message_id`; where one ' +
          'refuses it, 403 with `BLOCKED_CONTENT`; where too much waits for review already, 409 with `REVIEW_QUEUE_FULL`.',
        params: ChannelParams,
        body: PostMessageBody,
        response: {
          200: Message,
          201: Message,
          202: HeldNotice,
          ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429),
        },
      },
    },
    async (request, reply) => {
      const atMs = performance.now();
      const identity = identityOf(request);
      const { content, messageId } = checkedBody(request.body, context.config.messageMaxChars);
      const access = await channelAccess(context, request, request.params.id);
      assertMayWrite(access, identity);
      await takeMessage(context, identity, reply);
      const exempt = isStaff(standingOf(access, identity));
      if (access.slow_mode_seconds > 0 && !exempt) {
        assertSlowMode(await takeSlowMode(context.limiter, access.id, identity.userId, access.slow_mode_seconds));
      }
      const { userId, username, displayName, avatarUrl } = identity;
      const draft = {
        channelId: access.id,
        messageId,
        userId,
        authorJson: encodeAuthor({ userId, username, displayName, avatarUrl }),
        content,
        atMs,
        deliveredSeq: 0,
        span: spanOf(request),
        exempt,
      };
      const outcome = await context.screening.post(draft, await context.screening.screen(draft));
      if (outcome.kind === 'held') {
        const { rule, at } = outcome;
        const notice = { channel_id: access.id, message_id: messageId, rule, timestamp: at.toISOString() };
        return reply.status(202).send({ status: 'held' as const, ...notice });
      }
      const { seq, createdAt, earlier } = outcome.receipt;
      if (earlier !== null) return reply.status(200).send(toMessage(earlier));
      const message = toMessage({
        id: messageId,
        channel_id: access.id,
        user_id: userId,
        username,
        display_name: displayName,
        avatar_url: avatarUrl,
        content,
        seq,
        is_deleted: false,
        created_at: createdAt,
        updated_at: createdAt,
      });
      return reply.status(201).send(message);
    },
  );
}

function checkedBody(body: PostMessageBody, maxChars: number): { content: string; messageId: string } {
  const messageId = body.message_id === undefined ? randomUUID() : canonicalUuid(body.message_id);
  if (messageId === null) throw invalid('message_id', 'Invalid message ID');
  const result = normalizeContent(body.content, maxChars);
  if (!result.ok) throw invalid('content', result.message);
  return { content: result.content, messageId };
}

/** Takes one of the user's messages a minute; WebSocket and REST share them. @throws HubbubError `RATE_LIMITED` */
async function takeMessage(context: HttpContext, identity: Identity, reply: FastifyReply): Promise<void> {
  const { messageRate, limiter } = context;
  if (messageRate === null) return;
  const decision = await limiter.take(messageRateKey(identity.userId), messageRate);
  reply.header('ratelimit-limit', messageRate.burst);
  reply.header('ratelimit-remaining', decision.remaining);
  reply.header('ratelimit-reset', Math.ceil(decision.resetMs / 1000));
  if (!decision.allowed) throw rateLimited(messageRate, decision);
}

function boundsOf(beforeSeq: number | undefined, afterSeq: number | undefined, cursor: string | undefined) {
  const given = [beforeSeq, afterSeq, cursor].filter((each) => each !== undefined);
  if (given.length > 1) {
    throw new HubbubError('INVALID_REQUEST', 'Give only one of before_seq, after_seq and cursor');
  }
  if (cursor !== undefined) return decodeCursor(cursor);
  if (afterSeq !== undefined) return { afterSeq };
  return beforeSeq === undefined ? {} : { beforeSeq };
}

function encodeCursor(seq: number): string {
  return Buffer.from(`s${seq}`).toString('base64url');
}

function decodeCursor(cursor: string): { beforeSeq: number } | { beforeTime: Date } {
  const seq = /^s(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1];
  if (seq !== undefined) return { beforeSeq: Number(seq) };
  const time = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(cursor)
    ? new Date(cursor)
    : null;
  if (time === null || Number.isNaN(time.getTime())) {
    throw invalid('cursor', 'cursor must be one that a page gave, or an RFC 3339 timestamp');
  }
  return { beforeTime: time };
}

function invalid(field: string, message: string): HubbubError {
  return new HubbubError('INVALID_REQUEST', message, { details: [{ field, message }] });
}
