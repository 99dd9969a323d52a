import { Random } from './random.js';

/** Every way in which a run can be hurt. `redis-*` and `pg-*` hit the servers or an instance's link to them. */
export const FAULT_KINDS = [
  'kill',
  'stop',
  'drain',
  'redis-restart',
  'redis-hole',
  'redis-delay',
  'redis-cut',
  'redis-kill-pubsub',
  'redis-kill-normal',
  'redis-oom',
  'pg-kill',
  'pg-restart',
  'pg-terminate',
  'pg-readonly',
  'pg-hole',
  'pg-delay',
  'pg-cut',
  'link-cut',
  'link-hole',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** When it begins, in milliseconds from the start of the run. */
  readonly atMs: number;
  /** How long what it breaks stays broken, in milliseconds; 0 for what happens at once. */
  readonly lastsMs: number;
  /** The instance whose process or link is hit; null: all of them. Without meaning for faults of the servers. */
  readonly instance: number | null;
  /** Held-back time of a delay in milliseconds, or the share of links that are cut. */
  readonly amount: number;
}

interface Shape {
  /** Shortest and longest {@link PlannedFault.lastsMs}. */
  readonly lastsMs: readonly [number, number];
  readonly amount?: readonly [number, number];
  /** Chance that it hits all instances at once. */
  readonly all?: number;
}

const SHAPES: Readonly<Record<FaultKind, Shape>> = {
  kill: { lastsMs: [200, 3000] },
  stop: { lastsMs: [300, 5000] },
  drain: { lastsMs: [0, 1000] },
  'redis-restart': { lastsMs: [1000, 10_000] },
  'redis-hole': { lastsMs: [500, 6000], all: 0.3 },
  'redis-delay': { lastsMs: [1000, 6000], amount: [20, 800], all: 0.5 },
  'redis-cut': { lastsMs: [0, 4000], all: 0.2 },
  'redis-kill-pubsub': { lastsMs: [0, 0] },
  'redis-kill-normal': { lastsMs: [0, 0] },
  'redis-oom': { lastsMs: [1000, 5000] },
  'pg-kill': { lastsMs: [0, 2000] },
  'pg-restart': { lastsMs: [0, 0] },
  'pg-terminate': { lastsMs: [0, 0] },
  'pg-readonly': { lastsMs: [500, 4000] },
  'pg-hole': { lastsMs: [500, 18_000], all: 0.3 },
  'pg-delay': { lastsMs: [1000, 6000], amount: [20, 500], all: 0.5 },
  'pg-cut': { lastsMs: [0, 2500], all: 0.3 },
  'link-cut': { lastsMs: [0, 0], amount: [10, 100] },
  'link-hole': { lastsMs: [1000, 6000] },
};

/** A storm: faults follow each other so closely, in milliseconds on average; in a short run closer. */
const MEAN_PAUSE_MS = 1200;
/** No fault lasts longer than this part of a run. */
const LONGEST_SHARE = 1 / 12;
/** A run that is shorter, in milliseconds, has one storm alone, of this part of its time, in which each kind has its turn. */
const SHORT_RUN_MS = 45_000;
const STORM_SHARE = 0.65;
const STORM_MS: readonly [number, number] = [8000, 15_000];
const CALM_MS: readonly [number, number] = [10_000, 13_000];
/** Chance that a fault waits for the one before to be over, so that not all overlap. */
const ALONE_CHANCE = 0.2;
/** At the end of a run nothing is broken any more, for so long. */
const QUIET_END_MS = 4000;

export interface ScheduleOptions {
  readonly seed: number;
  readonly runMs: number;
  readonly instances: number;
  /** Kinds that come up. */
  readonly faults: readonly FaultKind[];
}

/** Storms of faults with calm phases between them; the kinds come in turn, shuffled. The same for the same options. */
export function planFaults({ seed, runMs, instances, faults: kinds }: ScheduleOptions): PlannedFault[] {
  const random = new Random(seed).fork(1);
  const faults: PlannedFault[] = [];
  if (kinds.length === 0) return faults;
  const lastMs = runMs - QUIET_END_MS;
  const short = runMs < SHORT_RUN_MS;
  const meanPauseMs = short ? (runMs * STORM_SHARE) / kinds.length / 2 : MEAN_PAUSE_MS;
  let deck: FaultKind[] = [];
  let atMs = 1000;
  while (atMs < lastMs) {
    const stormMs = short ? runMs * STORM_SHARE : random.int(...STORM_MS);
    const stormEndMs = Math.min(atMs + stormMs, lastMs);
    let endMs = atMs;
    while (atMs < stormEndMs) {
      if (deck.length === 0) deck = random.shuffle(kinds);
      const kind = deck.pop();
      if (kind === undefined) break;
      const fault = plan(kind, atMs, Math.min(stormEndMs - atMs, runMs * LONGEST_SHARE), instances, random);
      faults.push(fault);
      endMs = Math.max(endMs, fault.atMs + fault.lastsMs);
      atMs = random.chance(ALONE_CHANCE) ? endMs + 100 : atMs + Math.round(random.wait(meanPauseMs));
    }
    atMs = Math.max(atMs, endMs) + random.int(...CALM_MS);
  }
  return faults;
}

/** @param longestMs what it should not exceed, if it can be so short */
function plan(kind: FaultKind, atMs: number, longestMs: number, instances: number, random: Random): PlannedFault {
  const { lastsMs, amount = [0, 0], all = 0 } = SHAPES[kind];
  return {
    kind,
    atMs,
    lastsMs: Math.round(Math.min(random.int(...lastsMs), Math.max(lastsMs[0], longestMs))),
    instance: random.chance(all) ? null : random.int(0, instances - 1),
    amount: random.int(...amount),
  };
}

/** The kinds that names stand for: a kind itself, or the word before its dash (`redis`, `pg`, `link`). */
export function kindsOf(names: readonly string[]): FaultKind[] {
  const chosen = new Set<FaultKind>();
  for (const name of names) {
    const kinds = FAULT_KINDS.filter((kind) => kind === name || kind.startsWith(`${name}-`));
    if (kinds.length === 0) throw new Error(`There is no fault "${name}"; there are ${FAULT_KINDS.join(', ')}`);
    for (const kind of kinds) chosen.add(kind);
  }
  return [...chosen];
}

/** One line for the schedule's printout. */
export function describeFault({ kind, atMs, lastsMs, instance, amount }: PlannedFault): string {
  const parts = [`${(atMs / 1000).toFixed(1).padStart(6)} s  ${kind}`];
  const ofInstance = /^(kill|stop|drain|link-.*|(redis|pg)-(hole|delay|cut))$/.test(kind);
  if (ofInstance) parts.push(instance === null ? 'all instances' : `instance ${instance}`);
  if (kind.endsWith('-delay')) parts.push(`by ${amount} ms`);
  if (kind === 'link-cut') parts.push(`${amount} %`);
  if (lastsMs > 0) parts.push(`for ${(lastsMs / 1000).toFixed(1)} s`);
  return parts.join(', ');
}
