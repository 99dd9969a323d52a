/** Two instances behind a real nginx with the files of deploy/nginx. */
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, MessagePage } from '@hubbub/protocol/rest.js';
import { WebSocket } from 'ws';
import { HubbubProcess } from '../support/hubbub.js';
import { NginxServer } from '../support/nginx.js';
import { type Pair, startPair } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';
import { allAnswered, assertSameForAll, ResumingClient } from './resuming-client.js';

const CLIENTS = 100;
const SENDERS = 10;
/** Time between two messages of all senders together, in milliseconds. */
const SEND_INTERVAL_MS = 40;
/** An address of loopback that is not the one from which nginx asks the instances. */
const CLIENT_ADDRESS = '127.0.0.2';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

describe('behind nginx', () => {
  let pair: Pair;
  let nginx: NginxServer;
  const ports: number[] = [];
  const instances: HubbubProcess[] = [];
  let token: string;
  let channelId: string;

  const startInstance = (index: number) => HubbubProcess.start({ ...pair.env, PORT: String(ports[index]) });
  const instance = (index: number) => instances[index] ?? assert.fail(`no instance ${index}`);

  before(async () => {
    // On ports that stay theirs over a restart.
    pair = await startPair('cluster', {
      instances: 0,
      env: { TRUST_PROXY: '1', CHAT_RATE_LIMIT_PER_MINUTE: '0', DRAIN_SECONDS: '2' },
    });
    ports.push(await freePort(), await freePort());
    for (const index of [0, 1]) instances.push(await startInstance(index));
    nginx = await NginxServer.start(ports.map((port) => `127.0.0.1:${port}`));
    token = await pair.token('ada');
    const created = await api(instance(0).url, token).post<Channel>(
      '/api/v1/chat/channels',
      { name: 'behind' },
      { expect: 201 },
    );
    channelId = created.body.id;
  });
  after(async () => {
    // The start may have broken off.
    await nginx?.stop();
    await Promise.all(instances.map((each) => each.stop()));
    await pair?.stop();
  });

  function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    const options = { headers, ca: nginx.ca, localAddress: CLIENT_ADDRESS, agent: false };
    return new Promise((resolve, reject) => {
      const request = url.startsWith('https:') ? httpsRequest(url, options) : httpRequest(url, options);
      request.once('error', reject);
      request.once('response', async (response) => {
        response.setEncoding('utf8');
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
      request.end();
    });
  }

  it('is reached over TLS, and plain HTTP is sent there', async () => {
    const page = await get(`${nginx.url}/`);
    assert.equal(page.status, 200);
    assert.match(page.text, /<title>/);
    assert.match(page.headers['strict-transport-security'] ?? '', /max-age=/);
    const plain = await get(`${nginx.plainUrl}/some/where?x=1`);
    assert.deepEqual([plain.status, plain.headers.location], [301, 'https://127.0.0.1/some/where?x=1']);
  });

  it('keeps the metrics to itself', async () => {
    assert.equal((await get(`${nginx.url}/metrics`)).status, 404);
    assert.equal((await get(`${instance(0).url}/metrics`)).status, 200);
  });

  it("shows Hubbub the client's address, and not the one that the client makes up", async () => {
    const path = `/api/v1/chat/channels/${channelId}`;
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': '203.0.113.9' };
    const { status, headers: answered } = await get(`${nginx.url}${path}`, headers);
    assert.equal(status, 200);
    const requestId = answered['x-request-id'];
    assert.ok(requestId !== undefined);
    const line = await until(() => {
      const lines = instances.flatMap(({ logs }) => logs);
      return lines.find(({ request_id, ip }) => request_id === requestId && ip !== undefined);
    });
    assert.equal(line.ip, CLIENT_ADDRESS);
  });

  it('lets a page of its own address connect, and no other', async () => {
    const connect = (origin: string) => {
      const url = `${nginx.url.replace('https', 'wss')}/api/v1/chat/channels/${channelId}/ws`;
      const socket = new WebSocket(url, ['hubbub.v1', `auth.bearer.${Buffer.from(token).toString('base64url')}`], {
        ca: nginx.ca,
        origin,
      });
      return new Promise<string>((resolve) => {
        socket.once('open', () => resolve(`open ${socket.protocol}`));
        socket.once('error', (error) => resolve(error.message));
      }).finally(() => socket.terminate());
    };
    assert.equal(await connect(nginx.url), 'open hubbub.v1');
    assert.equal(await connect('https://evil.example'), 'Unexpected server response: 403');
  });

  it('loses, doubles and reorders nothing while both instances are restarted under load', async (t) => {
    const tokens = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => pair.token(`client-${index}`)));
    const url = `${nginx.url.replace('https', 'wss')}/api/v1/chat/channels/${channelId}/ws`;
    const clients = tokens.map((each) => new ResumingClient({ url, token: each, ca: nginx.ca }));
    t.after(() => {
      for (const client of clients) client.stop();
    });
    const allJoined = () =>
      until(() => clients.every(({ joined }) => joined), { timeoutMs: 30_000 }).catch(() => {
        const out = clients.filter(({ joined }) => !joined);
        const seen = out.slice(0, 5).map((each) => `${each.lastSeq} ${each.closes} ${each.lastError}`);
        assert.fail(`${out.length} clients are not in the channel: ${seen.join('; ')}\n${nginx.output.slice(-2000)}`);
      });
    await allJoined();
    const counts = await Promise.all(instances.map(connectionsOf));
    assert.ok(
      counts.every((count) => count > CLIENTS / 4),
      `spread over both instances: ${counts}`,
    );

    let sent = 0;
    const sending = setInterval(() => clients[sent % SENDERS]?.send(`message ${sent++}`), SEND_INTERVAL_MS);
    t.after(() => clearInterval(sending));
    for (const index of [0, 1]) {
      await delay(1000);
      await instance(index).stop();
      instances[index] = await startInstance(index);
      await allJoined();
    }
    await delay(1000);
    clearInterval(sending);
    await allAnswered(clients);
    await until(() => clients.every(({ lastSeq }) => lastSeq === sent), { timeoutMs: 60_000, message: 'the last one' });

    assertSameForAll(clients, sent);
    for (const { closes } of clients) assert.ok(closes.length > 0, 'everyone was sent away once at least');
    const { body } = await api(instance(0).url, token).get<MessagePage>(
      `/api/v1/chat/channels/${channelId}/messages?limit=1`,
      { expect: 200 },
    );
    assert.equal(body.messages[0]?.seq, sent);
  });

  async function connectionsOf({ url }: HubbubProcess): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(/^hubbub_connections (\d+)$/m.exec(text)?.[1]);
  }
});
