import type { Spread } from '../results.js';
import type { SystemName } from '../systems/system.js';
import { escapeXml, picture, px } from './drawing.js';
import { formatNumber, SYSTEM_LABELS } from './format.js';

export interface Bar {
  readonly system: SystemName;
  readonly spread: Spread;
}

export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
}

export interface BarChart {
  readonly title: string;
  /** What the numbers are, for those who hear the picture instead of seeing it. */
  readonly unit: string;
  readonly digits: number;
  readonly groups: readonly BarGroup[];
}

const WIDTH = 760;
const LEFT = 150;
const RIGHT = 110;
const TOP = 44;
const BAR = 18;
const GAP = 6;
const GROUP_TITLE = 26;
const GROUP_GAP = 10;

const STYLE = `  .group { font-weight: 600; }
  .whisker { stroke: #1f2328; stroke-width: 1.5; opacity: .55; }
  .hubbub { fill: #3b6fe0; } .raw { fill: #8c959f; } .socket { fill: #d9822b; } .flood { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    .whisker { stroke: #e6edf3; }
    .hubbub { fill: #6c9bff; } .raw { fill: #768390; } .socket { fill: #e9a154; } .flood { fill: #768390; }
  }`;

const CLASSES: Readonly<Record<SystemName, string>> = {
  hubbub: 'hubbub',
  'raw ws': 'raw',
  'socket.io': 'socket',
  flood: 'flood',
};

/** Horizontal bars of medians, with a line from the smallest to the largest run. @returns the text of an SVG file */
export function barChart({ title, unit, digits, groups }: BarChart): string {
  const largest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ spread }) => spread.max)));
  const scale = (value: number) => (value / largest) * (WIDTH - LEFT - RIGHT);
  const parts: string[] = [];
  const words: string[] = [];
  let y = TOP;
  for (const group of groups) {
    parts.push(`<text class="group" x="16" y="${y + 16}">${escapeXml(group.label)}</text>`);
    y += GROUP_TITLE;
    const from = y;
    for (const { system, spread } of group.bars) {
      const middle = y + BAR / 2;
      const end = LEFT + scale(spread.max);
      const name = SYSTEM_LABELS[system];
      parts.push(
        `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${name}</text>`,
        `<rect class="${CLASSES[system]}" x="${LEFT}" y="${y}" width="${px(scale(spread.median))}" height="${BAR}" rx="2"/>`,
        `<line class="whisker" x1="${px(LEFT + scale(spread.min))}" x2="${px(end)}" y1="${middle}" y2="${middle}"/>`,
        `<text class="value" x="${px(end + 8)}" y="${y + 14}">${formatNumber(spread.median, digits)}</text>`,
      );
      words.push(`${group.label}, ${name}: ${formatNumber(spread.median, digits)}`);
      y += BAR + GAP;
    }
    parts.push(`<line class="axis" x1="${LEFT}" x2="${LEFT}" y1="${from - 2}" y2="${y - GAP + 2}"/>`);
    y += GROUP_GAP;
  }
  const description = `${unit}. ${words.join('; ')}.`;
  return picture({ width: WIDTH, height: y, title, description, style: STYLE, parts });
}
