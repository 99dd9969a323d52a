import type { KeyObject } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { type FastifyBaseLogger, fastify } from 'fastify';
import { trustOf } from '../client-address.js';
import { HubbubError } from '../errors.js';
import { REFUSAL_HEADERS } from '../http-refusal.js';
import { requestPath } from '../request-path.js';
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
const MAX_HEADER_BYTES = 16 * 1024;
/** Time for the headers of a request, from the opening of its socket or from its first byte, and for all of it. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often the two are looked at. */
const TIMEOUT_CHECK_MS = 2000;
/** Silence in the middle of a request or its answer after which the socket is ended: nothing takes nearly as long. */
const STALL_TIMEOUT_MS = 120_000;
/** More than the 60 s after which most load balancers let go of an idle connection: theirs is the first move. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** For a year (RFC 6797); without subdomains, which are not ours to decide on. */
const TLS_ONLY = 'max-age=31536000';
/** All of the API's page comes from here, and it asks nothing of anyone else. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const HELMET: FastifyHelmetOptions = {
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
  // It depends on the request: see below.
  strictTransportSecurity: false,
};
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
  const handleError = errorHandler(log, context.addressLimits);
  const frameworkLog: FastifyBaseLogger = log.child({}, { level: log.level === 'silent' ? 'silent' : 'warn' });
  const app = fastify({
    loggerInstance: frameworkLog,
    trustProxy: config.trustProxy === false ? false : trustOf(config.trustProxy),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: STALL_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      // Refused below: Node's own answer has neither a body nor an id.
      requireHostHeader: false,
    },
    // What is under way while the server closes is served; the framework's 503 is not of the contract.
    return503OnClosing: false,
    // Long ids are malformed ids and are told so by their route.
    routerOptions: { maxParamLength: 8192 },
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket),
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      reply.headers(REFUSAL_HEADERS);
      return handleError(error, request, reply);
    },
    // Sockets that were upgraded are the gateway's to close.
    forceCloseConnections: 'idle',
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? strict : lenient).compile(schema));
  app.setErrorHandler(handleError);
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
  if (context.tracing !== null) traceRequests(app, context.tracing, (request) => QUIET.has(requestPath(request.url)));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // What a route may be kept of, it says itself.
    reply.header('cache-control', 'no-store');
    // As the proxy tells that ends TLS; over plain HTTP it would be ignored.
    if (request.protocol === 'https') reply.header('strict-transport-security', TLS_ONLY);
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new HubbubError('INVALID_REQUEST', 'A Host header is required');
    }
    // A proxy may have looked at the other one (RFC 9112, section 3.2).
    if (request.raw.rawHeaders.filter(isHost).length > 1) {
      throw new HubbubError('INVALID_REQUEST', 'More than one Host header');
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      request_id: request.id,
      user_id: identityIfAny(request)?.userId,
      // The client's, behind proxies that TRUST_PROXY names; else that of whoever connected.
      ip: request.ip,
      method: request.method,
      path: requestPath(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...traceFields(spanOf(request)),
    };
    if (QUIET.has(line.path)) log.debug(line, 'request');
    else log.info(line, 'request');
  });

  await app.register(helmet, HELMET);
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

/** For the list in which names and values take turns. */
function isHost(text: string, index: number): boolean {
  return index % 2 === 0 && text.toLowerCase() === 'host';
}

// Bodies are JSON and have types of their own; queries and paths are text and need to be read as numbers.
const strict = new Ajv({ removeAdditional: false, useDefaults: true, coerceTypes: false, allErrors: true });
const lenient = new Ajv({ removeAdditional: false, useDefaults: true, coerceTypes: true, allErrors: true });
addFormats.default(strict);
addFormats.default(lenient);

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
