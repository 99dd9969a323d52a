import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts } from '../machine/facts.js';
import { filesOf } from '../results.js';

/** Self time by function, the largest first. */
export interface ProfileSummary {
  readonly scenario: string;
  readonly facts: Facts;
  readonly functions: readonly FunctionTime[];
}

export interface FunctionTime {
  readonly name: string;
  /** File and line, from the root of the workspace on. */
  readonly where: string;
  /** Of the time in which the processor was busy. */
  readonly share: number;
}

/** What V8 writes: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds from the sample before. */
  readonly timeDeltas: readonly number[];
}

const SHOWN = 25;

/** @param texts of `.cpuprofile` files, whose times are added up @param root of the workspace */
export function summarize(texts: readonly string[], root: string): FunctionTime[] {
  const times = new Map<string, number>();
  let busy = 0;
  for (const text of texts) {
    const { nodes, samples, timeDeltas } = JSON.parse(text) as CpuProfile;
    const keys = new Map(nodes.map(({ id, callFrame }) => [id, keyOf(callFrame, root)]));
    for (const [index, id] of samples.entries()) {
      const key = keys.get(id) ?? '';
      const time = timeDeltas[index] ?? 0;
      if (key.startsWith('(idle)')) continue;
      busy += time;
      times.set(key, (times.get(key) ?? 0) + time);
    }
  }
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([key, time]) => {
      const [name = '', where = ''] = key.split('\t');
      return { name, where, share: time / busy };
    });
}

export function readProfiles(folder: string): ProfileSummary[] {
  return filesOf(folder)
    .filter((name) => name.endsWith('.profile.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProfileSummary);
}

function keyOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame'], root: string): string {
  const path = url.replace('file://', '').replace(`${root}/`, '');
  return `${functionName === '' ? '(anonymous)' : functionName}\t${path === '' ? '' : `${path}:${lineNumber + 1}`}`;
}
