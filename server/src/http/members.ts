import {
  AddMemberBody,
  ChangeRoleBody,
  Member,
  MemberList,
  RoleBody,
  TransferBody,
} from '@hubbub/protocol/moderation.js';
import { StatusBody } from '@hubbub/protocol/rest.js';
import Type from 'typebox';
import { assertMayRead, assertVisible } from '../permissions.js';
import { listMembers, type MemberRow } from '../store/members.js';
import { channelAccess, identityOf, PageQuery, userIdParam, userLimit } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import type { Routes } from './typed.js';

/** A user of a channel. */
export const ChannelUserParams = Type.Object({
  ...ChannelParams.properties,
  user_id: Type.String({ description: "The user's UUID, in any spelling" }),
});

/** Members of a channel and their roles. */
export function memberRoutes(app: Routes, context: HttpContext): void {
  const { db, moderation } = context;
  const tags = ['members'];
  const changes = userLimit(context, 'change-members', 20);

  app.get(
    '/channels/:id/members',
    {
      schema: {
        tags,
        summary: 'List members, by rank and name',
        description: 'Owner first, then admins, moderators and members. For everyone who may read the channel.',
        params: ChannelParams,
        querystring: PageQuery,
        response: { 200: MemberList, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { limit, offset } = request.query;
      const access = await channelAccess(context, request, request.params.id);
      assertMayRead(access, identityOf(request));
      const { members, total } = await listMembers(db, access.id, limit, offset);
      return { members: members.map(toMember), total, limit, offset };
    },
  );

  app.get(
    '/channels/:id/role',
    {
      schema: {
        tags,
        summary: "The asking user's own role",
        description: 'Null for one who is no member, as anyone may be in a public channel.',
        params: ChannelParams,
        response: { 200: RoleBody, ...errorResponses(400, 401, 404) },
      },
    },
    async (request) => {
      const access = await channelAccess(context, request, request.params.id);
      assertVisible(access, identityOf(request));
      return { role: access.role };
    },
  );

  app.post(
    '/channels/:id/members',
    {
      schema: {
        tags,
        summary: 'Add a member (staff); staff is added by the owner',
        description:
          'For moderators and up; roles above `member` are given by the owner and site admins alone. The user has ' +
          'to have used a token once. One who is banned is not added (409): lift the ban first.',
        params: ChannelParams,
        body: AddMemberBody,
        response: { 201: Member, ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429) },
      },
      preHandler: changes,
    },
    async (request, reply) => {
      const userId = userIdParam(request.body.user_id);
      const identity = identityOf(request);
      const access = await channelAccess(context, request, request.params.id);
      assertVisible(access, identity);
      const member = await moderation.addMember(identity, access.id, userId, request.body.role ?? 'member');
      return reply.status(201).send(toMember(member));
    },
  );

  app.patch(
    '/channels/:id/members/:user_id',
    {
      schema: {
        tags,
        summary: "Change a member's role (owner)",
        description:
          'For the owner and site admins; holds at once on open connections, which get a `moderation` frame with ' +
          'the new role. The ownership is transferred, not given.',
        params: ChannelUserParams,
        body: ChangeRoleBody,
        response: { 200: Member, ...errorResponses(400, 401, 403, 404, 413, 415, 429) },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.params.user_id);
      const identity = identityOf(request);
      const access = await channelAccess(context, request, request.params.id);
      assertVisible(access, identity);
      return toMember(await moderation.changeRole(identity, access.id, userId, request.body.role));
    },
  );

  app.delete(
    '/channels/:id/members/:user_id',
    {
      schema: {
        tags,
        summary: 'Remove a member (staff of higher rank), or leave; open connections are closed',
        description:
          'Removes one of lower rank, or oneself; the owner stays. Connections are closed with code 4003 on every ' +
          'instance; a public channel can be joined again as anyone.',
        params: ChannelUserParams,
        response: { 200: StatusBody('removed'), ...errorResponses(400, 401, 403, 404, 429) },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.params.user_id);
      const identity = identityOf(request);
      const access = await channelAccess(context, request, request.params.id);
      assertVisible(access, identity);
      await moderation.removeMember(identity, access.id, userId);
      return { status: 'removed' as const };
    },
  );

  app.post(
    '/channels/:id/transfer',
    {
      schema: {
        tags,
        summary: 'Make a member the owner; the owner until now becomes an admin',
        description: 'For the owner and site admins. There is one owner at all times.',
        params: ChannelParams,
        body: TransferBody,
        response: { 200: StatusBody('transferred'), ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429) },
      },
      preHandler: changes,
    },
    async (request) => {
      const userId = userIdParam(request.body.user_id);
      const identity = identityOf(request);
      const access = await channelAccess(context, request, request.params.id);
      assertVisible(access, identity);
      await moderation.transfer(identity, access.id, userId);
      return { status: 'transferred' as const };
    },
  );
}

function toMember(row: MemberRow): Member {
  const { channel_id, user_id, username, display_name, avatar_url, role } = row;
  return { channel_id, user_id, username, display_name, avatar_url, role, created_at: row.created_at.toISOString() };
}
