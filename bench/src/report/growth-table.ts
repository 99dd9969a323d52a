/** What a page says on growth: over time, and with the number of messages. */
import { growthOf, SETTLING_PART } from '../growth.js';
import { METRICS, type MetricName } from '../metrics.js';
import { type Case, type ScenarioResult, spreadOf } from '../results.js';
import { withThousands } from './charts.js';
import { formatNumber } from './format.js';
import { table } from './table.js';

const WATCHED = ['rssMib', 'heapMib', 'openFiles', 'resources', 'p50Ms', 'p99Ms', 'loopDelayMs'] as const;

/** @returns Markdown; the empty string when nothing went on for long */
export function growthOverTime({ cases }: ScenarioResult): string {
  const series = cases.find((each) => each.series !== undefined)?.series;
  if (series === undefined) return '';
  const rows = WATCHED.map((metric) => verdict(series, metric));
  return `\nGrowth by the straight line that fits best, the first ${formatNumber(SETTLING_PART * 100, 0)} % of the time left out, with its standard error. It grows where
that is more than two errors above zero.

${table(['', 'an hour', 'verdict'], rows)}`;
}

function verdict(series: NonNullable<Case['series']>, metric: MetricName): string[] {
  const { label, digits } = METRICS[metric];
  const growth = growthOf(series, metric);
  if (growth === null) return [label, '', 'too few points'];
  const shown = Math.max(2, digits);
  const amount = `${formatNumber(growth.perHour, shown)} ± ${formatNumber(growth.error, shown)}`;
  return [label, amount, growth.grows ? '**grows**' : 'no growth'];
}

/** How many times as long everything takes in the largest table as in the smallest. @returns Markdown, or nothing */
export function growthWithMessages({ cases }: ScenarioResult): string {
  const sizes = [...new Set(cases.map(sizeOf))].filter((size) => size > 0).sort((a, b) => a - b);
  const [small, large] = [sizes[0], sizes.at(-1)];
  if (small === undefined || large === undefined || small === large) return '';
  const rows = cases
    .filter((each) => sizeOf(each) === large)
    .flatMap((of) => {
      const title = of.name.replace(`, of ${large}`, '');
      const base = cases.find(({ name }) => name === `${title}, of ${small}`);
      return base === undefined
        ? []
        : [[title, quotient(of, base, 'p50Ms'), quotient(of, base, 'blocks'), of.note ?? '']];
    });
  return `\n${withThousands(`${large} messages over ${small}`)}, and how PostgreSQL reads the larger table:

${table(['', 'p50', 'blocks', `the statement, of ${withThousands(String(large))}`], rows)}`;
}

function sizeOf({ runs }: Case): number {
  return runs[0]?.tableMessages ?? 0;
}

function quotient(of: Case, base: Case, metric: MetricName): string {
  const [over, under] = [of, base].map(({ runs }) => spreadOf(runs, metric)?.median ?? 0);
  return under === undefined || under === 0 ? '' : `${formatNumber((over ?? 0) / under, 2)} ×`;
}
