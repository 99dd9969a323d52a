import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readFacts } from '../machine/facts.js';
import { placement } from '../machine/pin.js';
import { filesOf, Recorder } from '../results.js';
import type { Scenario } from '../scenarios/bench.js';
import { Servers } from '../systems/servers.js';
import { summarize } from './summary.js';

const ROOT = resolve(import.meta.dirname, '../../..');

interface ProfileOptions {
  readonly quick: boolean;
  /** Where the profiles and their summary go. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

/**
 * Runs a scenario once, Hubbub alone, with V8's sampling profiler in every instance. Leaves one `.cpuprofile` an instance
 * in `folder`, and one summary of all.
 *
 * @returns the summary as text
 */
export async function profile(scenario: Scenario, { quick, folder, say }: ProfileOptions): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const facts = readFacts();
  const hubbubEnv = { NODE_OPTIONS: `--cpu-prof "--cpu-prof-dir=${folder}"` };
  const before = new Set(profilesIn(folder));
  const servers = new Servers(placement(), hubbubEnv);
  try {
    await scenario.run({ servers, recorder: new Recorder(), quick, rows: null, runs: 1, contenders: ['hubbub'], say });
  } finally {
    await servers.stop();
  }
  const paths = profilesIn(folder)
    .filter((name) => !before.has(name))
    .map((name, index) => {
      const path = join(folder, `${scenario.name}-${index + 1}.cpuprofile`);
      renameSync(join(folder, name), path);
      return path;
    });
  const functions = summarize(
    paths.map((path) => readFileSync(path, 'utf8')),
    ROOT,
  );
  const summary = { scenario: scenario.name, facts, functions };
  writeFileSync(join(folder, `${scenario.name}.profile.json`), `${JSON.stringify(summary, null, 2)}\n`);
  const lines = functions.map(
    ({ name, where, share }) => `${(share * 100).toFixed(1).padStart(5)} %  ${name}  ${where}`,
  );
  return [...paths, '', 'Self time of the busy processor:', ...lines].join('\n');
}

function profilesIn(folder: string): string[] {
  return filesOf(folder).filter((name) => name.startsWith('CPU.') && name.endsWith('.cpuprofile'));
}
