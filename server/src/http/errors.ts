import { ERRORS, type ErrorCode } from '@hubbub/protocol/codes.js';
import { ErrorBody } from '@hubbub/protocol/rest.js';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { AddressLimits } from '../address-limits.js';
import { asHubbubError, HubbubError } from '../errors.js';
import type { Logger } from '../log.js';
import { noteError, traceFields } from '../span.js';
import { SQLSTATE, sqlState } from '../store/db.js';
import { spanOf } from './tracing.js';

/** Fastify's own errors that a client can cause. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'INVALID_REQUEST',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'INVALID_REQUEST',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'INVALID_REQUEST',
  FST_ERR_BAD_URL: 'INVALID_REQUEST',
};

/** A small body can have thousands of faults, and the answer would be many times its size. */
const MAX_DETAILS = 20;

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'Bad body, query or path',
  401: 'No valid access token',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Body too large',
  415: 'Body is not application/json',
  429: 'Too many requests: `Retry-After` says when to try again',
  500: 'Unforeseen error',
  503: 'Storage is away: try again shortly',
};

/** Response schemas of a route for the given statuses, and for those that every route may give. */
export function errorResponses(...statuses: number[]): Record<number, object> {
  // Wherever a token is asked for, its user may be suspended, and guesses are limited.
  const all = new Set([...statuses, ...(statuses.includes(401) ? [403, 429] : []), 500, 503]);
  return Object.fromEntries([...all].map((status) => [status, { description: DESCRIPTIONS[status], ...ErrorBody }]));
}

/** The answer of a route that streams text, for its schema. @param examples of what it sends, by media type */
export function streamOf(examples: Readonly<Record<string, string>>) {
  const media = Object.entries(examples).map(([type, example]) => [
    type,
    { schema: { type: 'string', examples: [example] } },
  ]);
  return { content: Object.fromEntries(media) };
}

/** The one place where an error becomes a response. Unforeseen ones are logged in full and shown as nothing. */
export function errorHandler(log: Logger, addressLimits: AddressLimits) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = addressLimits.refusal(request.raw, translate(thrown));
    const span = spanOf(request);
    noteError(span, error);
    if (error.code === 'INTERNAL') {
      const line = { err: error.cause, request_id: request.id, route: request.routeOptions.url, ...traceFields(span) };
      log.error(line, 'A request failed');
    }
    // The framework ends the connection after every body that it could not take, also after one that was read to its end:
    // what other requests are on their way behind it would be lost for nothing.
    if (request.raw.complete) reply.removeHeader('connection');
    if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
    const body: ErrorBody = { error: error.message, code: error.code };
    if (error.details !== undefined) body.details = [...error.details];
    return reply.status(error.status).send(body);
  };
}

function translate(thrown: FastifyError): HubbubError {
  if (thrown.validation !== undefined) return invalid(thrown);
  const code = FASTIFY_CODES[thrown.code];
  if (code !== undefined) {
    const message = code === 'INVALID_REQUEST' ? 'The request body is not valid JSON' : ERRORS[code].message;
    return new HubbubError(code, message, { cause: thrown });
  }
  if (sqlState(thrown) === SQLSTATE.characterNotInRepertoire) {
    return new HubbubError('INVALID_REQUEST', 'A text has a NUL character, which cannot be stored', { cause: thrown });
  }
  if (!(thrown instanceof HubbubError) && thrown.statusCode !== undefined && thrown.statusCode < 500) {
    return new HubbubError('INVALID_REQUEST', undefined, { cause: thrown });
  }
  return asHubbubError(thrown);
}

function invalid(thrown: FastifyError): HubbubError {
  const details = (thrown.validation ?? [])
    .slice(0, MAX_DETAILS)
    .map(({ instancePath, params, message = 'is not valid' }) => {
      const named = params.missingProperty ?? params.additionalProperty;
      const path = instancePath.split('/').slice(1);
      return {
        field:
          [...path, ...(typeof named === 'string' ? [named] : [])].join('.') || (thrown.validationContext ?? 'body'),
        message: 'additionalProperty' in params ? 'is not a known field' : message,
      };
    });
  const [first] = details;
  const where = thrown.validationContext === 'querystring' ? 'query' : (thrown.validationContext ?? 'body');
  const sentence = first === undefined ? '' : `: ${first.field} ${first.message}`;
  return new HubbubError('INVALID_REQUEST', `Invalid ${where}${sentence}`, { details, cause: thrown });
}
