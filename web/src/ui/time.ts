/** Times in the reader's language and time zone. */

const DAY_MS = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dateWithYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** As in 14:05. */
export function clockOf(time: number): string {
  return clock.format(time);
}

/** Date and time. */
export function fullTimeOf(time: number | string): string {
  return full.format(new Date(time));
}

/** The day in words: Today, Yesterday, a weekday of the last week, a date. */
export function dayOf(time: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(time)) / DAY_MS);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(time);
  return new Date(time).getFullYear() === new Date(now).getFullYear() ? date.format(time) : dateWithYear.format(time);
}

export function isSameDay(a: number, b: number): boolean {
  return startOfDay(a) === startOfDay(b);
}

/** A wait: `12 s`, `3:05 min`, `2 h`, `4 days`. @param ms a started second counts as a whole one */
export function waitOf(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** As in `until 3 May 2026, 14:05`, or that there is no end. */
export function untilOf(expiresAt: string | null): string {
  return expiresAt === null ? 'until it is lifted' : `until ${fullTimeOf(expiresAt)}`;
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}
