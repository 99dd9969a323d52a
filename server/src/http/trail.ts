import { Readable } from 'node:stream';
import { MAX_PAGE_SIZE } from '@hubbub/protocol/limits.js';
import { LOG_ACTIONS, LogEntry, LogPage } from '@hubbub/protocol/moderation.js';
import { OneOf } from '@hubbub/protocol/schemas.js';
import Type from 'typebox';
import { readTrail } from '../audit.js';
import { assertMay, standingOf } from '../permissions.js';
import { listLog } from '../store/moderation-log.js';
import { identityOf, userIdParam, visibleChannel } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses, streamOf } from './errors.js';
import { exampleOf } from './examples.js';
import { toLogEntry } from './representations.js';
import { CSV_HEADER, csvLine, trailAsCsv, trailAsNdjson } from './trail-export.js';
import type { Routes } from './typed.js';

const LogQuery = Type.Object(
  {
    page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
    limit: Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, default: 50 }),
    action: Type.Optional(OneOf(LOG_ACTIONS)),
    user_id: Type.Optional(Type.String({ description: 'Only what was done to this user' })),
  },
  { additionalProperties: false },
);

const ExportQuery = Type.Object(
  {
    format: OneOf(['csv', 'ndjson']),
    action: Type.Optional(OneOf(LOG_ACTIONS)),
    user_id: Type.Optional(Type.String({ description: 'Only what was done to this user' })),
  },
  { additionalProperties: false },
);

const entryExample = exampleOf(LogEntry) as unknown as LogEntry;
const EXPORT_EXAMPLES = {
  'text/csv': CSV_HEADER + csvLine(entryExample),
  'application/x-ndjson': `${JSON.stringify(entryExample)}\n`,
};

/** The audit trail of a channel: read in pages, and exported as a whole. */
export function trailRoutes(app: Routes, context: HttpContext): void {
  const { db } = context;
  const tags = ['moderation'];

  app.get(
    '/channels/:id/moderation-log',
    {
      schema: {
        tags,
        summary: 'The audit trail, newest first (moderators)',
        description:
          'Every action with who, whom, when and why, and the content it was about. Rows cannot be changed; each ' +
          'bears a hash over itself and the row before it.',
        params: ChannelParams,
        querystring: LogQuery,
        response: { 200: LogPage, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { page, limit, action = null, user_id } = request.query;
      const targetUserId = user_id === undefined ? null : userIdParam(user_id);
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identityOf(request)));
      const query = { channelId: access.id, action, targetUserId, limit, offset: (page - 1) * limit };
      const { rows, total } = await listLog(db, query);
      return { logs: rows.map(toLogEntry), total, page, limit };
    },
  );

  app.get(
    '/channels/:id/moderation-log/export',
    {
      schema: {
        tags,
        summary: 'The audit trail as a stream, oldest first, as CSV or NDJSON (moderators)',
        description: 'Of any length. A line an entry; the CSV has a header line and is safe to open in a spreadsheet.',
        params: ChannelParams,
        querystring: ExportQuery,
        response: { 200: streamOf(EXPORT_EXAMPLES), ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { format, action = null, user_id } = request.query;
      const targetUserId = user_id === undefined ? null : userIdParam(user_id);
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identityOf(request)));
      const rows = readTrail(db, { channelId: access.id, action, targetUserId });
      reply.header('content-disposition', `attachment; filename="moderation-log-${access.id}.${format}"`);
      if (format === 'csv') return reply.type('text/csv; charset=utf-8').send(Readable.from(trailAsCsv(rows)));
      return reply.type('application/x-ndjson').send(Readable.from(trailAsNdjson(rows)));
    },
  );
}
