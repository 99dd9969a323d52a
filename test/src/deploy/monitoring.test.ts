/** A real Prometheus with the files of deploy/, on two real instances: only times, the limit and addresses are others. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { ChatClient } from '../support/chat-client.js';
import { type Pair, startPair } from '../support/pair.js';
import { AlertReceiver, PrometheusServer } from '../support/prometheus.js';
import { RedisServer } from '../support/redis.js';
import { api } from '../support/rest.js';
import { requestUpgrade } from '../support/upgrade.js';
import { until } from '../support/wait.js';
import { DEPLOY, readDashboardQueries } from './files.js';

const METRICS_TOKEN = 'a-token-for-the-metrics';
/** Connections over which the copy of the alert fires. */
const CONNECTION_LIMIT = 3;
const WAIT = { timeoutMs: 45_000, intervalMs: 250 };

describe('Prometheus with the files of deploy/', () => {
  let folder: string;
  let redis: RedisServer;
  let pair: Pair;
  let receiver: AlertReceiver;
  let prometheus: PrometheusServer;
  let channelId: string;
  const clients: ChatClient[] = [];

  /** Undone in reverse order, also when the start breaks off. */
  const cleanups: (() => Promise<unknown>)[] = [];

  before(async () => {
    redis = await RedisServer.start();
    cleanups.unshift(() => redis.stop());
    receiver = await AlertReceiver.start();
    cleanups.unshift(() => receiver.stop());
    pair = await startPair('cluster', { redisUrl: redis.url, env: { METRICS_TOKEN } });
    cleanups.unshift(() => pair.stop());
    folder = await mkdtemp(join(tmpdir(), 'hubbub-prometheus-'));
    cleanups.unshift(() => rm(folder, { recursive: true, force: true }));
    await copyConfiguration();
    prometheus = await PrometheusServer.start(folder);
    cleanups.unshift(() => prometheus.stop());
    const token = await pair.token('ada');
    const { body } = await api(pair.at(0).url, token).post<Channel>(
      '/api/v1/chat/channels',
      { name: 'watched' },
      { expect: 201 },
    );
    channelId = body.id;
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    for (const cleanup of cleanups) await cleanup();
  });

  /** Exchanges a text that has to be there. */
  async function edit(path: string, changes: readonly (readonly [RegExp, string])[]): Promise<void> {
    let text = await readFile(join(folder, path), 'utf8');
    for (const [from, to] of changes) {
      assert.match(text, from, path);
      text = text.replaceAll(from, to);
    }
    await writeFile(join(folder, path), text);
  }

  async function copyConfiguration(): Promise<void> {
    await cp(join(DEPLOY, 'prometheus'), folder, { recursive: true });
    await edit('prometheus.yml', [
      [/interval: 15s/g, 'interval: 1s'],
      [/scrape_timeout: 10s/g, 'scrape_timeout: 1s'],
      [/\/run\/secrets\/metrics-token/g, join(folder, 'metrics-token')],
    ]);
    await edit('recording.rules.yml', [[/\[5m\]/g, '[10s]']]);
    await edit('alerts.rules.yml', [
      [/for: \d+[sm]/g, 'for: 1s'],
      [/\[10m\]/g, '[10s]'],
      [/hubbub_connections > 1000/g, `hubbub_connections > ${CONNECTION_LIMIT}`],
    ]);
    await edit('targets/hubbub.yml', [
      [/hubbub-1:8080/g, address(0)],
      [/hubbub-2:8080/g, address(1)],
    ]);
    await writeFile(join(folder, 'targets/alertmanager.yml'), `- targets: ['${receiver.address}']\n`);
    await writeFile(join(folder, 'metrics-token'), METRICS_TOKEN);
  }

  /** `host:port` of an instance, which is its label in Prometheus. */
  function address(index: number): string {
    return new URL(pair.at(index).url).host;
  }

  async function connect(at: number, username: string): Promise<ChatClient> {
    const token = await pair.token(username);
    const path = `/api/v1/chat/channels/${channelId}/ws`;
    const client = await ChatClient.connect({ url: pair.at(at).url, path, token });
    clients.push(client);
    await client.next('subscribed');
    return client;
  }

  it('runs every query of the dashboard, and each returns numbers', async () => {
    const ada = await connect(0, 'ada');
    const bob = await connect(1, 'bob');
    await requestUpgrade(`${pair.at(1).url}/api/v1/chat/channels/${channelId}/ws`, {});
    const lacking = async () => {
      // The rate limit lets only the first ones of a minute pass; the others are errors to be counted.
      ada.send({ type: 'message', content: 'a message' });
      bob.send({ type: 'message', content: '' });
      const answers = await Promise.all(
        readDashboardQueries().map(async ({ panel, expr }) => {
          const filled = expr.replaceAll('$__rate_interval', '10s').replaceAll('$instance', '.*');
          const samples = await prometheus.query(filled);
          return samples.some(({ value }) => !Number.isNaN(value)) ? [] : [`${panel}: ${expr}`];
        }),
      );
      return answers.flat();
    };
    const seen = new Set(readDashboardQueries().map(({ panel, expr }) => `${panel}: ${expr}`));
    await until(
      async () => {
        const empty = new Set(await lacking());
        for (const query of seen) if (!empty.has(query)) seen.delete(query);
        return seen.size === 0;
      },
      { ...WAIT, message: 'data of every query' },
    ).catch((error) => assert.fail(`${error.message}: ${[...seen].join('\n')}`));
  });

  it('records what the rules say, for both instances', async () => {
    const names = [
      'instance:websocket_messages_received:rate5m',
      'instance:websocket_messages_delivered:rate5m',
      'instance:websocket_message_latency_seconds:p95_5m',
      'instance:websocket_rate_limit_hits:rate5m',
    ];
    for (const name of names) {
      const recorded = async () => new Set((await prometheus.query(name)).map(({ labels }) => labels.instance));
      const both = async () => (await recorded()).isSupersetOf(new Set([address(0), address(1)]));
      await until(both, { ...WAIT, message: name });
    }
  });

  it('fires when an instance has too many connections, and resolves when they are gone', async () => {
    const alert = { alertname: 'HubbubTooManyConnections', instance: address(0) };
    assert.equal(receiver.state(alert), 'never');
    const crowd = await Promise.all(['c', 'd', 'e'].map((name) => connect(0, name)));
    await until(() => receiver.state(alert) === 'firing', { ...WAIT, message: 'the alert' });
    const sent = receiver.alerts.find(({ labels }) => labels.alertname === alert.alertname);
    assert.equal(sent?.annotations.description, `${address(0)} holds 4 open WebSocket connections.`);
    assert.equal(receiver.state({ ...alert, instance: address(1) }), 'never');
    await Promise.all(crowd.map((client) => client.close()));
    await until(() => receiver.state(alert) === 'resolved', { ...WAIT, message: 'its end' });
  });

  it('fires for each instance while Redis is away, and resolves when it is back', async () => {
    const states = () =>
      [0, 1].map((index) => receiver.state({ alertname: 'HubbubRedisDown', instance: address(index) }));
    assert.deepEqual(states(), ['never', 'never']);
    await redis.kill9();
    await until(() => states().every((state) => state === 'firing'), { ...WAIT, message: 'the alerts' });
    await redis.restart();
    await until(() => states().every((state) => state === 'resolved'), { ...WAIT, message: 'their end' });
  });

  it('fires when an instance is gone', async () => {
    const gone = { alertname: 'HubbubInstanceDown', instance: address(1) };
    const alone = { alertname: 'HubbubTooFewInstances' };
    // Before its first scrape Prometheus knew of none, and may have said so.
    await until(() => receiver.state(alone) !== 'firing', WAIT);
    assert.equal(receiver.state(gone), 'never');
    await pair.at(1).stop();
    await until(() => receiver.state(gone) === 'firing' && receiver.state(alone) === 'firing', WAIT);
  });
});
