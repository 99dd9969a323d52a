/** Times as people read them, in the browser's language and time zone. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });

/** Hour and minute. @param atMs milliseconds since the epoch */
export function clockTime(atMs: number): string {
  return CLOCK.format(atMs);
}

/** Date and time in full. @param atMs milliseconds since the epoch */
export function fullTime(atMs: number): string {
  return FULL.format(atMs);
}

/** When something ends: the time if that is today, else date and time. @param rfc3339 a time of the wire */
export function until(rfc3339: string): string {
  const atMs = Date.parse(rfc3339);
  return startOfDay(atMs) === startOfDay(Date.now()) ? CLOCK.format(atMs) : SHORT.format(atMs);
}

/** `Today`, `Yesterday`, the date, and its year when that is another one. Both in milliseconds since the epoch. */
export function dayLabel(atMs: number, nowMs: number): string {
  const day = startOfDay(atMs);
  if (day === startOfDay(nowMs)) return 'Today';
  const yesterday = new Date(nowMs);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === startOfDay(yesterday.getTime())) return 'Yesterday';
  const isThisYear = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? DAY : DAY_AND_YEAR).format(atMs);
}

/** Midnight before `atMs`, here; both in milliseconds since the epoch. */
export function startOfDay(atMs: number): number {
  return new Date(atMs).setHours(0, 0, 0, 0);
}
