import { PresenceList } from '@hubbub/protocol/rest.js';
import { assertMayRead } from '../permissions.js';
import { channelAccess, identityOf } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import type { Routes } from './typed.js';

/** Who is online in a channel. */
export function presenceRoutes(app: Routes, context: HttpContext): void {
  app.get(
    '/channels/:id/presence',
    {
      schema: {
        tags: ['presence'],
        summary: 'Who is online, by name; large channels name the first 1,000 and count all',
        description: 'Online means at least one open connection in the channel, on any instance.',
        params: ChannelParams,
        response: { 200: PresenceList, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const access = await channelAccess(context, request, request.params.id);
      assertMayRead(access, identityOf(request));
      return await context.presence.list(access.id);
    },
  );
}
