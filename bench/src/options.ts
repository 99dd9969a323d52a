import { parseArgs } from 'node:util';
import { RESULTS_FOLDER } from './results.js';
import type { Scenario } from './scenarios/bench.js';
import { SCENARIOS } from './scenarios/index.js';

export interface BenchOptions {
  /** Empty only together with `report`. */
  readonly scenarios: readonly Scenario[];
  readonly runs: number;
  readonly quick: boolean;
  /** Messages that `retention` makes; null: as many as it says. */
  readonly rows: number | null;
  /** Makes the page of what is in the results' folder, after the scenarios that were named. */
  readonly report: boolean;
  /** Folder of the results; null: they are only printed. */
  readonly out: string | null;
  /** A scenario of which a processor profile of the server is made, instead of figures. */
  readonly profile: Scenario | null;
}

const NAMES = SCENARIOS.map(({ name }) => name).join(', ');

export const USAGE = `npm run bench -- [scenario ...] [options]

  scenario       ${NAMES} (all)
  --runs N       how often each is run (3); A B A B, never A A B B
  --rows N       messages in the table of retention (1000000)
  --quick        a few seconds each and small: shows that everything works, not how fast; nothing is written
  --out FOLDER   where the results go (bench/results)
  --report       makes docs/performance.md of the results; without a scenario nothing is run
  --profile NAME runs a scenario once with a profile of the server's processor time`;

/** @throws an error with a sentence when an argument cannot be used */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      rows: { type: 'string' },
      quick: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      out: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const { quick, report } = values;
  const runs = values.runs === undefined ? (quick ? 1 : 3) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs: found ${values.runs}, allowed is a number from 1`);
  const rows = values.rows === undefined ? null : Number(values.rows);
  // Dealt to a hot channel and to others of a thousand each.
  if (rows !== null && (!Number.isInteger(rows) || rows < 10_000 || rows % 10_000 !== 0)) {
    throw new Error(`--rows: found ${values.rows}, allowed is a multiple of 10000`);
  }
  const named = positionals.map(scenarioOf);
  return {
    scenarios: named.length === 0 && !report ? SCENARIOS : named,
    runs,
    quick,
    rows,
    report,
    out: values.out ?? (quick ? null : RESULTS_FOLDER),
    profile: values.profile === undefined ? null : scenarioOf(values.profile),
  };
}

function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`scenario: found ${name}, allowed are ${NAMES}`);
  return found;
}
