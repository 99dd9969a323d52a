import { METRICS, type MetricName } from '../metrics.js';
import type { Spread } from '../results.js';
import type { SystemName } from '../systems/system.js';

/** What the systems are called on the page. */
export const SYSTEM_LABELS: Readonly<Record<SystemName, string>> = {
  hubbub: 'Hubbub',
  'raw ws': 'raw ws',
  'socket.io': 'Socket.IO',
  flood: 'writer',
};

/** A number with thousands set apart, as in 1,234.5. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `median (min–max)`, or the number alone when all runs agree in what is shown of it. */
export function formatSpread({ min, median, max }: Spread, digits: number): string {
  const [low, middle, high] = [min, median, max].map((value) => formatNumber(value, digits));
  return low === high ? `${middle}` : `${middle} (${low}–${high})`;
}

export function formatMetric(spread: Spread | null, metric: MetricName): string {
  return spread === null ? '' : formatSpread(spread, METRICS[metric].digits);
}
