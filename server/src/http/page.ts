import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { HttpContext } from './context.js';
import type { Routes } from './typed.js';

const SITE = join(dirname(createRequire(import.meta.url).resolve('@hubbub/web/package.json')), 'dist', 'site');
const A_YEAR_SECONDS = 365 * 24 * 60 * 60;

/**
 * The page at `/`, and `/embed.js` for pages of others.
 *
 * @param isDevelopment whether names alone sign in; then there are example pages, too
 */
export async function pageRoutes(app: Routes, context: HttpContext, isDevelopment: boolean): Promise<void> {
  // What the page must know before anyone has signed in.
  app.get('/settings.json', { schema: { hide: true } }, (_request, reply) => {
    reply.header('cache-control', 'no-cache');
    return { development: isDevelopment, message_max_chars: context.config.messageMaxChars };
  });
  await app.register(fastifyStatic, {
    root: SITE,
    prefix: '/',
    cacheControl: false,
    allowedPath: (path) => isDevelopment || !path.startsWith('/examples/'),
    setHeaders: (response, path) => {
      // Files in assets/ have their content's hash in their name.
      const isHashed = path.startsWith(join(SITE, 'assets') + sep);
      response.header('cache-control', isHashed ? `public, max-age=${A_YEAR_SECONDS}, immutable` : 'no-cache');
      // A page of any origin may show a channel; what it may do there its token and its origin decide.
      if (path === join(SITE, 'embed.js')) response.header('cross-origin-resource-policy', 'cross-origin');
    },
  });
}
