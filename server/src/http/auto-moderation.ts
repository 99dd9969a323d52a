import { AutoModeration, Shield, ShieldBody } from '@hubbub/protocol/auto-moderation.js';
import type { ChannelUpdatedFrame } from '@hubbub/protocol/frames.js';
import type { FastifyRequest } from 'fastify';
import { HubbubError } from '../errors.js';
import { assertMay, assertVisible, standingOf } from '../permissions.js';
import { readPolicy, readShield, type ShieldRow, updateShield } from '../store/auto-moderation.js';
import type { ChannelAccess } from '../store/channels.js';
import { insertLogEntry } from '../store/moderation-log.js';
import { lockChannel } from '../store/people.js';
import { channelAccess, identityOf, userLimit } from './access.js';
import { assertMayStill, ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import { toChannel } from './representations.js';
import type { Routes } from './typed.js';

/** The rules of a channel, and its shield. */
export function autoModerationRoutes(app: Routes, context: HttpContext): void {
  const { db, presence } = context;
  const tags = ['auto-moderation'];

  app.get(
    '/channels/:id/auto-moderation',
    {
      schema: {
        tags,
        summary: 'The rules that are on (moderators); they are changed with the channel',
        description: 'For staff alone, since it has the words. Changed by `auto_moderation` in `PATCH /channels/{id}`.',
        params: ChannelParams,
        response: { 200: AutoModeration, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const access = await staffAccess(context, request, request.params.id);
      const policy = await readPolicy(db, access.id);
      if (policy === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      return policy.auto_moderation;
    },
  );

  app.get(
    '/channels/:id/shield',
    {
      schema: {
        tags,
        summary: 'The shield and its profile (moderators)',
        description: "Whether it is on, what it asks for, and the channel's own settings under it.",
        params: ChannelParams,
        response: { 200: Shield, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const access = await staffAccess(context, request, request.params.id);
      const shield = await readShield(db, access.id);
      if (shield === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      return toShield(shield);
    },
  );

  app.put(
    '/channels/:id/shield',
    {
      schema: {
        tags,
        summary: 'Switch the shield (moderators), and change its profile (channel admins)',
        description:
          'While it is on, what its profile asks for holds wherever it is stricter than the channel itself. The own settings ' +
          'of the channel stay as they are underneath, so switching it off brings back exactly what was.',
        params: ChannelParams,
        body: ShieldBody,
        response: { 200: Shield, ...errorResponses(400, 401, 403, 404, 413, 415, 429) },
      },
      preHandler: userLimit(context, 'moderate', 30),
    },
    async (request) => {
      const access = await channelAccess(context, request, request.params.id);
      const identity = identityOf(request);
      const { on, profile, reason = null } = request.body;
      const action = profile === undefined ? 'shield' : 'update_channel';
      assertVisible(access, identity);
      assertMay(action, standingOf(access, identity));
      const online = (await presence.counts([access.id])).get(access.id) ?? 0;
      const { shield, frame } = await db.transaction(async (tx) => {
        if ((await lockChannel(tx, access.id, false)) === null) throw new HubbubError('CHANNEL_NOT_FOUND');
        await assertMayStill(tx, action, access.id, identity);
        const before = await readShield(tx, access.id);
        if (before?.shield === on && profile === undefined) return { shield: before, frame: null };
        const updated = await updateShield(tx, access.id, on, profile, (row): ChannelUpdatedFrame => {
          return { type: 'channel_updated', channel_id: row.id, channel: toChannel(row, online), seq: row.last_seq };
        });
        const shield = await readShield(tx, access.id);
        if (updated === null || shield === null) throw new HubbubError('CHANNEL_NOT_FOUND');
        await insertLogEntry(tx, {
          channelId: access.id,
          moderatorId: identity.userId,
          targetUserId: null,
          action: 'shield',
          reason,
          details: { on, profile: shield.shield_profile },
          at: updated.row.updated_at,
        });
        return { shield, frame: updated.payload };
      });
      if (frame !== null) context.publishEvent(access.id, frame.seq, frame);
      return toShield(shield);
    },
  );
}

async function staffAccess(context: HttpContext, request: FastifyRequest, id: string): Promise<ChannelAccess> {
  const access = await channelAccess(context, request, id);
  const identity = identityOf(request);
  assertVisible(access, identity);
  assertMay('read_moderation', standingOf(access, identity));
  return access;
}

function toShield(row: ShieldRow): Shield {
  return {
    on: row.shield,
    profile: row.shield_profile,
    own: { slow_mode_seconds: row.own_slow_mode_seconds, posting: row.own_posting },
  };
}
