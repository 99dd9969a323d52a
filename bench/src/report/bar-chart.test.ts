import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barChart } from './bar-chart.js';

test('a chart draws bars to scale, and says in words what it shows', () => {
  const spread = (median: number) => ({ min: median, median, max: median });
  const svg = barChart({
    title: 'Deliveries <a second>',
    unit: 'more is better',
    digits: 0,
    groups: [
      {
        label: '1,000 & more',
        bars: [
          { system: 'hubbub', spread: spread(2_000_000) },
          { system: 'socket.io', spread: spread(500_000) },
        ],
      },
    ],
  });
  const widths = [...svg.matchAll(/<rect class="\w+" x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  assert.equal(widths.length, 2);
  assert.equal((widths[0] ?? 0) / (widths[1] ?? 1), 4);
  assert.match(svg, /<title id="title">Deliveries &lt;a second&gt;<\/title>/);
  assert.match(svg, /<desc id="desc">more is better\. 1,000 &amp; more, Hubbub: 2,000,000; [^<]*Socket\.IO: 500,000\./);
});
