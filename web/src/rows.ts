/** Messages -> what the list shows: day separators, and who starts a group. */
import type { Draft } from './outbox.js';
import { dayLabel, startOfDay } from './time.js';
import type { Entry } from './timeline.js';

/** Messages of one author within this time of each other stand in one group, in milliseconds. */
const GROUP_MS = 5 * 60_000;

export type Row =
  | { readonly kind: 'day'; readonly key: string; readonly atMs: number; readonly label: string }
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly userId: string;
      readonly name: string;
      readonly isOwn: boolean;
      /** First of its group: shows the author. */
      readonly isFirst: boolean;
      readonly content: string;
      readonly atMs: number;
      readonly isDeleted: boolean;
      /** Set while the server has not acknowledged it. */
      readonly draft: Draft | null;
    };

/**
 * @param entries stored messages, oldest first
 * @param drafts the user's own messages that are not acknowledged; they come last
 * @param self the user
 * @param nowMs decides which day is today, in the browser's time zone
 */
export function toRows(
  entries: readonly Entry[],
  drafts: readonly Draft[],
  self: { readonly userId: string; readonly name: string },
  nowMs: number,
): Row[] {
  const rows: Row[] = [];
  let day = Number.NaN;
  let last: { userId: string; atMs: number } | null = null;
  const push = (userId: string, name: string, item: Entry | Draft, draft: Draft | null, isDeleted: boolean) => {
    const itemDay = startOfDay(item.atMs);
    if (itemDay !== day) {
      day = itemDay;
      last = null;
      rows.push({ kind: 'day', key: `day-${itemDay}-${item.id}`, atMs: itemDay, label: dayLabel(itemDay, nowMs) });
    }
    const isFirst = last === null || last.userId !== userId || item.atMs - last.atMs > GROUP_MS;
    last = { userId, atMs: item.atMs };
    const isOwn = userId === self.userId;
    const { id: key, content, atMs } = item;
    rows.push({ kind: 'message', key, userId, name, isOwn, isFirst, content, atMs, isDeleted, draft });
  };
  for (const entry of entries) push(entry.userId, entry.name, entry, null, entry.isDeleted);
  for (const draft of drafts) push(self.userId, self.name, draft, draft, false);
  return rows;
}

/** Two rows with the same signature look the same. */
export function signatureOf(row: Row): string {
  if (row.kind === 'day') return row.label;
  const { name, isOwn, isFirst, content, atMs, isDeleted, draft } = row;
  return JSON.stringify([name, isOwn, isFirst, content, atMs, isDeleted, draft?.state, draft?.problem]);
}
