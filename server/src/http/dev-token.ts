import type { KeyObject } from 'node:crypto';
import { DevToken, DevTokenBody } from '@hubbub/protocol/rest.js';
import { mintToken } from '../dev-keys.js';
import { HubbubError } from '../errors.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import type { Routes } from './typed.js';

const TTL_SECONDS = 24 * 60 * 60;

/** `POST /dev/token`: a token for anyone who asks. Exists in development mode alone, which listens on loopback only. */
export function devTokenRoute(app: Routes, context: HttpContext, key: KeyObject): void {
  app.post(
    '/dev/token',
    {
      schema: {
        tags: ['development'],
        summary: 'Take a token (development mode only); the same username gives the same user',
        description:
          'Exists only while no key is configured, which listens on loopback alone. The token is good for a day.',
        security: [],
        body: DevTokenBody,
        response: { 201: DevToken, ...errorResponses(400, 403, 413, 415) },
      },
    },
    async (request, reply) => {
      const { origin, host } = request.headers;
      if (origin !== undefined && !context.isOriginAllowed(origin, host ?? null, context.config.corsOrigins)) {
        throw new HubbubError('FORBIDDEN', 'Tokens are not given to pages of this origin');
      }
      const { username, role = 'user' } = request.body;
      const { token, userId, expiresAt } = await mintToken(key, {
        username: username.trim(),
        role,
        ttlSeconds: TTL_SECONDS,
        issuer: context.config.jwtIssuer,
        audience: context.config.jwtAudience,
      });
      return reply.status(201).send({ token, user_id: userId, expires_at: expiresAt.toISOString() });
    },
  );
}
