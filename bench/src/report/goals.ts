import type { MetricName } from '../metrics.js';
import { ratioOf, type ScenarioResult, type Spread, spreadOf } from '../results.js';
import type { SystemName } from '../systems/system.js';
import { formatNumber, formatSpread } from './format.js';

/** What was set out to be reached, and what was. */
interface Goal {
  readonly text: string;
  readonly limit: number;
  /** `least`: the limit or more; `below`: less than it. */
  readonly sense: 'least' | 'below';
  readonly unit: string;
  readonly digits: number;
  /** The case that it is about, of the scenario of the same name. */
  readonly scenario: string;
  readonly case: string;
  readonly metric: MetricName;
  /** A quotient over this system; absent: the figure itself. */
  readonly over?: SystemName;
}

const SATURATING = '1000 subscribers, saturating';
const MILLION = '1000 subscribers, 1000000 deliveries/s';

const GOALS: readonly Goal[] = [
  ratio('Room of 1,000, saturating: at least 0.8 of the raw baseline', 0.8, 'raw ws'),
  ratio('Room of 1,000, saturating: at least 8 times Socket.IO', 8, 'socket.io'),
  goal(
    'Room of 1,000 at 1,000,000 deliveries/s: the rate is kept',
    'room',
    MILLION,
    'deliveriesPerSecond',
    990_000,
    '',
    'least',
  ),
  goal('Room of 1,000 at 1,000,000 deliveries/s: p99', 'room', MILLION, 'p99Ms', 15, 'ms'),
  goal('Journal: 10,000 messages/s are taken', 'journal', '10000 messages/s', 'messagesPerSecond', 9900, '', 'least'),
  goal('Journal at 10,000 messages/s: p95', 'journal', '10000 messages/s', 'p95Ms', 50, 'ms'),
  goal('Journal at 10,000 messages/s: messages lost', 'journal', '10000 messages/s', 'lost', 1, ''),
  goal('Journal at 10,000 messages/s: messages refused', 'journal', '10000 messages/s', 'refused', 1, ''),
  goal(
    'Crowd of 19,000: a joined connection',
    'crowd',
    '19000 connections, one process',
    'kibPerConnection',
    10,
    'KiB',
  ),
  goal('Storm of 19,000: everyone is current', 'storm', '19000 connections', 'currentSeconds', 15, 's'),
  goal('Lone, with PostgreSQL and Redis: p50', 'lone', 'PostgreSQL and Redis, back to back', 'p50Ms', 2, 'ms'),
  goal('Embedded: first start', 'embedded', 'first start', 'startSeconds', 4, 's'),
  goal('Embedded: later start', 'embedded', 'later start', 'startSeconds', 1, 's'),
  goal('Embedded: memory after the first start', 'embedded', 'first start', 'rssMib', 350, 'MiB'),
  goal('Embedded: memory after a later start', 'embedded', 'later start', 'rssMib', 350, 'MiB'),
];

/** The rows of a table: goal, measured, reached or by how much not, where the processor time went. */
export function goalRows(results: readonly ScenarioResult[]): string[][] {
  return GOALS.map((each) => {
    const found = measured(each, results);
    const limit = `${each.sense === 'least' ? '≥' : '<'} ${formatNumber(each.limit, each.limit % 1 === 0 ? 0 : 1)} ${each.unit}`;
    if (found === null) return [each.text, limit.trim(), 'not measured', '', ''];
    const reached = each.sense === 'least' ? found.median >= each.limit : found.median < each.limit;
    const part = Math.abs(found.median / each.limit - 1) * 100;
    const verdict = reached ? 'reached' : `**missed by ${formatNumber(part, 0)} %**`;
    return [
      each.text,
      limit.trim(),
      `${formatSpread(found, each.digits)} ${each.unit}`.trim(),
      verdict,
      timesOf(each, results),
    ];
  });
}

function measured({ scenario, case: name, metric, over }: Goal, results: readonly ScenarioResult[]): Spread | null {
  const cases = results.find((result) => result.scenario === scenario)?.cases ?? [];
  if (over !== undefined) return ratioOf(cases, name, over, metric);
  return spreadOf(cases.find((each) => each.name === name && each.system === 'hubbub')?.runs ?? [], metric);
}

function timesOf({ scenario, case: name }: Goal, results: readonly ScenarioResult[]): string {
  const cases = results.find((result) => result.scenario === scenario)?.cases ?? [];
  const runs = cases.find((each) => each.name === name && each.system === 'hubbub')?.runs ?? [];
  const share = (metric: MetricName) => spreadOf(runs, metric)?.median;
  const parts = [
    ['server', share('serverCpuShare')],
    ['PostgreSQL + Redis', share('helperCpuShare')],
    ['generator', share('generatorCpuShare')],
  ] as const;
  return parts
    .filter(([, value]) => value !== undefined)
    .map(([who, value]) => `${who} ${formatNumber(value ?? 0, 2)}`)
    .join(', ');
}

function ratio(text: string, limit: number, over: SystemName): Goal {
  const of = { scenario: 'room', case: SATURATING, metric: 'deliveriesPerSecond' } as const;
  return { text, limit, sense: 'least', unit: '×', digits: 2, ...of, over };
}

function goal(
  text: string,
  scenario: string,
  name: string,
  metric: MetricName,
  limit: number,
  unit: string,
  sense: Goal['sense'] = 'below',
): Goal {
  return { text, scenario, case: name, metric, limit, unit, sense, digits: limit < 100 ? 2 : 0 };
}
