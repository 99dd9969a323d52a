import { escapeXml, picture, px } from './drawing.js';
import { formatNumber } from './format.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly label: string;
  /** In the order of x. */
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  readonly x: string;
  /** What the numbers are, with their unit. */
  readonly y: string;
  readonly digits: number;
  /** Powers of ten at equal distances, for x that spans several. */
  readonly logX: boolean;
  readonly lines: readonly Line[];
}

const WIDTH = 760;
const HEIGHT = 380;
const LEFT = 84;
const RIGHT = 24;
const TOP = 76;
const BOTTOM = 52;
const TICKS = 5;
/** More points than that are a line without dots. */
const DOTTED_POINTS = 20;
const LABEL_WIDTH = 7.2;

const STYLE = `  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .l0 { stroke: #3b6fe0; } .l1 { stroke: #d9822b; } .l2 { stroke: #2f9e6e; } .l3 { stroke: #a04fc4; } .l4 { stroke: #8c959f; }
  @media (prefers-color-scheme: dark) {
    .l0 { stroke: #6c9bff; } .l1 { stroke: #e9a154; } .l2 { stroke: #4fc796; } .l3 { stroke: #c884e6; } .l4 { stroke: #a0aab4; }
  }`;
const COLOURS = 5;

/** Lines over one x axis, the y axis from zero. @returns the text of an SVG file */
export function lineChart({ title, x: xLabel, y: yLabel, digits, logX, lines }: LineChart): string {
  const all = lines.flatMap(({ points }) => points);
  const top = niceTop(Math.max(...all.map(({ y }) => y)));
  const place = logX ? Math.log10 : (value: number) => value;
  const [from, to] = [Math.min(...all.map(({ x }) => place(x))), Math.max(...all.map(({ x }) => place(x)))];
  const xAt = (value: number) => LEFT + ((place(value) - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT);
  const yAt = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  for (let tick = 0; tick <= TICKS; tick++) {
    const value = (top / TICKS) * tick;
    parts.push(
      `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(yAt(value))}" y2="${px(yAt(value))}"/>`,
      `<text class="value" x="${LEFT - 8}" y="${px(yAt(value) + 4)}" text-anchor="end">${formatNumber(value, top < TICKS ? Math.max(1, digits) : 0)}</text>`,
    );
  }
  for (const value of xTicks(all, logX)) {
    parts.push(
      `<text class="value" x="${px(xAt(value))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${formatNumber(value, 0)}</text>`,
    );
  }
  parts.push(`<text x="${WIDTH - RIGHT}" y="${HEIGHT - 12}" text-anchor="end">${escapeXml(xLabel)}</text>`);
  let legendAt = LEFT;
  for (const [index, { label, points }] of lines.entries()) {
    const colour = `l${index % COLOURS}`;
    const path = points.map(({ x, y }) => `${px(xAt(x))},${px(yAt(y))}`).join(' ');
    parts.push(
      `<polyline class="line ${colour}" points="${path}"/>`,
      ...(points.length > DOTTED_POINTS
        ? []
        : points.map(({ x, y }) => `<circle class="line ${colour}" cx="${px(xAt(x))}" cy="${px(yAt(y))}" r="3"/>`)),
      `<line class="line ${colour}" x1="${px(legendAt)}" x2="${px(legendAt + 18)}" y1="48" y2="48"/>`,
      `<text x="${px(legendAt + 24)}" y="52">${escapeXml(label)}</text>`,
    );
    legendAt += 44 + label.length * LABEL_WIDTH;
  }
  const words = lines.map(({ label, points }) => `${label}: ${inWords(points, digits)}`);
  const description = `${yLabel} against ${xLabel}. ${words.join('; ')}.`;
  return picture({ width: WIDTH, height: HEIGHT, title, description, style: STYLE, parts });
}

/** Where points are few each has its mark; else the axis is divided evenly. */
function xTicks(points: readonly Point[], logX: boolean): number[] {
  const values = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  if (logX || values.length <= TICKS + 1) return values;
  const last = values.at(-1) ?? 0;
  return Array.from({ length: TICKS + 1 }, (_, index) => Math.round((last / TICKS) * index)).filter(
    (value) => value >= (values[0] ?? 0),
  );
}

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

/** All of a few points; of many the ends and the extremes. */
function inWords(points: readonly Point[], digits: number): string {
  const told = ({ x, y }: Point) => `${formatNumber(y, digits)} at ${formatNumber(x, 0)}`;
  if (points.length <= DOTTED_POINTS) return points.map(told).join(', ');
  const values = points.map(({ y }) => y);
  const [first, last] = [points[0], points.at(-1)];
  const ends = [first, last].filter((point) => point !== undefined).map(told);
  return `${ends.join(', ')}, between ${formatNumber(Math.min(...values), digits)} and ${formatNumber(Math.max(...values), digits)}`;
}
