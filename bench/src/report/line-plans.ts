import { METRICS, type MetricName } from '../metrics.js';
import { type Case, type ScenarioResult, spreadOf } from '../results.js';
import type { Line, LineChart, Point } from './line-chart.js';

interface LinePlan {
  readonly file: string;
  readonly scenario: string;
  readonly title: string;
  readonly x: { readonly metric: MetricName; readonly label: string; readonly log: boolean };
  readonly y: string;
  readonly digits: number;
  readonly lines: readonly LineSource[];
}

/** Where the points of a line come from: one a case, the median of its runs, or all of a case's series. */
interface LineSource {
  readonly label: string;
  readonly metric: MetricName;
  readonly cases: RegExp;
}

const SUBSCRIBERS = { metric: 'connections', label: 'subscribers of one channel', log: true } as const;
const CONNECTIONS = { metric: 'connections', label: 'connections', log: true } as const;
const CHANNELS = { metric: 'channels', label: 'channels of the same connections', log: true } as const;
const MESSAGES = { metric: 'tableMessages', label: 'messages in the table', log: true } as const;
const SECONDS = { metric: 'atSeconds', label: 'seconds', log: false } as const;
/** Of the two loads of a number of subscribers one, because both have the same memory. */
const JOINED = /subscribers, saturating/;
const READS = ['newest page', 'before_seq', 'cursor', 'after_seq', 'resume'];

const PLANS: readonly LinePlan[] = [
  {
    file: 'costs-subscribers.svg',
    scenario: 'costs',
    title: 'One channel: deliveries for a second of server processor time',
    x: SUBSCRIBERS,
    y: 'Deliveries a processor second, more is better',
    digits: 0,
    lines: [
      { label: 'saturating', metric: 'deliveriesPerCpuSecond', cases: JOINED },
      { label: 'at a fixed rate', metric: 'deliveriesPerCpuSecond', cases: /subscribers, \d+ deliveries/ },
    ],
  },
  {
    file: 'costs-channels.svg',
    scenario: 'costs',
    title: 'The same deliveries/s over more channels: deliveries for a processor second',
    x: CHANNELS,
    y: 'Deliveries a processor second, more is better',
    digits: 0,
    lines: [{ label: 'at a fixed rate', metric: 'deliveriesPerCpuSecond', cases: /channels,/ }],
  },
  memory('costs-memory-connections.svg', 'Memory as connections join one channel, MiB', CONNECTIONS, JOINED),
  memory('costs-memory-channels.svg', 'Memory of the same connections over more channels, MiB', CHANNELS, /channels,/),
  historyOf('hot channel', 'history-hot.svg', 'A channel with a tenth of all messages: p50 of a page, ms'),
  historyOf('long tail', 'history-tail.svg', 'Channels of the long tail: p50 of a page, ms'),
  soakOf('soak-memory.svg', 'Half load: memory, MiB', 'MiB', 1, [
    ['resident', 'rssMib'],
    ['live heap', 'heapMib'],
  ]),
  soakOf('soak-latency.svg', 'Half load: latency, ms', 'Milliseconds', 1, [
    ['p50', 'p50Ms'],
    ['p95', 'p95Ms'],
    ['p99', 'p99Ms'],
    ['event-loop delay, p99', 'loopDelayMs'],
  ]),
  soakOf('soak-handles.svg', 'Half load: what the process holds open', 'Number', 0, [
    ['open files', 'openFiles'],
    ['active resources', 'resources'],
  ]),
];

/** The line pictures that the results of a scenario allow, by file name. */
export function lineChartsOf(result: ScenarioResult): { readonly file: string; readonly chart: LineChart }[] {
  return PLANS.filter(({ scenario }) => scenario === result.scenario)
    .map(({ file, title, x, y, digits, lines }) => {
      const drawn = lines.map((source) => lineOf(result.cases, source, x.metric));
      const chart = {
        title,
        x: x.label,
        y,
        digits,
        logX: x.log,
        lines: drawn.filter(({ points }) => points.length > 1),
      };
      return { file, chart };
    })
    .filter(({ chart }) => chart.lines.length > 0);
}

function lineOf(cases: readonly Case[], { label, metric, cases: wanted }: LineSource, x: MetricName): Line {
  const points = cases
    .filter(({ name }) => wanted.test(name))
    .flatMap(({ runs, series }) => series ?? [{ [x]: median(runs, x), [metric]: median(runs, metric) }])
    .map((each) => ({ x: each[x], y: each[metric] }))
    .filter((point): point is Point => point.x !== undefined && point.y !== undefined);
  return { label, points: points.sort((a, b) => a.x - b.x) };
}

function median(runs: Case['runs'], metric: MetricName): number | undefined {
  return spreadOf(runs, metric)?.median;
}

function memory(file: string, title: string, x: LinePlan['x'], cases: RegExp): LinePlan {
  return {
    file,
    scenario: 'costs',
    title,
    x,
    y: 'MiB with garbage collected, less is better',
    digits: 0,
    lines: [
      { label: 'resident', metric: 'settledRssMib', cases },
      { label: 'live heap', metric: 'heapMib', cases },
    ],
  };
}

function historyOf(place: string, file: string, title: string): LinePlan {
  return {
    file,
    scenario: 'history',
    title,
    x: MESSAGES,
    y: METRICS.p50Ms.label,
    digits: METRICS.p50Ms.digits,
    lines: READS.map((read) => ({ label: read, metric: 'p50Ms', cases: new RegExp(`^${place}, ${read},`) })),
  };
}

function soakOf(
  file: string,
  title: string,
  y: string,
  digits: number,
  lines: readonly (readonly [label: string, metric: MetricName])[],
): LinePlan {
  const sources = lines.map(([label, metric]) => ({ label, metric, cases: /^half load$/ }));
  return { file, scenario: 'soak', title, x: SECONDS, y, digits, lines: sources };
}
