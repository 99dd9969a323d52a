import type { LogEntry } from '@hubbub/protocol/moderation.js';
import type { LogRow } from '../store/moderation-log.js';
import { toLogEntry } from './representations.js';

const COLUMNS = [
  'id',
  'created_at',
  'action',
  'moderator_id',
  'moderator_username',
  'target_user_id',
  'target_username',
  'reason',
  'details',
  'hash',
] as const satisfies readonly (keyof LogEntry)[];

/** A trail as CSV (RFC 4180), with a header line. */
export async function* trailAsCsv(rows: AsyncIterable<LogRow>): AsyncGenerator<string> {
  yield CSV_HEADER;
  for await (const row of rows) yield csvLine(toLogEntry(row));
}

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

export function csvLine(entry: LogEntry): string {
  return `${COLUMNS.map((column) => csvField(entry[column])).join(',')}\r\n`;
}

/** A trail as one JSON object a line. */
export async function* trailAsNdjson(rows: AsyncIterable<LogRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(toLogEntry(row))}\n`;
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  // A spreadsheet would run what begins like a formula, and a reason is written by anyone.
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
