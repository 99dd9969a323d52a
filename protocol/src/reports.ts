/** Bodies of the routes of user reports. */
import Type, { type Static, type TSchema } from 'typebox';
import { MAX_REASON_CHARS, MAX_RESTRICTION_MINUTES } from './limits.js';
import { Nullable, OneOf, Seq, Timestamp, Uuid } from './schemas.js';

const closed = { additionalProperties: false } as const;

/** What a moderator can do about a report. */
export const REPORT_ACTIONS = ['dismiss', 'delete_message', 'mute', 'timeout', 'ban'] as const;
export type ReportAction = (typeof REPORT_ACTIONS)[number];
export const REPORT_STATUSES = ['open', 'resolved'] as const;
export type ReportStatus = (typeof REPORT_STATUSES)[number];

export const ReportBody = Type.Object(
  { reason: Type.String({ minLength: 1, maxLength: MAX_REASON_CHARS, pattern: '\\S', examples: ['Insults me'] }) },
  closed,
);

/** A report as the one who made it sees it. */
export const OwnReport = Type.Object(
  {
    id: Uuid,
    channel_id: Uuid,
    message_id: Uuid,
    reason: Type.String({ examples: ['Insults me'] }),
    status: OneOf(REPORT_STATUSES),
    created_at: Timestamp,
  },
  { ...closed, title: 'OwnReport' },
);
export type OwnReport = Static<typeof OwnReport>;

/** What a report has once it is resolved. */
function UntilResolved<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()], { description: 'Null while it is open', examples: [null] });
}

export const Report = Type.Object(
  {
    id: Uuid,
    channel_id: Uuid,
    message_id: Uuid,
    message_seq: Seq,
    message_deleted: Type.Boolean({
      description: 'Whether the message has been deleted since, or removed for its age',
    }),
    author_id: Uuid,
    author_username: Type.String(),
    content: Type.String({ description: 'The message as it was when it was reported' }),
    reporter_id: Uuid,
    reporter_username: Type.String(),
    reason: Type.String({ examples: ['Insults me'] }),
    status: OneOf(REPORT_STATUSES),
    created_at: Timestamp,
    resolved_at: UntilResolved(Timestamp),
    resolved_by: UntilResolved(Uuid),
    action: UntilResolved(OneOf(REPORT_ACTIONS)),
    note: UntilResolved(Type.String()),
  },
  { ...closed, title: 'Report' },
);
export type Report = Static<typeof Report>;

export const ReportList = Type.Object(
  {
    reports: Type.Array(Report, { description: 'Open ones oldest first, resolved ones newest first' }),
    total: Type.Integer({ minimum: 0 }),
    limit: Type.Integer(),
    offset: Type.Integer(),
  },
  { ...closed, title: 'ReportList' },
);
export type ReportList = Static<typeof ReportList>;

export const ResolveReportBody = Type.Object(
  {
    action: OneOf(REPORT_ACTIONS, 'What to do about it'),
    note: Type.Optional(
      Type.String({
        maxLength: MAX_REASON_CHARS,
        description: 'Kept with the report, and the reason of the action',
      }),
    ),
    duration_minutes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_RESTRICTION_MINUTES,
        description: 'For `timeout` (needed; 43,200 at most), `mute` and `ban` (absent: until it is lifted) alone',
      }),
    ),
  },
  { ...closed, examples: [{ action: 'timeout', note: 'Second time this week', duration_minutes: 60 }] },
);
export type ResolveReportBody = Static<typeof ResolveReportBody>;

export const ResolveReportResult = Type.Object(
  {
    status: Type.Literal('resolved'),
    action: OneOf(REPORT_ACTIONS),
    resolved: Type.Integer({
      minimum: 1,
      description: 'Reports of the same message that were open, this one included: all are resolved',
    }),
    expires_at: Nullable(Timestamp, 'When what was put on the author ends; null: it does not, or there is none'),
  },
  {
    ...closed,
    title: 'ResolvedReport',
    examples: [{ status: 'resolved', action: 'timeout', resolved: 2, expires_at: '2026-01-31T13:00:00.000Z' }],
  },
);
export type ResolveReportResult = Static<typeof ResolveReportResult>;
