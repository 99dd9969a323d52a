/** `npm run torture`: proves, or disproves, that an accepted message is never lost, doubled or out of order. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { check } from './checker.js';
import { clockMs } from './events.js';
import { figuresOf } from './figures.js';
import { parseOptions, type TortureOptions, USAGE } from './options.js';
import { describeFigures, describeViolations } from './report.js';
import type { RunRecord } from './run-record.js';
import { describeFault, planFaults } from './schedule.js';
import { torture } from './torture.js';

const SERVER_MAIN = resolve(import.meta.dirname, '../../../server/dist/main.js');

const args = process.argv.slice(2);
if (args.includes('--help')) console.log(USAGE);
else process.exitCode = await main(args);

async function main(given: readonly string[]): Promise<number> {
  let options: TortureOptions;
  try {
    options = parseOptions(given);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  const { seed, instances, clients, channels, runMs } = options;
  console.log(`seed ${seed}: ${instances} instances, ${clients} clients, ${channels} channels, ${runMs / 1000} s`);
  for (const fault of planFaults(options)) console.log(describeFault(fault));
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-torture-'));
  const startedAtMs = clockMs();
  const say = (line: string) => console.log(`[${((clockMs() - startedAtMs) / 1000).toFixed(1)}] ${line}`);
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort());
  const context = { main: options.main ?? SERVER_MAIN, folder, say, signal: interruption.signal };
  try {
    return tell(options, await torture(options, context), folder);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    console.log(`Interrupted. The logs are in ${folder}`);
    // What still waits for its time would hold up the end.
    process.exit(130);
  }
}

/** Says what came of a run. @returns the exit code */
function tell(options: TortureOptions, run: RunRecord, folder: string): number {
  const violations = check(run);
  const figures = figuresOf(run);
  console.log(`\n${describeFigures(figures)}\n`);
  const pass = violations.length === 0;
  if (options.json !== null) {
    const summary = { verdict: pass ? 'PASS' : 'FAIL', options, figures, violations, folder: pass ? null : folder };
    writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  }
  if (pass) rmSync(folder, { recursive: true, force: true });
  else console.log(`${describeViolations(run, violations)}\n\nThe logs are in ${folder}`);
  console.log(`${pass ? 'PASS' : 'FAIL'}: ${violations.length} violations, seed ${options.seed}`);
  return pass ? 0 : 1;
}
