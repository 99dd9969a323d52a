import type { Span } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import { endSpan } from '../span.js';
import type { Tracing } from '../tracing.js';
import type { Routes } from './typed.js';

// Beside the request, as its identity is.
const spans = new WeakMap<FastifyRequest, Span>();

/** Gives each request a span. @param isQuiet whether a request is none that anyone wants to see, like a probe's */
export function traceRequests(app: Routes, tracing: Tracing, isQuiet: (request: FastifyRequest) => boolean): void {
  app.addHook('onRequest', async (request) => {
    if (isQuiet(request)) return;
    const span = tracing.startRequest(request.method, request.routeOptions.url, request.headers);
    if (span !== null) spans.set(request, span);
  });
  app.addHook('onResponse', async (request, reply) => {
    const span = spanOf(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    endSpan(span);
  });
}

/** The request's span; null: it is not traced. */
export function spanOf(request: FastifyRequest): Span | null {
  return spans.get(request) ?? null;
}
