import type { Measurement, MetricName } from './metrics.js';

/** How fast something grows, by the straight line that fits best. */
export interface Growth {
  /** In the metric's unit an hour. */
  readonly perHour: number;
  /** Standard error of it. */
  readonly error: number;
  /** Whether there is growth beyond doubt: by more than twice the error. */
  readonly grows: boolean;
}

/** Of a series, so much at the beginning does not count: caches fill and code is compiled. */
export const SETTLING_PART = 0.25;

const SECONDS_AN_HOUR = 3600;
const LEAST_POINTS = 8;
/** Neighbours that follow each other closer than that say that there are too few points for any error. */
const MOST_CORRELATION = 0.95;

/**
 * The growth of a metric over a series, its first quarter left out. Neighbouring points are often alike (memory is handed
 * back now and then, not always), which makes a line look surer than it is; the error is widened for that, as for a
 * process that remembers one step.
 *
 * @returns null when there are too few points for an error
 */
export function growthOf(series: readonly Measurement[], metric: MetricName): Growth | null {
  const points = series
    .slice(Math.floor(series.length * SETTLING_PART))
    .map((each) => ({ x: (each.atSeconds ?? 0) / SECONDS_AN_HOUR, y: each[metric] }))
    .filter((point): point is { x: number; y: number } => point.y !== undefined);
  if (points.length < LEAST_POINTS) return null;
  const meanX = mean(points.map(({ x }) => x));
  const meanY = mean(points.map(({ y }) => y));
  const spreadX = sum(points.map(({ x }) => (x - meanX) ** 2));
  const perHour = sum(points.map(({ x, y }) => (x - meanX) * (y - meanY))) / spreadX;
  const rests = points.map(({ x, y }) => y - meanY - perHour * (x - meanX));
  const squares = sum(rests.map((rest) => rest ** 2));
  const plain = Math.sqrt(squares / (points.length - 2) / spreadX);
  const error = plain * wideningFor(rests, squares);
  return { perHour, error, grows: perHour > 2 * error };
}

function wideningFor(rests: readonly number[], squares: number): number {
  if (squares === 0) return 1;
  const lagged = sum(rests.slice(1).map((rest, index) => rest * (rests[index] ?? 0))) / squares;
  const correlation = Math.min(MOST_CORRELATION, Math.max(0, lagged));
  return Math.sqrt((1 + correlation) / (1 - correlation));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
