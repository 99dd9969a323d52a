import type { LogEntry } from '@hubbub/protocol/moderation.js';
import type { OwnReport, Report } from '@hubbub/protocol/reports.js';
import type { Channel, Message } from '@hubbub/protocol/rest.js';
import type { ChannelRow } from '../store/channels.js';
import type { MessageRow } from '../store/messages.js';
import type { LogRow } from '../store/moderation-log.js';
import type { ReportRow } from '../store/reports.js';

/** A channel as REST and frames show it. @param online distinct users online */
export function toChannel(row: ChannelRow, online: number): Channel {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    creator_id: row.creator_id,
    channel_type: row.channel_type,
    is_active: row.is_active,
    max_participants: row.max_participants,
    slow_mode_seconds: row.slow_mode_seconds,
    posting: row.posting,
    shield: row.shield,
    retention_days: row.retention_days,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    last_seq: row.last_seq,
    online_count: online,
  };
}

/** A row of the audit trail as REST shows it. */
export function toLogEntry(row: LogRow): LogEntry {
  return { ...row, created_at: row.created_at.toISOString() };
}

/** A message as REST shows it: a deleted one keeps its place and loses its content. */
export function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    channel_id: row.channel_id,
    user_id: row.user_id,
    username: row.username,
    display_name: row.display_name,
    avatar_url: row.avatar_url,
    content: row.is_deleted ? '' : row.content,
    seq: row.seq,
    is_deleted: row.is_deleted,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** A report as moderators see it. */
export function toReport(row: ReportRow): Report {
  return {
    ...row,
    status: row.resolved_at === null ? 'open' : 'resolved',
    created_at: row.created_at.toISOString(),
    resolved_at: row.resolved_at?.toISOString() ?? null,
  };
}

/** A report as the one who made it sees it. */
export function toOwnReport(row: ReportRow): OwnReport {
  const { id, channel_id, message_id, reason, status, created_at } = toReport(row);
  return { id, channel_id, message_id, reason, status, created_at };
}
