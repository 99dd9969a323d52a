import { randomUUID } from 'node:crypto';
import type { ChannelDeletedFrame, ChannelUpdatedFrame } from '@hubbub/protocol/frames.js';
import {
  CHANNEL_TYPES,
  Channel,
  ChannelList,
  CreateChannelBody,
  StatusBody,
  UpdateChannelBody,
} from '@hubbub/protocol/rest.js';
import { OneOf } from '@hubbub/protocol/schemas.js';
import Type from 'typebox';
import { canonicalHost } from '../auto-moderation/links.js';
import { isFindable } from '../auto-moderation/word-list.js';
import { HubbubError } from '../errors.js';
import type { Identity } from '../identity.js';
import { type Action, assertMay, assertVisible, standingOf } from '../permissions.js';
import { createChannel, deleteChannel, listChannels, updateChannel } from '../store/channels.js';
import type { Queryable } from '../store/db.js';
import { insertLogEntry } from '../store/moderation-log.js';
import { readPeople } from '../store/people.js';
import { channelAccess, identityOf, PageQuery, userLimit } from './access.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import { toChannel } from './representations.js';
import type { Routes } from './typed.js';

export const ChannelParams = Type.Object({ id: Type.String({ description: "The channel's UUID, in any spelling" }) });

/** A thousand words of a hundred characters, in JSON. */
const PATCH_LIMIT_BYTES = 512 * 1024;

const ListQuery = Type.Object(
  {
    ...PageQuery.properties,
    type: Type.Optional(OneOf(CHANNEL_TYPES)),
    q: Type.Optional(Type.String({ maxLength: 100, description: 'Part of the name, in any case' })),
  },
  { additionalProperties: false },
);

/** Channels: create, list, read, change, delete. */
export function channelRoutes(app: Routes, context: HttpContext): void {
  const { db, presence } = context;
  const tags = ['channels'];
  const onlineIn = async (id: string) => (await presence.counts([id])).get(id) ?? 0;

  app.post(
    '/channels',
    {
      schema: {
        tags,
        summary: 'Create a channel; its creator is its owner',
        description:
          'Open to every user. Only members find and read a private channel; a public one is open to all. ' +
          '`max_participants` bounds the distinct users that are connected at a time.',
        body: CreateChannelBody,
        response: { 201: Channel, ...errorResponses(400, 401, 403, 413, 415, 429) },
      },
      preHandler: userLimit(context, 'create-channel', 10),
    },
    async (request, reply) => {
      const row = await createChannel(db, randomUUID(), identityOf(request).userId, {
        ...request.body,
        name: textOf('name', request.body.name),
        ...descriptionOf(request.body),
      });
      return reply.status(201).send(toChannel(row, 0));
    },
  );

  app.get(
    '/channels',
    {
      schema: {
        tags,
        summary: 'List active channels, newest first; private ones only for their members and site admins',
        description:
          '`q` looks for a part of the name, in any case; `total` counts everything that matches. Inactive and ' +
          'deleted channels are left out.',
        querystring: ListQuery,
        response: { 200: ChannelList, ...errorResponses(400, 401) },
      },
    },
    async (request) => {
      const identity = identityOf(request);
      const { limit, offset, type = null, q = null } = request.query;
      const seesAll = identity.role === 'admin';
      const { channels, total } = await listChannels(db, { userId: identity.userId, seesAll, type, q, limit, offset });
      const counts = await presence.counts(channels.map((row) => row.id));
      return { channels: channels.map((row) => toChannel(row, counts.get(row.id) ?? 0)), total, limit, offset };
    },
  );

  app.get(
    '/channels/:id',
    {
      schema: {
        tags,
        summary: 'Read a channel',
        description:
          'A private channel is answered with 404 to all but its members and site admins, so that its existence ' +
          'does not show.',
        params: ChannelParams,
        response: { 200: Channel, ...errorResponses(400, 401, 404) },
      },
    },
    async (request) => {
      const access = await channelAccess(context, request, request.params.id);
      assertVisible(access, identityOf(request));
      return toChannel(access, await onlineIn(access.id));
    },
  );

  app.patch(
    '/channels/:id',
    {
      schema: {
        tags,
        summary: 'Change a channel; null clears a description or a bound',
        description:
          'For its owner, its admins and site admins. Fields that are left out keep their value. Everyone ' +
          'connected is told by a `channel_updated` frame; made inactive, the channel closes its connections ' +
          '(4004), made private, those of all who are no members (4003). ' +
          'With `auto_moderation`: a rule that is given takes the place of the one before, null switches it off, an absent ' +
          'one stays; null in place of the whole switches all off. `GET …/auto-moderation` shows the rules to staff. While the ' +
          "shield is on, `slow_mode_seconds` and `posting` change the channel's own settings, under it. `retention_days` is " +
          'for the owner and site admins: messages of more days are removed for good, from the oldest on, with all that ' +
          'depends on them. It can be shorter than what the server keeps, not longer; null takes that of the server.',
        params: ChannelParams,
        body: UpdateChannelBody,
        response: { 200: Channel, ...errorResponses(400, 401, 403, 404, 413, 415, 429) },
      },
      bodyLimit: PATCH_LIMIT_BYTES,
      preHandler: userLimit(context, 'change-channel', 10),
    },
    async (request) => {
      const access = await channelAccess(context, request, request.params.id);
      const identity = identityOf(request);
      assertVisible(access, identity);
      assertMay('update_channel', standingOf(access, identity));
      const { name, retention_days: days } = request.body;
      if (days !== undefined) {
        assertMay('set_retention', standingOf(access, identity));
        assertRetention(days, context.config.messageRetentionDays);
      }
      const online = await onlineIn(access.id);
      const changes = {
        ...request.body,
        ...(name === undefined ? {} : { name: textOf('name', name) }),
        ...descriptionOf(request.body),
        ...rulesOf(request.body),
      };
      const updated = await db.transaction(async (tx) => {
        const result = await updateChannel(tx, access.id, changes, (row): ChannelUpdatedFrame => {
          const channel = toChannel(row, online);
          return { type: 'channel_updated', channel_id: row.id, channel, seq: row.last_seq };
        });
        if (result === null) return null;
        await assertMayStill(tx, days === undefined ? 'update_channel' : 'set_retention', access.id, identity);
        await record(tx, 'channel_update', access.id, identity, changes, result.row.updated_at);
        return result;
      });
      if (updated === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      context.publishEvent(access.id, updated.payload.seq, updated.payload);
      return updated.payload.channel;
    },
  );

  app.delete(
    '/channels/:id',
    {
      schema: {
        tags,
        summary: 'Delete a channel; open connections are told and closed',
        description:
          'For its owner and site admins. Connections get a `channel_deleted` frame and close code 4004. Messages ' +
          'stay in the database as long as they are kept, and the audit trail for good.',
        params: ChannelParams,
        response: { 200: StatusBody('deleted'), ...errorResponses(400, 401, 403, 404, 429) },
      },
      preHandler: userLimit(context, 'change-channel', 10),
    },
    async (request) => {
      const access = await channelAccess(context, request, request.params.id);
      const identity = identityOf(request);
      assertVisible(access, identity);
      assertMay('delete_channel', standingOf(access, identity));
      const frame = await db.transaction(async (tx) => {
        const result = await deleteChannel(tx, access.id, (seq, at): ChannelDeletedFrame => {
          return { type: 'channel_deleted', channel_id: access.id, seq, timestamp: at.toISOString() };
        });
        if (result === null) return null;
        await assertMayStill(tx, 'delete_channel', access.id, identity);
        await record(tx, 'channel_delete', access.id, identity, {}, new Date(result.timestamp));
        return result;
      });
      if (frame === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      context.publishEvent(access.id, frame.seq, frame);
      return { status: 'deleted' as const };
    },
  );
}

/** The rules in their stored form. @throws HubbubError `INVALID_REQUEST` for what no message could match */
function rulesOf({ auto_moderation: rules }: UpdateChannelBody): Pick<UpdateChannelBody, 'auto_moderation'> {
  if (rules === undefined || rules === null) return {};
  const { words, links } = rules;
  const lost = words?.list.findIndex((word) => !isFindable(word)) ?? -1;
  if (lost >= 0) {
    throw invalid(`auto_moderation.words.list.${lost}`, 'must have a letter or digit, and 20 words at most');
  }
  if (links?.hosts === undefined) return {};
  const hosts = links.hosts.map((host, index) => {
    const canonical = canonicalHost(host);
    if (canonical !== null) return canonical;
    throw invalid(`auto_moderation.links.hosts.${index}`, 'must be the name of a host, like example.com');
  });
  return { auto_moderation: { ...rules, links: { ...links, hosts } } };
}

/** @throws HubbubError `INVALID_REQUEST` for more than the server's days */
function assertRetention(days: number | null, serverDays: number | null): void {
  if (days !== null && serverDays !== null && days > serverDays) {
    throw invalid('retention_days', `must be at most ${serverDays}: this server keeps messages no longer`);
  }
}

function invalid(field: string, message: string): HubbubError {
  return new HubbubError('INVALID_REQUEST', `Invalid body: ${field} ${message}`, { details: [{ field, message }] });
}

/** Looks at the role, and for a ban, once more, now that the channel is locked. @throws HubbubError `FORBIDDEN`: it is rolled back then */
export async function assertMayStill(
  tx: Queryable,
  action: Action,
  channelId: string,
  identity: Identity,
): Promise<void> {
  const people = await readPeople(tx, channelId, [identity.userId]);
  const { role = null, is_banned: isBanned = false } = people.get(identity.userId) ?? {};
  assertMay(action, { userId: identity.userId, role, siteRole: identity.role, isBanned });
}

function record(
  tx: Queryable,
  action: 'channel_update' | 'channel_delete',
  channelId: string,
  { userId: moderatorId }: Identity,
  details: Readonly<Record<string, unknown>>,
  at: Date,
): Promise<void> {
  return insertLogEntry(tx, { channelId, moderatorId, targetUserId: null, action, reason: null, details, at });
}

/** A name in its stored form. @throws HubbubError `INVALID_REQUEST` for one that shows nothing or cannot be stored */
function textOf(field: string, text: string): string {
  const trimmed = text.isWellFormed() ? text.normalize('NFC').trim() : '';
  if (trimmed === '' || /\p{Cc}/u.test(trimmed)) {
    throw invalid(field, 'must have visible characters and no control characters');
  }
  return trimmed;
}

/** @throws HubbubError `INVALID_REQUEST` for one that cannot be stored or shown */
function descriptionOf({ description }: { description?: string | null }): { description?: string | null } {
  if (description === undefined || description === null) return {};
  if (!description.isWellFormed() || /[^\P{Cc}\n\t]/u.test(description)) {
    throw invalid('description', 'must not have control characters');
  }
  return { description };
}
