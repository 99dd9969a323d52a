import type { FaultRecord } from './events.js';
import { keyOf } from './key.js';
import { lagsOf } from './lags.js';
import { RunIndex } from './run-index.js';
import type { RunRecord } from './run-record.js';

/** A close that comes so soon after a reader reads again has waited for it. */
const THAW_MS = 1000;

/** The numbers of a run. */
export interface Figures {
  readonly messages: {
    readonly sent: number;
    readonly acked: number;
    readonly stored: number;
    /** Sent more than once. */
    readonly retried: number;
    /** Errors by code, over both ways. */
    readonly refused: Readonly<Record<string, number>>;
  };
  readonly deliveries: number;
  readonly connections: number;
  /** How often a reader stood still, and how often he had lost his connection by the time he read again. */
  readonly freezes: { readonly all: number; readonly lost: number };
  readonly closes: Readonly<Record<string, number>>;
  readonly resumes: Readonly<Record<'fresh' | 'from zero' | 'recovered' | 'too far behind', number>>;
  /** What moderators did to others, by kind, as the audit trail has it. */
  readonly moderation: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** How often the machine had no time for the run. */
  readonly stalls: number;
  /** Longest waits while such a fault was there, in milliseconds; `none`: while nothing was broken. */
  readonly longestMs: Readonly<Record<string, Pause>>;
  readonly rssMebibytes: readonly number[];
}

interface Pause {
  /** From the first send of a message to its acknowledgement. */
  ack: number;
  /** From the first one who had a message to the last one who got it, connections that were lost included. */
  delivery: number;
}

/** Counts what is in a run's record. */
export function figuresOf(run: RunRecord): Figures {
  const index = new RunIndex(run);
  const refused: Record<string, number> = {};
  const closes: Record<string, number> = {};
  const resumes = { fresh: 0, 'from zero': 0, recovered: 0, 'too far behind': 0 };
  let deliveries = 0;
  let connections = 0;
  const freezes = { all: 0, lost: 0 };
  /** When each client last read again. */
  const thawedAtMs = new Map<number, number>();
  for (const event of run.events) {
    if (event.k === 'got') deliveries++;
    else if (event.k === 'open') connections++;
    else if (event.k === 'freeze') freezes.all++;
    else if (event.k === 'thaw') thawedAtMs.set(event.c, event.t);
    else if (event.k === 'close') {
      count(closes, String(event.code));
      const sinceMs = event.t - (thawedAtMs.get(event.c) ?? Number.NEGATIVE_INFINITY);
      if (!event.own && sinceMs < THAW_MS) freezes.lost++;
    } else if (event.k === 'err') count(refused, event.code === '' ? 'no answer' : event.code);
    else if (event.k === 'sub') {
      if (event.asked === null) resumes.fresh++;
      else if (!event.recovered) resumes['too far behind']++;
      else resumes[event.asked === 0 ? 'from zero' : 'recovered']++;
    }
  }
  const stories = [...index.stories.values()];
  const faults: Record<string, number> = {};
  for (const { kind } of run.faults) count(faults, kind);
  const moderation: Record<string, number> = {};
  for (const { kind } of run.stored.actions) count(moderation, kind);
  return {
    messages: {
      sent: stories.length,
      acked: stories.filter(({ ackedAtMs }) => ackedAtMs !== null).length,
      stored: run.stored.messages.length,
      retried: stories.filter(({ sends }) => sends.length > 1).length,
      refused,
    },
    deliveries,
    connections,
    freezes,
    closes,
    resumes,
    moderation,
    faults,
    stalls: run.stalls.length,
    longestMs: longestPauses(index),
    rssMebibytes: run.rssBytes.map((bytes) => Math.round(bytes / 1024 / 1024)),
  };
}

/** A pause counts for every kind of fault that was there in it. */
function longestPauses(index: RunIndex): Record<string, Pause> {
  const longest: Record<string, Pause> = {};
  const note = (key: keyof Pause, fromMs: number, toMs: number) => {
    for (const kind of kindsDuring(index.run.faults, fromMs, toMs)) {
      const pause = longest[kind] ?? { ack: 0, delivery: 0 };
      pause[key] = Math.max(pause[key], Math.round(toMs - fromMs));
      longest[kind] = pause;
    }
  };
  const away = absences(index);
  for (const { c, ch, sends, ackedAtMs } of index.stories.values()) {
    const from = sends[0]?.t;
    if (from === undefined || ackedAtMs === null) continue;
    // He who goes away by himself while he waits does not wait for the server.
    const gone = away.get(keyOf(c, ch))?.some((t) => t > from && t < ackedAtMs) ?? false;
    if (!gone) note('ack', from, ackedAtMs);
  }
  for (const { fromMs, toMs } of lagsOf(index, true)) note('delivery', fromMs, toMs);
  return longest;
}

/** When each client stood still or left, by client and channel. */
function absences(index: RunIndex): Map<string, number[]> {
  const away = new Map<string, number[]>();
  const channels = new Map<number, Set<number>>();
  const add = (c: number, ch: number, t: number) => away.set(keyOf(c, ch), [...(away.get(keyOf(c, ch)) ?? []), t]);
  for (const event of index.run.events) {
    if (event.k === 'sub') channels.set(event.c, (channels.get(event.c) ?? new Set()).add(event.ch));
    else if (event.k === 'leave') add(event.c, event.ch, event.t);
    else if (event.k === 'freeze' || (event.k === 'close' && event.own)) {
      for (const ch of channels.get(event.c) ?? []) add(event.c, ch, event.t);
    }
  }
  return away;
}

function kindsDuring(faults: readonly FaultRecord[], fromMs: number, toMs: number): Set<string> {
  const kinds = new Set<string>();
  for (const fault of faults) if (fault.fromMs < toMs && fault.toMs > fromMs) kinds.add(fault.kind);
  if (kinds.size === 0) kinds.add('none');
  return kinds;
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
