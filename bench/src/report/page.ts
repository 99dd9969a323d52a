/** Makes docs/performance.md and its pictures of the results. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Facts } from '../machine/facts.js';
import { METRICS, type MetricName } from '../metrics.js';
import { type ProfileSummary, readProfiles } from '../profile/summary.js';
import { RESULTS_FOLDER, ratioOf, readResults, type ScenarioResult, spreadOf } from '../results.js';
import { SCENARIOS } from '../scenarios/index.js';
import { barChart } from './bar-chart.js';
import { chartsOf, withThousands } from './charts.js';
import { formatMetric, formatNumber, formatSpread, SYSTEM_LABELS } from './format.js';
import { goalRows } from './goals.js';
import { growthOverTime, growthWithMessages } from './growth-table.js';
import { lineChart } from './line-chart.js';
import { lineChartsOf } from './line-plans.js';
import { table } from './table.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const DOCS = join(ROOT, 'docs');
const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
const PICTURES = 'performance';

/** @param folder of the results @returns the path of the page */
export function writePage(folder: string): string {
  const found = readResults(folder);
  const results = SCENARIOS.flatMap(({ name }) => found.filter(({ scenario }) => scenario === name));
  mkdirSync(join(DOCS, PICTURES), { recursive: true });
  const pictures = new Map<string, string>();
  for (const result of results) {
    const drawn = [
      ...chartsOf(result).map(({ file, chart }) => ({ file, title: chart.title, svg: barChart(chart) })),
      ...lineChartsOf(result).map(({ file, chart }) => ({ file, title: chart.title, svg: lineChart(chart) })),
    ];
    for (const { file, svg } of drawn) writeFileSync(join(DOCS, PICTURES, file), svg);
    pictures.set(result.scenario, drawn.map(({ file, title }) => `![${title}](${PICTURES}/${file})\n`).join('\n'));
  }
  const path = join(DOCS, 'performance.md');
  const sections = results.map((result) => section(result, pictures.get(result.scenario) ?? ''));
  writeFileSync(path, `${[intro(results), goals(results), profiles(readProfiles(folder)), ...sections].join('\n')}`);
  // Results elsewhere are nobody's business but their maker's.
  format(folder === RESULTS_FOLDER ? [DOCS, folder] : [DOCS]);
  return path;
}

/** As everything else in the repository is. */
function format(paths: readonly string[]): void {
  execFileSync(process.execPath, [BIOME, 'format', '--write', ...paths], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function intro(results: readonly ScenarioResult[]): string {
  const facts = results[0]?.facts;
  if (facts === undefined) return '# Performance\n\nNothing has been measured yet: `npm run bench`.\n';
  const quick = results.some((result) => result.quick)
    ? '\n**Some of these figures are of short runs, which show only that everything works.**\n'
    : '';
  const versions = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`);
  return `# Performance

This page is made by \`npm run bench\`, and \`npm run bench -- --report\`. The figures are in \`bench/results\`.
${quick}
- Latencies run from before the send to after the receipt, in the generator, for sampled messages of all clients.
- Every client follows the sequence of its channels: a message that is lost, doubled or out of order counts as a fault.
- A cell is the median of the runs, and the smallest and largest run in brackets. Runs of what is compared alternate (A B A B);
  a ratio is the median of the ratios of neighbouring runs.
- Hubbub runs as in production: JWT (ES256) checked, rate limits on (in Redis), messages validated and committed to
  PostgreSQL with \`fsync\` and \`synchronous_commit\` on, then published over Redis. What it is compared with does none of that:
  **raw ws** parses a message, makes one frame of it, and writes it to all sockets, once a tick; **Socket.IO** emits to a room
  through its Redis adapter.
- The server has one processor for itself, where two are there; PostgreSQL, Redis and the generator share the others.
- All messages have the same fields and 64 characters of content: about 360 bytes a frame.

${machine(facts)} Versions: ${versions.join(', ')}.

| scenario | commit | made at | load average before |
| --- | --- | --- | --- |
${results.map(({ scenario, facts: { commit, at, loadAverage } }) => `| ${scenario} | \`${commit}\` | ${at} | ${loadAverage.toFixed(2)} |`).join('\n')}
`;
}

function machine({ processor, processors, memoryGib, system }: Facts): string {
  return `The machine: ${processors} × ${processor}, ${memoryGib} GiB, ${system}. Generator and server share it, over loopback.`;
}

function goals(results: readonly ScenarioResult[]): string {
  return `## What was to be reached

${table(['goal', 'limit', 'measured', '', 'processors busy'], goalRows(results))}
`;
}

function profiles(summaries: readonly ProfileSummary[]): string {
  const tables = summaries.map(({ scenario, functions, facts }) => {
    const rows = functions.map(({ name, where, share }) => [`\`${name}\``, where, `${formatNumber(share * 100, 1)} %`]);
    return `The server's own time in *${scenario}*, by function (commit \`${facts.commit}\`):\n\n${table(['function', 'where', 'self time'], rows)}\n`;
  });
  return `## Where the time goes

\`npm run bench -- --profile room\` runs a scenario with \`--cpu-prof\`, leaves a \`.cpuprofile\` in \`bench/results\` and prints
this table. For a flame graph open the file in the Performance panel of Chrome's developer tools ("Load profile"), in VS Code,
or at speedscope.app. The profile covers the connecting as well. \`writeBuffer\` and \`writev\` are the system calls by which frames leave:
over loopback each does the receiver's half of TCP, too ([decision 18](decisions/0018-writing-in-slices.md)).

${tables.join('\n')}`;
}

function section(result: ScenarioResult, pictures: string): string {
  const { scenario, description, cases } = result;
  const metrics = (Object.keys(METRICS) as MetricName[]).filter((metric) =>
    cases.some(({ runs }) => runs.some((run) => run[metric] !== undefined)),
  );
  const rows = cases.map(({ name, system, runs }) => [
    withThousands(name),
    SYSTEM_LABELS[system],
    ...metrics.map((metric) => formatMetric(spreadOf(runs, metric), metric)),
  ]);
  const head = ['case', 'system', ...metrics.map((metric) => METRICS[metric].label)];
  return `## ${scenario}

${withThousands(description)}

${[pictures, table(head, rows), ratios(result), growthOverTime(result), growthWithMessages(result)].filter((part) => part !== '').join('\n')}
`;
}

/** How many times the deliveries of the others, where all do as much as they can. */
function ratios({ cases }: ScenarioResult): string {
  const names = [...new Set(cases.map(({ name }) => name))].filter((name) => name.includes('saturating'));
  const rows = names
    .map((name) => {
      const over = (system: 'raw ws' | 'socket.io') => ratioOf(cases, name, system, 'deliveriesPerSecond');
      const [raw, socketIo] = [over('raw ws'), over('socket.io')];
      return [name, raw === null ? '' : formatSpread(raw, 2), socketIo === null ? '' : formatSpread(socketIo, 1)];
    })
    .filter(([, raw]) => raw !== '');
  if (rows.length === 0) return '';
  return `\n${table(
    ['Hubbub over', 'raw ws', 'Socket.IO'],
    rows.map(([name = '', ...rest]) => [withThousands(name), ...rest]),
  )}`;
}
