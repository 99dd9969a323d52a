import { Readable } from 'node:stream';
import { MAX_PAGE_SIZE } from '@hubbub/protocol/limits.js';
import { LOG_ACTIONS, LogEntry, LogPage } from '@hubbub/protocol/moderation.js';
import { OneOf, Timestamp } from '@hubbub/protocol/schemas.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { readTrail } from '../audit.js';
import { assertMay, assertSiteAdmin, standingOf } from '../permissions.js';
import { type LogFilter, listLog } from '../store/moderation-log.js';
import { identityOf, userIdParam, visibleChannel } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses, streamOf } from './errors.js';
import { exampleOf } from './examples.js';
import { toLogEntry } from './representations.js';
import { CSV_HEADER, csvLine, trailAsCsv, trailAsNdjson } from './trail-export.js';
import type { Routes } from './typed.js';

const A_USER = 'a41c7e58-92d3-4b6f-8e01-6d5f2a9c3b74';
const Filter = {
  action: Type.Optional(OneOf(LOG_ACTIONS)),
  user_id: Type.Optional(Type.String({ description: 'Only what was done to this user', examples: [A_USER] })),
  moderator_id: Type.Optional(Type.String({ description: 'Only what this user did', examples: [A_USER] })),
  since: Type.Optional({ ...Timestamp, description: 'Only what was done at this time or after it' }),
  until: Type.Optional({ ...Timestamp, description: 'Only what was done before this time' }),
};

const LogQuery = Type.Object(
  {
    page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
    limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: 50 }),
    ...Filter,
  },
  { additionalProperties: false },
);

const ExportQuery = Type.Object({ format: OneOf(['csv', 'ndjson']), ...Filter }, { additionalProperties: false });

const entryExample = exampleOf(LogEntry) as unknown as LogEntry;
const EXPORT_EXAMPLES = {
  'text/csv': CSV_HEADER + csvLine(entryExample),
  'application/x-ndjson': `${JSON.stringify(entryExample)}\n`,
};

/** The audit trails of the channels and of the site: read in pages, and exported as a whole. */
export function trailRoutes(app: Routes, context: HttpContext): void {
  app.get(
    '/channels/:id/moderation-log',
    {
      schema: {
        tags: ['moderation'],
        summary: 'The audit trail, newest first (moderators)',
        description:
          'Every action with who, whom, when and why, and the content it was about. Rows cannot be changed; each ' +
          'bears a hash over itself and the row before it.',
        params: ChannelParams,
        querystring: LogQuery,
        response: { 200: LogPage, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => await pageOf(context, await trailOfChannel(context, request, request.params.id), request.query),
  );

  app.get(
    '/channels/:id/moderation-log/export',
    {
      schema: {
        tags: ['moderation'],
        summary: 'The audit trail as a stream, oldest first, as CSV or NDJSON (moderators)',
        description: EXPORT_DESCRIPTION,
        params: ChannelParams,
        querystring: ExportQuery,
        response: { 200: streamOf(EXPORT_EXAMPLES), ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request, reply) => {
      const channelId = await trailOfChannel(context, request, request.params.id);
      return sendTrail(context, reply, channelId, request.query);
    },
  );

  app.get(
    '/moderation-log',
    {
      schema: {
        tags: ['site'],
        summary: "The site's own audit trail, newest first",
        description: 'For site admins: suspensions, revoked tokens, erasures. Channels have trails of their own.',
        querystring: LogQuery,
        response: { 200: LogPage, ...errorResponses(400, 401, 403) },
      },
    },
    async (request) => {
      assertSiteAdmin(identityOf(request));
      return await pageOf(context, null, request.query);
    },
  );

  app.get(
    '/moderation-log/export',
    {
      schema: {
        tags: ['site'],
        summary: "The site's own audit trail as a stream, oldest first, as CSV or NDJSON (site admins)",
        description: EXPORT_DESCRIPTION,
        querystring: ExportQuery,
        response: { 200: streamOf(EXPORT_EXAMPLES), ...errorResponses(400, 401, 403) },
      },
    },
    async (request, reply) => {
      assertSiteAdmin(identityOf(request));
      return sendTrail(context, reply, null, request.query);
    },
  );
}

const EXPORT_DESCRIPTION =
  'Of any length. A line an entry; the CSV has a header line and is safe to open in a spreadsheet.';

/** The channel of a path parameter, for those who may read its trail. @throws HubbubError `FORBIDDEN`, `CHANNEL_NOT_FOUND` */
async function trailOfChannel(context: HttpContext, request: FastifyRequest, id: string): Promise<string> {
  const access = await visibleChannel(context, request, id);
  assertMay('read_moderation', standingOf(access, identityOf(request)));
  return access.id;
}

/** @param channelId null: the whole site */
async function pageOf({ db }: HttpContext, channelId: string | null, query: Static<typeof LogQuery>): Promise<LogPage> {
  const { page, limit } = query;
  const { rows, total } = await listLog(db, filterOf(channelId, query), limit, (page - 1) * limit);
  return { logs: rows.map(toLogEntry), total, page, limit };
}

/** @param channelId null: the whole site */
function sendTrail(
  { db }: HttpContext,
  reply: FastifyReply,
  channelId: string | null,
  query: Static<typeof ExportQuery>,
): FastifyReply {
  const { format } = query;
  const rows = readTrail(db, filterOf(channelId, query));
  reply.header('content-disposition', `attachment; filename="moderation-log-${channelId ?? 'site'}.${format}"`);
  if (format === 'csv') return reply.type('text/csv; charset=utf-8').send(Readable.from(trailAsCsv(rows)));
  return reply.type('application/x-ndjson').send(Readable.from(trailAsNdjson(rows)));
}

function filterOf(channelId: string | null, query: Omit<Static<typeof ExportQuery>, 'format'>): LogFilter {
  const { action = null, user_id, moderator_id, since, until } = query;
  return {
    channelId,
    action,
    targetUserId: user_id === undefined ? null : userIdParam(user_id),
    moderatorId: moderator_id === undefined ? null : userIdParam(moderator_id),
    since: since === undefined ? null : new Date(since),
    until: until === undefined ? null : new Date(until),
  };
}
