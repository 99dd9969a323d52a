import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { findPromtool } from '../support/binaries.js';
import { ChatClient } from '../support/chat-client.js';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';

describe('/metrics', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair('embedded');
  });
  after(() => pair.stop());

  it('passes `promtool check metrics` while a channel is in use', async (t) => {
    const { url } = pair.at(0);
    const token = await pair.token('ada');
    const { body } = await api(url, token).post<{ id: string }>('/api/v1/chat/channels', { name: 'measured' });
    const client = await ChatClient.connect({ url, path: `/api/v1/chat/channels/${body.id}/ws`, token });
    t.after(() => client.close());
    client.send({ type: 'message', content: 'counted' });
    client.send('no frame');
    await client.next('message');
    await client.next('error');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, new RegExp(`^websocket_messages_total\\{channel_id="${body.id}",type="message"\\} 1$`, 'm'));
    const { status, stdout, stderr } = spawnSync(findPromtool() ?? 'promtool', ['check', 'metrics'], {
      input: metrics,
      encoding: 'utf8',
    });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
  });
});
