import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineChart } from './line-chart.js';

const CHART = { title: 'A & B', x: 'subscribers', y: 'deliveries/s', digits: 0, logX: true };

test('a line is drawn to scale, powers of ten at equal distances, and told in words', () => {
  const points = [
    { x: 10, y: 0 },
    { x: 100, y: 500 },
    { x: 1000, y: 1000 },
  ];
  const svg = lineChart({ ...CHART, lines: [{ label: 'one', points }] });
  const drawn = /<polyline class="line l0" points="([^"]+)"/.exec(svg)?.[1] ?? '';
  const [first, second, third] = drawn.split(' ').map((pair) => pair.split(',').map(Number));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  for (const axis of [0, 1]) {
    assert.equal((second[axis] ?? 0) - (first[axis] ?? 0), (third[axis] ?? 0) - (second[axis] ?? 0));
  }
  assert.match(svg, /<title id="title">A &amp; B<\/title>/);
  assert.match(svg, /<desc id="desc">deliveries\/s against subscribers\. one: 0 at 10, 500 at 100, 1,000 at 1,000\./);
});

test('a single point, and nothing but zeros, make a picture as well', () => {
  const svg = lineChart({ ...CHART, lines: [{ label: 'one', points: [{ x: 1, y: 0 }] }] });
  assert.ok(!svg.includes('NaN') && !svg.includes('Infinity'), svg);
});
