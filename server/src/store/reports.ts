import type { ReportAction, ReportStatus } from '@hubbub/protocol/reports.js';
import type { Queryable } from './db.js';

/*
 * What users report to the moderators. Reports of a channel are made and resolved under the lock of its row.
 */

export interface ReportRow {
  readonly id: string;
  readonly channel_id: string;
  readonly message_id: string;
  readonly message_seq: number;
  /** Or removed for its age. */
  readonly message_deleted: boolean;
  readonly author_id: string;
  readonly author_username: string;
  /** As it was when it was reported. */
  readonly content: string;
  readonly reporter_id: string;
  readonly reporter_username: string;
  readonly reason: string;
  readonly created_at: Date;
  /** Null: open. */
  readonly resolved_at: Date | null;
  readonly resolved_by: string | null;
  readonly action: ReportAction | null;
  readonly note: string | null;
}

const COLUMNS = `r.id, r.channel_id, r.message_id, coalesce(r.message_seq, m.seq, 0) as message_seq,
  coalesce(m.is_deleted, true) as message_deleted, r.author_id,
  a.username as author_username, r.content, r.reporter_id, p.username as reporter_username, r.reason, r.created_at,
  r.resolved_at, r.resolved_by, r.action, r.note`;
const ALL = `chat_reports r left join chat_messages m on m.id = r.message_id join users a on a.id = r.author_id
  join users p on p.id = r.reporter_id`;

export interface NewReport {
  readonly id: string;
  readonly channelId: string;
  readonly messageId: string;
  readonly messageSeq: number;
  readonly authorId: string;
  readonly content: string;
  readonly reporterId: string;
  readonly reason: string;
  readonly at: Date;
}

export async function insertReport(tx: Queryable, report: NewReport): Promise<void> {
  const { id, channelId, messageId, messageSeq, authorId, content, reporterId, reason, at } = report;
  await tx.query(
    `insert into chat_reports (id, channel_id, message_id, message_seq, author_id, content, reporter_id, reason, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [id, channelId, messageId, messageSeq, authorId, content, reporterId, reason, at],
  );
}

/** A user's open report of a message; null when he has none. */
export async function findOpenReport(db: Queryable, messageId: string, reporterId: string): Promise<ReportRow | null> {
  const [row] = await db.query<ReportRow>(
    `select ${COLUMNS} from ${ALL} where r.message_id = $1 and r.reporter_id = $2 and r.resolved_at is null`,
    [messageId, reporterId],
  );
  return row ?? null;
}

/** One report of a channel; null when there is none. */
export async function findReport(db: Queryable, channelId: string, id: string): Promise<ReportRow | null> {
  const [row] = await db.query<ReportRow>(`select ${COLUMNS} from ${ALL} where r.channel_id = $1 and r.id = $2`, [
    channelId,
    id,
  ]);
  return row ?? null;
}

/** A page of a channel's reports, open ones oldest first, resolved ones newest first, and how many there are in all. */
export async function listReports(
  db: Queryable,
  channelId: string,
  status: ReportStatus,
  limit: number,
  offset: number,
): Promise<{ rows: ReportRow[]; total: number }> {
  const where = `r.channel_id = $1 and r.resolved_at is ${status === 'open' ? 'null' : 'not null'}`;
  const order = status === 'open' ? 'r.created_at, r.id' : 'r.resolved_at desc, r.id';
  const [rows, [count]] = await Promise.all([
    db.query<ReportRow>(`select ${COLUMNS} from ${ALL} where ${where} order by ${order} limit $2 offset $3`, [
      channelId,
      limit,
      offset,
    ]),
    db.query<{ total: number }>(`select count(*) as total from chat_reports r where ${where}`, [channelId]),
  ]);
  return { rows, total: count?.total ?? 0 };
}

/** Resolves all open reports of a message. @returns their ids */
export async function resolveReports(
  tx: Queryable,
  messageId: string,
  resolution: {
    readonly at: Date;
    readonly by: string;
    readonly action: ReportAction;
    readonly note: string | null;
  },
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `update chat_reports set resolved_at = $2, resolved_by = $3, action = $4, note = $5
     where message_id = $1 and resolved_at is null returning id`,
    [messageId, resolution.at, resolution.by, resolution.action, resolution.note],
  );
  return rows.map((row) => row.id).sort();
}
