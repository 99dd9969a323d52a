/** `npm run bench`: how fast Hubbub is on this machine, beside what it is compared with. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFacts } from './machine/facts.js';
import { placement } from './machine/pin.js';
import { type BenchOptions, parseOptions, USAGE } from './options.js';
import { profile } from './profile/profile.js';
import { writePage } from './report/page.js';
import { RESULTS_FOLDER, Recorder, type ScenarioResult, writeResult } from './results.js';
import type { Scenario } from './scenarios/bench.js';
import { CONTENDERS, type Contender } from './scenarios/contenders.js';
import { room } from './scenarios/room.js';
import { Servers } from './systems/servers.js';

const started = performance.now();
const args = process.argv.slice(2);
// Everything temporary goes here, PostgreSQL's data too: nothing stays behind, even of an interrupted run.
const temporary = mkdtempSync(join(tmpdir(), 'hubbub-bench-'));
// PostgreSQL may run as another user, who has to get through to its own folder.
chmodSync(temporary, 0o711);
process.env.TMPDIR = temporary;
process.on('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 10 }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
if (args.includes('--help')) console.log(USAGE);
else process.exitCode = await main(args);

async function main(given: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseOptions(given);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  const folder = options.out ?? RESULTS_FOLDER;
  if (options.profile !== null) {
    console.log(await profile(options.profile, { quick: options.quick, folder, say: sayer(options.profile) }));
    return 0;
  }
  const results = await (options.quick ? runShort(options) : runAll(options));
  if (options.report) console.log(`Written: ${writePage(folder)}`);
  const wrong = results.filter(isWrong);
  if (wrong.length === 0) return 0;
  console.error(`Messages were lost, or came wrong, in: ${wrong.map(({ scenario }) => scenario).join(', ')}`);
  return 1;
}

/** Servers are made anew for each scenario, so that none inherits what another one has stored. */
async function runAll(options: BenchOptions): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    const work = (servers: Servers) => runScenario(scenario, servers, CONTENDERS, options);
    results.push(await inServers(new Servers(placement()), work));
  }
  return results;
}

/** Short runs measure nothing: they share their servers, wait for no disk, and what Hubbub is compared with shows once that it works. */
async function runShort(options: BenchOptions): Promise<ScenarioResult[]> {
  return await inServers(new Servers(placement(), {}, false), async (servers) => {
    const results: ScenarioResult[] = [];
    for (const scenario of options.scenarios) {
      const contenders = scenario === room ? CONTENDERS : (['hubbub'] as const);
      results.push(await runScenario(scenario, servers, contenders, options));
    }
    return results;
  });
}

async function inServers<T>(servers: Servers, work: (servers: Servers) => Promise<T>): Promise<T> {
  try {
    return await work(servers);
  } finally {
    await servers.stop();
  }
}

async function runScenario(
  scenario: Scenario,
  servers: Servers,
  contenders: readonly Contender[],
  { quick, rows, runs, out }: BenchOptions,
): Promise<ScenarioResult> {
  const recorder = new Recorder();
  const facts = readFacts();
  await scenario.run({ servers, recorder, quick, rows, runs, contenders, say: sayer(scenario) });
  const { name, description } = scenario;
  const result = { scenario: name, description, facts, quick, cases: recorder.cases };
  if (out !== null) writeResult(out, result);
  return result;
}

/** What the others lose under too much load is a result, and stands in their rows. */
function isWrong({ cases }: ScenarioResult): boolean {
  const own = cases.filter(({ system }) => system === 'hubbub');
  return own.some(({ runs }) => runs.some(({ lost = 0, faults = 0 }) => lost + faults > 0));
}

function sayer({ name }: Scenario): (text: string) => void {
  return (text) => console.log(`[${((performance.now() - started) / 1000).toFixed(1)}] ${name}: ${text}`);
}
