import type { KeyObject } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { type FastifyBaseLogger, type FastifyRequest, fastify } from 'fastify';
import { HubbubError } from '../errors.js';
import { traceFields } from '../span.js';
import { authentication, identityIfAny } from './access.js';
import { autoModerationRoutes } from './auto-moderation.js';
import { channelRoutes } from './channels.js';
import type { HttpContext } from './context.js';
import { deletionRoutes } from './deletions.js';
import { asyncApi, OPENAPI_HEAD, openApi } from './describe.js';
import { devTokenRoute } from './dev-token.js';
import { errorHandler } from './errors.js';
import { heldRoutes } from './held.js';
import { memberRoutes } from './members.js';
import { messageRoutes } from './messages.js';
import { moderationRoutes } from './moderation.js';
import { acceptOddRequests } from './odd-requests.js';
import { pageRoutes } from './page.js';
import { presenceRoutes } from './presence.js';
import { reportRoutes } from './reports.js';
import { siteRoutes } from './site.js';
import { healthRoute, probeRoutes, statsRoute } from './status.js';
import { spanOf, traceRequests } from './tracing.js';
import { trailRoutes } from './trail.js';
import type { Routes } from './typed.js';
import { refuseUnreadable } from './unreadable.js';

const BODY_LIMIT_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
/** All of the API's page comes from here, and it asks nothing of anyone else. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const REQUEST_ID = /^[\w.-]{1,64}$/;
/** Routes that probes and scrapers ask all the time: logged at debug level, and not traced. */
const QUIET = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * The HTTP half: REST routes, their description, probes, and the page.
 *
 * @param developmentKey signs the tokens of development mode; null: a key is configured, and there is no such route
 */
export async function createApp(context: HttpContext, developmentKey: KeyObject | null): Promise<Routes> {
  const { config, log } = context;
  // Requests and the start have lines of their own; of the framework's only trouble is wanted.
  const frameworkLog: FastifyBaseLogger = log.child({}, { level: log.level === 'silent' ? 'silent' : 'warn' });
  const app = fastify({
    loggerInstance: frameworkLog,
    trustProxy: trustProxyOf(config.trustProxy),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Refused below: Node's own answer has neither a body nor an id.
    http: { requireHostHeader: false },
    // What is under way while the server closes is served; the framework's 503 is not of the contract.
    return503OnClosing: false,
    // Long ids are malformed ids and are told so by their route.
    routerOptions: { maxParamLength: 8192 },
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      return errorHandler(log)(error, request, reply);
    },
    // Sockets that were upgraded are the gateway's to close.
    forceCloseConnections: 'idle',
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? strict : lenient).compile(schema));
  app.setErrorHandler(errorHandler(log));
  acceptOddRequests(app);
  app.addHook('onSend', async (_request, reply) => {
    // A connection that is kept alive would hold up the end of the server.
    if (context.isDraining()) reply.header('connection', 'close');
  });
  // An expectation that a server does not know it may ignore (RFC 9110, section 10.1.1); Node's own 417 has no body.
  app.server.on('checkExpectation', (request, response) => app.routing(request, response));
  app.setNotFoundHandler(() => {
    throw new HubbubError('NOT_FOUND');
  });
  if (context.tracing !== null) traceRequests(app, context.tracing, (request) => QUIET.has(pathOf(request)));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new HubbubError('INVALID_REQUEST', 'A Host header is required');
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      request_id: request.id,
      user_id: identityIfAny(request)?.userId,
      // The client's, behind proxies that TRUST_PROXY names; else that of whoever connected.
      ip: request.ip,
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...traceFields(spanOf(request)),
    };
    if (QUIET.has(line.path)) log.debug(line, 'request');
    else log.info(line, 'request');
  });

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        // Nothing leaves the origin, and no style or script stands in the text of a page.
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'self'"],
        requireTrustedTypesFor: ["'script'"],
      },
    },
    // TLS is ended in front of Hubbub; whoever ends it decides on this.
    strictTransportSecurity: false,
  });
  await app.register(cors, {
    delegator: (request, callback) => {
      const { origin, host } = request.headers;
      const allowed = origin !== undefined && context.isOriginAllowed(origin, host ?? null, config.corsOrigins);
      callback(null, {
        origin: allowed,
        // An OPTIONS request that is no preflight would be answered with a text.
        strictPreflight: false,
        credentials: true,
        methods: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'],
        exposedHeaders: ['x-request-id', 'retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
        maxAge: 600,
      });
    },
  });
  await registerDescription(app);
  await pageRoutes(app, context, developmentKey !== null);

  probeRoutes(app, context);
  for (const prefix of ['/api/v1/chat', '/api/chat']) {
    await app.register(
      async (routes: Routes) => {
        // The second prefix is an alias; one description is enough.
        if (prefix !== '/api/v1/chat') {
          routes.addHook('onRoute', (route) => {
            route.schema = { ...route.schema, hide: true };
          });
        }
        healthRoute(routes, context);
        await routes.register(async (guarded: Routes) => {
          guarded.addHook('onRequest', authentication(context));
          channelRoutes(guarded, context);
          messageRoutes(guarded, context);
          presenceRoutes(guarded, context);
          memberRoutes(guarded, context);
          moderationRoutes(guarded, context);
          autoModerationRoutes(guarded, context);
          heldRoutes(guarded, context);
          deletionRoutes(guarded, context);
          trailRoutes(guarded, context);
          reportRoutes(guarded, context);
          siteRoutes(guarded, context);
          statsRoute(guarded, context);
        });
      },
      { prefix },
    );
  }
  if (developmentKey !== null) {
    await app.register(async (routes: Routes) => devTokenRoute(routes, context, developmentKey), { prefix: '/api/v1' });
  }
  return app;
}

// Bodies are JSON and have types of their own; queries and paths are text and need to be read as numbers.
const strict = new Ajv({ removeAdditional: false, useDefaults: true, coerceTypes: false, allErrors: true });
const lenient = new Ajv({ removeAdditional: false, useDefaults: true, coerceTypes: true, allErrors: true });
addFormats.default(strict);
addFormats.default(lenient);

/** The path without the query, which clients sometimes put secrets in. */
function pathOf({ url }: FastifyRequest): string {
  const queryAt = url.indexOf('?');
  return queryAt < 0 ? url : url.slice(0, queryAt);
}

/** @param trusted a number: so many proxies in front are believed */
function trustProxyOf(
  trusted: HttpContext['config']['trustProxy'],
): boolean | string[] | ((address: string, hop: number) => boolean) {
  return typeof trusted === 'number' ? (_address, hop) => hop < trusted : trusted;
}

async function registerDescription(app: Routes): Promise<void> {
  await app.register(swagger, { openapi: OPENAPI_HEAD });
  await app.register(swaggerUi, {
    routePrefix: '/api/v1/docs',
    staticCSP: true,
    transformSpecification: (document) => openApi(document) as Record<string, unknown>,
    transformSpecificationClone: false,
    // Without the bar at the top, whose logo has a style inline.
    uiConfig: { deepLinking: true, docExpansion: 'list', layout: 'BaseLayout' },
    transformStaticCSP: () => DOCS_POLICY,
    theme: { title: 'Hubbub API' },
  });
  let openApiDocument: object | null = null;
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => {
    openApiDocument ??= openApi(app.swagger());
    return openApiDocument;
  });
  let asyncApiDocument: object | null = null;
  app.get('/api/v1/asyncapi.json', { schema: { hide: true } }, () => {
    asyncApiDocument ??= asyncApi();
    return asyncApiDocument;
  });
}
