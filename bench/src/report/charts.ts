import type { MetricName } from '../metrics.js';
import { type Case, type ScenarioResult, spreadOf } from '../results.js';
import type { Bar, BarChart, BarGroup } from './bar-chart.js';

interface ChartPlan {
  readonly file: string;
  readonly scenario: string;
  readonly title: string;
  readonly unit: string;
  readonly metric: MetricName;
  readonly digits: number;
  /** Which cases, one group each. */
  readonly cases: RegExp;
}

const PLANS: readonly ChartPlan[] = [
  {
    file: 'room-throughput.svg',
    scenario: 'room',
    title: 'One channel, as much as goes: deliveries a second',
    unit: 'Deliveries a second, more is better',
    metric: 'deliveriesPerSecond',
    digits: 0,
    cases: /saturating/,
  },
  {
    file: 'room-latency.svg',
    scenario: 'room',
    title: 'One channel at a fixed rate: p99 from send to receipt, ms',
    unit: 'Milliseconds, less is better',
    metric: 'p99Ms',
    digits: 1,
    cases: /deliveries\/s/,
  },
  {
    file: 'rooms-throughput.svg',
    scenario: 'rooms',
    title: 'Many channels, as much as goes: deliveries a second',
    unit: 'Deliveries a second, more is better',
    metric: 'deliveriesPerSecond',
    digits: 0,
    cases: /saturating/,
  },
  {
    file: 'crowd-memory.svg',
    scenario: 'crowd',
    title: 'Memory of a joined connection, KiB',
    unit: 'KiB, less is better',
    metric: 'kibPerConnection',
    digits: 1,
    cases: /./,
  },
  {
    file: 'lone-latency.svg',
    scenario: 'lone',
    title: 'One sender, one receiver: p50 from send to receipt, ms',
    unit: 'Milliseconds, less is better',
    metric: 'p50Ms',
    digits: 2,
    cases: /./,
  },
];

/** The pictures that the results of a scenario allow, by file name. */
export function chartsOf({ scenario, cases }: ScenarioResult): { readonly file: string; readonly chart: BarChart }[] {
  return PLANS.filter((plan) => plan.scenario === scenario)
    .map(({ file, title, unit, digits, metric, cases: wanted }) => {
      const groups = groupsOf(
        cases.filter(({ name }) => wanted.test(name)),
        metric,
      );
      return { file, chart: { title, unit, digits, groups } };
    })
    .filter(({ chart }) => chart.groups.length > 0);
}

function groupsOf(cases: readonly Case[], metric: MetricName): BarGroup[] {
  const groups = new Map<string, Bar[]>();
  for (const { name, system, runs } of cases) {
    const spread = spreadOf(runs, metric);
    if (spread === null) continue;
    const bars = groups.get(name) ?? [];
    bars.push({ system, spread });
    groups.set(name, bars);
  }
  return [...groups].map(([name, bars]) => ({ label: withThousands(name), bars }));
}

/** Numbers in the names of cases, set apart for the reader. */
export function withThousands(text: string): string {
  return text.replaceAll(/\d{4,}/g, (digits) => Number(digits).toLocaleString('en-US'));
}
