import type { ClientEvent } from './events.js';
import type { Figures } from './figures.js';
import type { Rule, RunRecord, Violation } from './run-record.js';

/** Kinds of violations of which examples are shown, and examples of each. */
const SHOWN_PER_RULE = 3;
const AROUND_MS = 3000;
const AROUND_EVENTS = 14;
const MAX_EVENT_CHARS = 220;

/** The figures as lines for people. */
export function describeFigures(figures: Figures): string {
  const { messages, longestMs } = figures;
  const lines = [
    `messages: ${messages.sent} sent, ${messages.acked} acknowledged, ${messages.stored} stored, ${messages.retried} retried`,
    `errors: ${list(messages.refused)}`,
    `deliveries: ${figures.deliveries}; connections: ${figures.connections}; closes: ${list(figures.closes)}`,
    `joins: ${list(figures.resumes)}`,
    `readers who stood still: ${figures.freezes.all}, of whom ${figures.freezes.lost} lost their connection`,
    `moderation: ${list(figures.moderation)}`,
    `faults: ${list(figures.faults)}; stalls of the machine: ${figures.stalls}`,
    `largest resident set: ${figures.rssMebibytes.join(', ')} MiB`,
    'longest pauses in ms, to the acknowledgement and to the last delivery, by what was broken in them:',
  ];
  for (const [kind, { ack, delivery }] of Object.entries(longestMs).sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push(`  ${kind.padEnd(18)} ${String(ack).padStart(6)} ${String(delivery).padStart(6)}`);
  }
  return lines.join('\n');
}

/** What was found, by rule, with the first ones of each and what happened around them. */
export function describeViolations(run: RunRecord, violations: readonly Violation[]): string {
  const byRule = new Map<Rule, Violation[]>();
  for (const violation of violations) byRule.set(violation.rule, [...(byRule.get(violation.rule) ?? []), violation]);
  const startMs = run.events.reduce((first, { t }) => Math.min(first, t), Number.POSITIVE_INFINITY);
  const lines: string[] = [];
  for (const [rule, found] of byRule) {
    lines.push(`${rule}: ${found.length}`);
    for (const violation of found.slice(0, SHOWN_PER_RULE)) {
      const at = violation.t === null ? 'at the end' : `at ${seconds(violation.t - startMs)}`;
      lines.push(`  ${at}: ${violation.text}`, ...around(run, violation, startMs).map((line) => `      ${line}`));
    }
  }
  return lines.join('\n');
}

/** Events of the same client and channel, or of the same message, and the faults of that time. */
function around(run: RunRecord, violation: Violation, startMs: number): string[] {
  const { c, ch, id, t } = violation;
  const concerns = (event: ClientEvent) =>
    (id !== undefined && 'id' in event && event.id === id) ||
    (c !== undefined && event.c === c && (!('ch' in event) || event.ch === null || event.ch === ch));
  const near = run.events.filter((event) => concerns(event) && (t === null || Math.abs(event.t - t) <= AROUND_MS));
  const middle = t === null ? near.length : near.findIndex((event) => event.t >= t);
  const from = Math.max(0, middle - AROUND_EVENTS + 4);
  const lines = near
    .slice(from, from + AROUND_EVENTS)
    .map((event) =>
      `${seconds(event.t - startMs)} ${JSON.stringify({ ...event, t: undefined })}`.slice(0, MAX_EVENT_CHARS),
    );
  const faults = run.faults.filter(({ fromMs, toMs }) => t !== null && fromMs < t && toMs > t - 2 * AROUND_MS);
  for (const { detail, fromMs, toMs } of faults) {
    lines.push(`fault from ${seconds(fromMs - startMs)} to ${seconds(toMs - startMs)}: ${detail}`);
  }
  return lines;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function list(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${count} ${name}`).join(', ');
}
