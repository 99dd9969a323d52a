import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarize } from './summary.js';

test('self times of all profiles are added up by function, and idle time does not count', () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 });
  const profile = JSON.stringify({
    nodes: [
      { id: 1, callFrame: frame('(idle)', '') },
      { id: 2, callFrame: frame('flush', 'file:///app/server/dist/fan-out.js') },
      { id: 3, callFrame: frame('', 'node:net') },
    ],
    samples: [2, 1, 3, 2],
    timeDeltas: [100, 5000, 50, 50],
  });
  assert.deepEqual(summarize([profile, profile], '/app'), [
    { name: 'flush', where: 'server/dist/fan-out.js:10', share: 0.75 },
    { name: '(anonymous)', where: 'node:net:10', share: 0.25 },
  ]);
});
