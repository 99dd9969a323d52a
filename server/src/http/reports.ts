import { canonicalUuid } from '@hubbub/protocol/ids.js';
import { MAX_TIMEOUT_MINUTES } from '@hubbub/protocol/limits.js';
import {
  OwnReport,
  REPORT_STATUSES,
  ReportBody,
  ReportList,
  ResolveReportBody,
  ResolveReportResult,
} from '@hubbub/protocol/reports.js';
import { OneOf } from '@hubbub/protocol/schemas.js';
import Type from 'typebox';
import { HubbubError } from '../errors.js';
import { assertMay, assertMayRead, standingOf } from '../permissions.js';
import { listReports } from '../store/reports.js';
import type { Verdict } from '../user-reports.js';
import { identityOf, messageAccess, PageQuery, userLimit, visibleChannel } from './access.js';
import { ChannelParams } from './channels.js';
import type { HttpContext } from './context.js';
import { errorResponses } from './errors.js';
import { MessageParams } from './messages.js';
import { toOwnReport, toReport } from './representations.js';
import type { Routes } from './typed.js';

const ReportParams = Type.Object({
  ...ChannelParams.properties,
  report_id: Type.String({ description: "The report's UUID" }),
});
const ListQuery = Type.Object(
  { ...PageQuery.properties, status: { ...OneOf(REPORT_STATUSES), default: 'open' } },
  { additionalProperties: false },
);

/** Users report messages; moderators look through the reports and decide. */
export function reportRoutes(app: Routes, context: HttpContext): void {
  const { db, userReports } = context;
  const tags = ['reports'];

  app.post(
    '/messages/:id/report',
    {
      schema: {
        tags,
        summary: 'Report a message to the moderators',
        description:
          'Open to everyone who may read the message and did not write it. Its content is kept as it is now. ' +
          'A user has one open report a message: a repeat is answered with 200 and the first one, whatever its reason.',
        params: MessageParams,
        body: ReportBody,
        response: { 200: OwnReport, 201: OwnReport, ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429) },
      },
      preHandler: userLimit(context, 'report', 10),
    },
    async (request, reply) => {
      const identity = identityOf(request);
      const { message, access } = await messageAccess(context, request, request.params.id);
      assertMayRead(access, identity);
      const { report, isNew } = await userReports.file(identity, message.id, request.body.reason.trim());
      return reply.status(isNew ? 201 : 200).send(toOwnReport(report));
    },
  );

  app.get(
    '/channels/:id/reports',
    {
      schema: {
        tags,
        summary: "A channel's reports (moderators)",
        description:
          'Open ones, oldest first, unless `status` asks for those that are resolved, newest first. ' +
          'Each bears the content of the message as it was reported, whatever has become of it.',
        params: ChannelParams,
        querystring: ListQuery,
        response: { 200: ReportList, ...errorResponses(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { limit, offset, status } = request.query;
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identityOf(request)));
      const { rows, total } = await listReports(db, access.id, status, limit, offset);
      return { reports: rows.map(toReport), total, limit, offset };
    },
  );

  app.post(
    '/channels/:id/reports/:report_id',
    {
      schema: {
        tags,
        summary: 'Decide on a report (moderators of higher rank than the author)',
        description:
          'Dismisses it, deletes the message, or mutes, times out or bans its author. The decision is about the ' +
          'message: all open reports of it are resolved, in one transaction with what is done and its rows of the ' +
          'audit trail. A report that is resolved already is answered with 409, so of two moderators one decides.',
        params: ReportParams,
        body: ResolveReportBody,
        response: { 200: ResolveReportResult, ...errorResponses(400, 401, 403, 404, 409, 413, 415, 429) },
      },
      preHandler: userLimit(context, 'moderate', 30),
    },
    async (request) => {
      const identity = identityOf(request);
      const reportId = canonicalUuid(request.params.report_id);
      if (reportId === null) throw new HubbubError('INVALID_REQUEST', 'Invalid report ID');
      const verdict = verdictOf(request.body);
      const access = await visibleChannel(context, request, request.params.id);
      assertMay('read_moderation', standingOf(access, identity));
      const { resolved, expiresAt } = await userReports.resolve(identity, access.id, reportId, verdict);
      const expires_at = expiresAt?.toISOString() ?? null;
      return { status: 'resolved' as const, action: verdict.action, resolved, expires_at };
    },
  );
}

/** @throws HubbubError `INVALID_REQUEST` for a duration that is missing, too long, or of no use */
function verdictOf(body: ResolveReportBody): Verdict {
  const { action, note = null, duration_minutes: minutes = null } = body;
  const lasts = action === 'timeout' || action === 'mute' || action === 'ban';
  if (!lasts && minutes !== null) throw invalidDuration(`is not for ${action}`);
  if (action === 'timeout' && (minutes === null || minutes > MAX_TIMEOUT_MINUTES)) {
    throw invalidDuration(`of a timeout must be 1 to ${MAX_TIMEOUT_MINUTES}`);
  }
  return { action, note, minutes };
}

function invalidDuration(message: string): HubbubError {
  const details = [{ field: 'duration_minutes', message }];
  return new HubbubError('INVALID_REQUEST', `Invalid body: duration_minutes ${message}`, { details });
}
