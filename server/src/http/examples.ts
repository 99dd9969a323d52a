import { ERRORS, type ErrorCode } from '@hubbub/protocol/codes.js';

/*
 * The examples of the API description. They are made from the schemas: a value that a schema names (const, enum, its own
 * `examples`) comes first, then one by the name of the field. So every route has them, and none can differ from its schema.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What fields are like, by name, where their schema does not say. A value that is not of the schema's type is passed over. */
const BY_NAME: Readonly<Record<string, Json>> = {
  id: '0199a3f4-6c1e-4b52-9d7a-5f3c2e8b9a10',
  channel_id: '5e7f2c9a-3b1d-4f60-8a2e-91c4d6b7e803',
  message_id: 'c2a9d1e4-7f35-4c8b-b6a0-3e5d8f1b2c47',
  held_id: 'c2a9d1e4-7f35-4c8b-b6a0-3e5d8f1b2c47',
  report_id: '8d4b6a2f-1c9e-4e73-a5d8-7b0f3c6e9d21',
  user_id: 'a41c7e58-92d3-4b6f-8e01-6d5f2a9c3b74',
  creator_id: '3f8e1d6b-5a7c-4290-b4e8-c9d2f0a1e635',
  moderator_id: '3f8e1d6b-5a7c-4290-b4e8-c9d2f0a1e635',
  resolved_by: '3f8e1d6b-5a7c-4290-b4e8-c9d2f0a1e635',
  reporter_id: 'e90b4d2c-6f18-4a35-9c7e-2b8a5d3f1e46',
  author_id: 'a41c7e58-92d3-4b6f-8e01-6d5f2a9c3b74',
  target_user_id: 'a41c7e58-92d3-4b6f-8e01-6d5f2a9c3b74',
  instance_id: 'd7c3a5e1-0b4f-4862-9e3d-a1f6c8b2d594',
  username: 'ada',
  target_username: 'ada',
  author_username: 'ada',
  moderator_username: 'grace',
  reporter_username: 'alan',
  display_name: 'Ada Lovelace',
  avatar_url: 'https://example.com/ada.png',
  name: 'general',
  description: 'What concerns everyone',
  content: 'Hello!',
  reason: 'spam',
  jti: 'f1e2d3c4',
  token: 'eyJhbGciOiJFUzI1NiJ9.…',
  cursor: 'czM4',
  hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  details: { id: '0199a3f4-6c1e-4b52-9d7a-5f3c2e8b9a10', expires_at: null },
  before: '2026-01-31T12:00:00.000Z',
  expires_at: '2026-01-31T13:00:00.000Z',
  last_seen: '2026-01-31T11:59:58.000Z',
  duration_minutes: 60,
  since_minutes: 10,
  slow_mode_seconds: 0,
  max_participants: 500,
  online_count: 3,
  online: 3,
  last_seq: 42,
  seq: 42,
  message_seq: 42,
  total: 1,
  count: 1,
  limit: 50,
  offset: 0,
  page: 1,
  total_connections: 3,
  active_channels: 1,
  connections: 3,
  uptime_seconds: 3600,
  messages_deleted: 12,
  is_active: true,
  is_banned: true,
};

type Schema = Readonly<Record<string, unknown>>;

/** A value that fits a schema. @param name field or parameter that it is for; empty: none */
export function exampleOf(described: object, name = ''): Json {
  const schema = described as Schema;
  if (schema.const !== undefined) return schema.const as Json;
  if (Array.isArray(schema.enum)) return schema.enum[0] as Json;
  const byName = BY_NAME[name];
  if (byName !== undefined && typeOf(byName) === (schema.type === 'integer' ? 'number' : schema.type)) return byName;
  if (Array.isArray(schema.examples)) return schema.examples[0] as Json;
  const [choice] = (schema.anyOf ?? []) as object[];
  if (choice !== undefined) return exampleOf(choice, name);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries((schema.properties ?? {}) as Record<string, object>).map(([key, each]) => [
          key,
          exampleOf(each, key),
        ]),
      );
    case 'array':
      return [exampleOf(schema.items as object)];
    case 'integer':
    case 'number':
      return (schema.default ?? schema.minimum ?? 1) as Json;
    case 'boolean':
      return false;
    default:
      return 'text';
  }
}

function typeOf(value: Json): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/** What a missing thing is called, by what names it: the path, or a field of the body. */
const NOT_FOUND: readonly (readonly [RegExp, ErrorCode])[] = [
  [/\/channels\/\{id\}/, 'CHANNEL_NOT_FOUND'],
  [/\/messages\/\{id\}/, 'MESSAGE_NOT_FOUND'],
  [/\/reports\/\{report_id\}/, 'REPORT_NOT_FOUND'],
  [/\/held\/\{held_id\}/, 'HELD_NOT_FOUND'],
  [/\/members\/\{user_id\}|\/transfer$/, 'MEMBER_NOT_FOUND'],
  [/\/ban\/\{user_id\}/, 'BAN_NOT_FOUND'],
  [/\/mute\/\{user_id\}/, 'MUTE_NOT_FOUND'],
  [/\{user_id\}|\/(ban|mute|timeout|members|transfer)$|\/tokens\/revoke$/, 'USER_NOT_FOUND'],
];

const BY_STATUS: Readonly<Record<number, readonly ErrorCode[]>> = {
  400: ['INVALID_REQUEST'],
  401: ['UNAUTHORIZED'],
  403: ['FORBIDDEN'],
  409: ['CONFLICT'],
  413: ['PAYLOAD_TOO_LARGE'],
  415: ['UNSUPPORTED_MEDIA_TYPE'],
  429: ['RATE_LIMITED'],
  500: ['INTERNAL'],
  503: ['UNAVAILABLE'],
};

/** Errors that posting a message has beside those of every route. */
const OF_POSTING: Readonly<Record<number, readonly ErrorCode[]>> = {
  403: ['READ_ONLY', 'BLOCKED_CONTENT'],
  409: ['REVIEW_QUEUE_FULL'],
  429: ['SLOW_MODE'],
};

/** The errors that an operation answers with a status, each by its code. */
export function errorExamples(method: string, path: string, status: number): Record<string, { value: Json }> {
  const missing = NOT_FOUND.filter(([pattern]) => pattern.test(path)).map(([, code]) => code);
  const ofPosting = method === 'post' && path.endsWith('/channels/{id}/messages') ? (OF_POSTING[status] ?? []) : [];
  const codes = [...(status === 404 ? missing : (BY_STATUS[status] ?? [])), ...ofPosting];
  return Object.fromEntries(codes.map((code) => [code, { value: errorExample(method, path, code) }]));
}

function errorExample(method: string, path: string, code: ErrorCode): Json {
  if (code !== 'INVALID_REQUEST') return { error: ERRORS[code].message, code };
  if (method === 'post' || method === 'patch') {
    const details = [{ field: 'colour', message: 'is not a known field' }];
    return { error: 'Invalid body: colour is not a known field', code, details };
  }
  if (path.includes('{id}'))
    return { error: path.includes('/messages/{id}') ? 'Invalid message ID' : 'Invalid channel ID', code };
  const details = [{ field: 'limit', message: 'must be <= 100' }];
  return { error: 'Invalid query: limit must be <= 100', code, details };
}

interface Media {
  readonly schema: Schema;
  example?: Json;
  examples?: Record<string, { value: Json }>;
}
type Content = Readonly<Record<string, Media>>;
interface Response {
  description: string;
  readonly content?: Content;
  headers?: Record<string, { description: string; schema: Schema; example: Json }>;
}
interface Operation {
  readonly parameters?: { readonly in: string; readonly name: string; readonly schema: Schema; example?: Json }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Record<string, Response>;
}

const DONE: Readonly<Record<string, string>> = { 200: 'Done', 201: 'Created', 202: 'Waits for review' };
const RATE_HEADERS = {
  'retry-after': { description: 'Seconds to wait', schema: { type: 'integer' }, example: 12 },
  'ratelimit-limit': {
    description: 'Requests that are let through at one go',
    schema: { type: 'integer' },
    example: 30,
  },
  'ratelimit-remaining': { description: 'Requests that are left', schema: { type: 'integer' }, example: 0 },
  'ratelimit-reset': { description: 'Seconds until all are there again', schema: { type: 'integer' }, example: 58 },
};

/**
 * Gives every operation of an OpenAPI document an example of its path, its body, and each of its answers. Those that the
 * document has already stay.
 */
export function addExamples(document: object): void {
  const { paths } = document as { readonly paths: Record<string, Record<string, Operation>> };
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      for (const parameter of operation.parameters ?? []) {
        if (parameter.in === 'path') parameter.example = exampleOf(parameter.schema, nameInPath(path, parameter.name));
      }
      fill(operation.requestBody?.content);
      for (const [status, response] of Object.entries(operation.responses)) {
        const done = DONE[status];
        if (done !== undefined) {
          response.description = done;
          fill(response.content);
          continue;
        }
        if (status === '429') response.headers = RATE_HEADERS;
        for (const media of Object.values(response.content ?? {})) {
          media.examples = errorExamples(method, path, Number(status));
        }
      }
    }
  }
}

function fill(content: Content = {}): void {
  for (const media of Object.values(content)) {
    if (media.examples === undefined) media.example ??= exampleOf(media.schema);
  }
}

/** What `{id}` is the id of. */
function nameInPath(path: string, name: string): string {
  if (name !== 'id') return name;
  return path.includes('/messages/{id}') ? 'message_id' : 'channel_id';
}
