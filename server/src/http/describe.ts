import * as automod from '@hubbub/protocol/auto-moderation.js';
import { CLOSES, ERRORS } from '@hubbub/protocol/codes.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from '@hubbub/protocol/frames.js';
import * as moderation from '@hubbub/protocol/moderation.js';
import * as reports from '@hubbub/protocol/reports.js';
import * as rest from '@hubbub/protocol/rest.js';
import { VERSION } from '../version.js';
import { addExamples, type Json } from './examples.js';

/*
 * The machine-readable descriptions of the API: OpenAPI 3.1 for REST, AsyncAPI 3.0 for the WebSocket. Both are made from
 * the schemas that validate and type the server, so they cannot say something else than the server does.
 */

/** What `@fastify/swagger` does not learn from the routes. */
export const OPENAPI_HEAD = {
  openapi: '3.1.0',
  info: {
    title: 'Hubbub',
    version: VERSION,
    description:
      'Self-hosted real-time chat. The WebSocket half is described by /api/v1/asyncapi.json. ' +
      'All routes under /api/v1/chat answer under /api/chat too.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  tags: [
    { name: 'channels', description: 'Create, find, change and delete channels' },
    { name: 'messages', description: 'History and posting' },
    { name: 'presence', description: 'Who is online' },
    { name: 'members', description: 'Members and roles' },
    { name: 'moderation', description: 'Bans, timeouts, mutes, deletions, the audit trail' },
    { name: 'auto-moderation', description: 'Rules for messages, the shield, messages that wait for review' },
    { name: 'reports', description: 'What users report, and what moderators decide on it' },
    { name: 'site', description: 'What site admins do to users' },
    { name: 'status', description: 'Health and numbers' },
    { name: 'development', description: 'Only while no key is configured' },
  ],
  components: {
    securitySchemes: {
      bearer: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT' },
      cookie: { type: 'apiKey' as const, in: 'cookie', name: 'access_token' },
    },
  },
  security: [{ bearer: [] }, { cookie: [] }],
};

const NAMED = [
  rest.ErrorBody,
  rest.Channel,
  rest.ChannelList,
  rest.Message,
  rest.MessagePage,
  rest.PresenceList,
  rest.Health,
  rest.Stats,
  rest.DevToken,
  moderation.Member,
  moderation.MemberList,
  moderation.RoleBody,
  moderation.Restriction,
  moderation.RestrictionList,
  moderation.BanCheck,
  moderation.LogEntry,
  moderation.LogPage,
  automod.AutoModeration,
  automod.Shield,
  automod.HeldNotice,
  automod.HeldMessage,
  automod.HeldList,
  automod.DecideResult,
  reports.OwnReport,
  reports.Report,
  reports.ReportList,
];

/**
 * Moves every schema that has a title of ours out of the place where it is used, into `components.schemas`, so that
 * readers and code generators meet it once and by name.
 */
function nameSchemas<T extends object>(document: T): T {
  const schemas: Record<string, Json> = {};
  const titles = new Set(NAMED.map((schema) => titleOf(schema)));
  const walk = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const walked = Object.fromEntries(
      Object.entries(value as Record<string, Json>).map(([key, each]) => [key, walk(each)]),
    );
    const title = titleOf(walked);
    if (title === null || !titles.has(title) || walked.type !== 'object') return walked;
    schemas[title] = walked;
    return { $ref: `#/components/schemas/${title}` };
  };
  const walked = walk(JSON.parse(JSON.stringify(document)) as Json) as T & { components?: object };
  return { ...walked, components: { ...walked.components, schemas } };
}

function titleOf(schema: object): string | null {
  return 'title' in schema && typeof schema.title === 'string' ? schema.title : null;
}

interface Described {
  readonly paths: Record<
    string,
    {
      readonly delete?: {
        requestBody?: { required: boolean; readonly content: Record<string, { readonly schema: object }> };
      };
    }
  >;
}

/** `@fastify/swagger` calls every body required; that of a DELETE may be left out where no field of it is. */
function freeBodies(document: object): void {
  for (const { delete: operation } of Object.values((document as Described).paths)) {
    const body = operation?.requestBody;
    if (body === undefined) continue;
    body.required = Object.values(body.content).some(({ schema }) => 'required' in schema);
  }
}

/** The OpenAPI document as it is served. @param generated what `@fastify/swagger` made of the routes */
export function openApi(generated: object): object {
  const document = structuredClone(generated);
  freeBodies(document);
  addExamples(document);
  return nameSchemas(document);
}

/** The AsyncAPI 3.0 document of the WebSocket: https://www.asyncapi.com/docs/reference/specification/v3.0.0 */
export function asyncApi(): object {
  const named = (prefix: string, frames: Record<string, object>) =>
    Object.entries(frames).map(([type, payload]) => ({ key: `${prefix}_${type}`, type, payload }));
  const commands = named('client', CLIENT_FRAMES);
  const events = named('server', SERVER_FRAMES);
  const references = (each: { key: string }) => [each.key, { $ref: `#/components/messages/${each.key}` }];
  const messages = Object.fromEntries([...commands, ...events].map(references));
  const operation = (action: 'send' | 'receive', channel: string, frames: { key: string }[], summary: string) => ({
    action,
    channel: { $ref: `#/channels/${channel}` },
    summary,
    messages: frames.map(({ key }) => ({ $ref: `#/channels/${channel}/messages/${key}` })),
  });
  const headers =
    'The token goes as `Authorization: Bearer <JWT>`, as subprotocol `auth.bearer.<base64url of the JWT>`, or as cookie ' +
    '`access_token`. ';
  return nameSchemas({
    asyncapi: '3.0.0',
    info: {
      title: 'Hubbub WebSocket',
      version: VERSION,
      description: `${headers}Text frames, one JSON object each.\n\n${codeTables()}`,
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      one: {
        address: '/api/v1/chat/channels/{channel_id}/ws',
        description:
          'One channel; `?last_seq=N` resumes after that place, and `&epoch=` names the life of the data that it is of',
        parameters: { channel_id: { description: "The channel's UUID" } },
        messages,
      },
      many: {
        address: '/ws/chat',
        description: 'Many channels on one connection, by `join` and `leave`; `?channel_id=<id>` joins one at once',
        messages,
      },
    },
    operations: {
      oneCommand: operation('receive', 'one', commands, 'What a client sends'),
      oneEvent: operation('send', 'one', events, 'What the server sends'),
      manyCommand: operation('receive', 'many', commands, 'What a client sends'),
      manyEvent: operation('send', 'many', events, 'What the server sends'),
    },
    components: {
      messages: Object.fromEntries(
        [...commands, ...events].map(({ key, type, payload }) => [
          key,
          {
            name: type,
            title: type,
            ...('description' in payload ? { summary: payload.description } : {}),
            payload,
          },
        ]),
      ),
    },
  });
}

function codeTables(): string {
  const errors = Object.entries(ERRORS).map(([code, { message, retryable }]) => {
    return `| ${code} | ${message} | ${retryable ? 'yes' : 'no'} |`;
  });
  const closes = Object.values(CLOSES).map(({ code, reason, reconnect }) => `| ${code} | ${reason} | ${reconnect} |`);
  return [
    '| error code | sentence | try again |',
    '| --- | --- | --- |',
    ...errors,
    '',
    '| close code | reason | reconnect |',
    '| --- | --- | --- |',
    ...closes,
  ].join('\n');
}
