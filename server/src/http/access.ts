import { canonicalUuid } from '@hubbub/protocol/ids.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '@hubbub/protocol/limits.js';
import type { FastifyRequest, preHandlerAsyncHookHandler } from 'fastify';
import Type from 'typebox';
import { readCredentials } from '../credentials.js';
import { HubbubError } from '../errors.js';
import type { Identity } from '../identity.js';
import type { Rate } from '../limiter.js';
import { assertVisible, isVisible } from '../permissions.js';
import { type ChannelAccess, readAccess } from '../store/channels.js';
import { findMessage } from '../store/messages.js';
import type { HttpContext } from './context.js';

/*
 * Who asks, how often, and for what: the guards that stand before the routes.
 */

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
// Beside the request and not on it, so that whoever uses it has to import it from here.
const identities = new WeakMap<FastifyRequest, Identity>();

/** Hook that lets in requests with a valid token alone. */
export function authentication(context: HttpContext) {
  return async (request: FastifyRequest): Promise<void> => {
    const credentials = readCredentials(request.headers);
    if (credentials.carrier === 'cookie' && !SAFE_METHODS.has(request.method)) {
      // A cookie is sent by the browser whoever asks for it; the Origin tells who did (cross-site request forgery).
      const { origin, host } = request.headers;
      if (origin === undefined || !context.isOriginAllowed(origin, host ?? null, context.config.corsOrigins)) {
        throw new HubbubError('FORBIDDEN', 'A change by cookie needs an allowed Origin: send a bearer token instead');
      }
    }
    identities.set(request, await context.auth.authenticate(credentials.token));
  };
}

/** Who asks. For routes behind {@link authentication}. */
export function identityOf(request: FastifyRequest): Identity {
  const identity = identities.get(request);
  if (identity === undefined) throw new Error('identityOf: the route is not behind the authentication hook');
  return identity;
}

/** Who asks, where that is known. */
export function identityIfAny(request: FastifyRequest): Identity | undefined {
  return identities.get(request);
}

/** Hook that lets a user through `perMinute` times a minute. @param name what is counted; routes of one name share it */
export function userLimit(context: HttpContext, name: string, perMinute: number): preHandlerAsyncHookHandler {
  const rate: Rate = { perMinute, burst: perMinute };
  return async (request, reply) => {
    const decision = await context.limiter.take(`${name}:${identityOf(request).userId}`, rate);
    reply.header('ratelimit-limit', rate.burst);
    reply.header('ratelimit-remaining', decision.remaining);
    reply.header('ratelimit-reset', Math.ceil(decision.resetMs / 1000));
    if (!decision.allowed) {
      throw new HubbubError('RATE_LIMITED', `Rate limit exceeded. Maximum ${perMinute} requests per minute.`, {
        retryAfterMs: decision.retryAfterMs,
      });
    }
  };
}

/** The canonical id of a path parameter. @throws HubbubError `INVALID_REQUEST` */
export function channelIdParam(text: string): string {
  const id = canonicalUuid(text);
  if (id === null) throw new HubbubError('INVALID_REQUEST', 'Invalid channel ID');
  return id;
}

/** The canonical id of a user in a path, query or body. @throws HubbubError `INVALID_REQUEST` */
export function userIdParam(text: string): string {
  const id = canonicalUuid(text);
  if (id === null) throw new HubbubError('INVALID_REQUEST', 'Invalid user ID');
  return id;
}

/** Which part of a list is wanted. */
export const PageQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: DEFAULT_PAGE_SIZE }),
    offset: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
  },
  { additionalProperties: false },
);

/** The channel of a path parameter as the asking user meets it. @throws HubbubError `CHANNEL_NOT_FOUND` */
export async function channelAccess(context: HttpContext, request: FastifyRequest, id: string): Promise<ChannelAccess> {
  const access = await readAccess(context.db, channelIdParam(id), identityOf(request).userId);
  if (access === null) throw new HubbubError('CHANNEL_NOT_FOUND');
  return access;
}

/** {@link channelAccess}, where those outside a private channel are told that there is none. */
export async function visibleChannel(
  context: HttpContext,
  request: FastifyRequest,
  id: string,
): Promise<ChannelAccess> {
  const access = await channelAccess(context, request, id);
  assertVisible(access, identityOf(request));
  return access;
}

/**
 * The message of a path parameter, and its channel as the asking user meets it.
 *
 * @throws HubbubError `INVALID_REQUEST`; `MESSAGE_NOT_FOUND`, also for one of a private channel of others: its existence
 *     does not show
 */
export async function messageAccess(context: HttpContext, request: FastifyRequest, id: string) {
  const messageId = canonicalUuid(id);
  if (messageId === null) throw new HubbubError('INVALID_REQUEST', 'Invalid message ID');
  const identity = identityOf(request);
  const message = await findMessage(context.db, messageId);
  const access = message === null ? null : await readAccess(context.db, message.channel_id, identity.userId);
  if (message === null || access === null || !isVisible(access, identity)) throw new HubbubError('MESSAGE_NOT_FOUND');
  return { message, access };
}
