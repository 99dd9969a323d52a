import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plansIn, summaryOf } from './plans.js';

const node = { 'Actual Rows': 50, 'Actual Loops': 1, 'Actual Total Time': 0.25, 'Shared Read Blocks': 3 };
const index = {
  ...node,
  'Node Type': 'Index Scan',
  'Index Name': 'chat_messages_channel_seq',
  'Relation Name': 'chat_messages',
  'Rows Removed by Filter': 7,
  'Shared Hit Blocks': 4,
};
const limit = { ...node, 'Node Type': 'Limit', 'Shared Hit Blocks': 54, Plans: [index] };

function entry(query: string, plan: object): string {
  const json = JSON.stringify({ 'Query Text': query, Plan: plan }, null, 2).replaceAll(/^/gm, '\t');
  return `2026-01-01 00:00:00.000 UTC [7] LOG:  duration: 0.251 ms  plan:\n${json}\n`;
}

test('of what PostgreSQL logs, the plans of statements on messages are taken', () => {
  const log = `${entry('select 1', limit)}${entry('select m.id from chat_messages m', limit)}2026 LOG:  checkpoint\n`;
  const plans = plansIn(log);
  assert.equal(plans.length, 1);
  assert.deepEqual(summaryOf(plans[0] ?? assert.fail()), {
    planMs: 0.25,
    blocks: 57,
    text: 'Index Scan chat_messages_channel_seq; 50 rows, 54 blocks hit, 3 read, 7 rows removed by a filter',
  });
});

test('an entry that another session has written into is left out', () => {
  const torn = entry('select m.id from chat_messages m', limit).replace('"Plan"', '"Pl 2026 LOG: an"');
  assert.deepEqual(plansIn(`${torn.replace('{', '')}`), []);
});
