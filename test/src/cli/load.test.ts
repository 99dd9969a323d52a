/** `hubbub load` on a running server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChannelList } from '@hubbub/protocol/rest.js';
import { startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { hubbub } from './command.js';

test('hubbub load counts what every client got, tells of the rate limit, and takes its channel away', async (t) => {
  const pair = await startPair('embedded', { env: { CHAT_RATE_LIMIT_BURST: '3' } });
  t.after(() => pair.stop());
  // Four users with three messages each at once, and one more every three seconds.
  const args = ['load', '--duration', '2', '--connections', '4', '--rate', '20', '--url', pair.at(0).url];
  const { code, stdout, stderr } = await hubbub(args);
  assert.equal(code, 0, stdout + stderr);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  const accepted = number(/^accepted +(\d+) messages/m);
  assert.ok(accepted >= 12, stdout);
  assert.equal(number(/^refused +(\d+) RATE_LIMITED$/m), 40 - accepted, stdout);
  assert.match(stdout, new RegExp(`^delivered +${accepted * 4} of ${accepted * 4}\nlost +0\ndoubled +0\n`, 'm'));
  assert.match(stdout, /^latency +p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms$/m);
  const { body } = await api(pair.at(0).url, await pair.token('ada')).get<ChannelList>('/api/v1/chat/channels');
  assert.equal(body.total, 0);
});
