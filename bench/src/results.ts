import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Facts } from './machine/facts.js';
import type { Measurement, MetricName } from './metrics.js';
import type { SystemName } from './systems/system.js';

/** One thing that was measured, as often as it was run. */
export interface Case {
  readonly name: string;
  readonly system: SystemName;
  /** In order; the n-th runs of all systems of a case were made one right after the other. */
  readonly runs: Measurement[];
  /** How it went over time, in one run that was long. */
  readonly series?: readonly Measurement[];
  /** What belongs to it and is no figure. */
  readonly note?: string;
}

/** What a scenario has come to. */
export interface ScenarioResult {
  readonly scenario: string;
  /** What was done, for the reader. */
  readonly description: string;
  readonly facts: Facts;
  /** A short run that proves only that everything works. */
  readonly quick: boolean;
  readonly cases: readonly Case[];
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export const RESULTS_FOLDER = resolve(import.meta.dirname, '../results');

/** Collects runs by case. */
export class Recorder {
  readonly cases: Case[] = [];

  /** @param more of the case; that of its first run stays */
  add(name: string, system: SystemName, measurement: Measurement, more: Pick<Case, 'series' | 'note'> = {}): void {
    const known = this.cases.find((each) => each.name === name && each.system === system);
    if (known === undefined) this.cases.push({ name, system, runs: [measurement], ...more });
    else known.runs.push(measurement);
  }
}

/** @returns null when no run has measured it */
export function spreadOf(runs: readonly Measurement[], metric: MetricName): Spread | null {
  return spread(runs.map((run) => run[metric]).filter((value) => value !== undefined));
}

/**
 * Of a case, how many times as much as another system: one quotient for each pair of neighbouring runs, so that what
 * slows the machine down for a while slows both.
 */
export function ratioOf(cases: readonly Case[], name: string, over: SystemName, metric: MetricName): Spread | null {
  const own = cases.find((each) => each.name === name && each.system === 'hubbub');
  const other = cases.find((each) => each.name === name && each.system === over);
  const quotients = (own?.runs ?? []).map((run, index) => (run[metric] ?? 0) / (other?.runs[index]?.[metric] ?? 0));
  return spread(quotients.filter((value) => Number.isFinite(value) && value > 0));
}

function spread(values: readonly number[]): Spread | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [min, max, upper] = [sorted[0], sorted.at(-1), sorted[middle]];
  if (min === undefined || max === undefined || upper === undefined) return null;
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  return { min, median, max };
}

/** Writes one file a scenario. */
export function writeResult(folder: string, result: ScenarioResult): void {
  mkdirSync(folder, { recursive: true });
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);
  writeFileSync(join(folder, `${result.scenario}.json`), `${JSON.stringify(result, rounded, 2)}\n`);
}

export function readResults(folder: string): ScenarioResult[] {
  return filesOf(folder)
    .filter((name) => name.endsWith('.json') && !name.endsWith('.profile.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ScenarioResult);
}

/** Names of the files in a folder, sorted; none when there is no such folder. */
export function filesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}
