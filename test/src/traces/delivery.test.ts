/** How traces leave an instance, or do not; and that an instance without them does not know of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { isMessage, nextMessages, range, seqs, V1 } from '../contract/stage.js';
import { ChatClient } from '../support/chat-client.js';
import type { HubbubProcess } from '../support/hubbub.js';
import { OtlpCollector } from '../support/otlp-collector.js';
import { type Pair, startPair } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';

/**
 * Runs before the server in its process: a line of the log for each module of OpenTelemetry's SDK that is loaded. Its API
 * comes with the Prometheus client, traces or not.
 */
const MODULE_WATCH = `
  import { registerHooks } from 'node:module';
  import { writeSync } from 'node:fs';
  registerHooks({
    load(url, context, nextLoad) {
      if (/@opentelemetry.(?!api.)/.test(url)) writeSync(1, JSON.stringify({ msg: 'loaded', url }) + '\\n');
      return nextLoad(url, context);
    },
  });
`;
const WATCHED = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(MODULE_WATCH)}` };
const LOST = 'Traces cannot be delivered, and are dropped: is the collector up?';
const DELIVERED_AGAIN = 'Traces can be delivered again';

async function start(t: TestContext, env: Record<string, string>): Promise<{ pair: Pair; instance: HubbubProcess }> {
  const pair = await startPair('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0', ...env } });
  t.after(() => pair.stop());
  return { pair, instance: pair.at(0) };
}

/** A client in a new channel. */
async function join(t: TestContext, pair: Pair): Promise<ChatClient> {
  const token = await pair.token('ada');
  const { url } = pair.at(0);
  const { body } = await api(url, token).post<{ id: string }>(`${V1}/channels`, { name: 'traced' }, { expect: 201 });
  const client = await ChatClient.connect({ url, path: `${V1}/channels/${body.id}/ws`, token });
  t.after(() => client.close());
  await client.next('subscribed');
  return client;
}

/** Sends messages; settles when all are back. */
async function talk(client: ChatClient, count: number): Promise<void> {
  for (const number of range(1, count)) client.send({ type: 'message', content: `number ${number}` });
  assert.deepEqual(seqs(await nextMessages(client, count)), range(1, count));
}

function lines({ logs }: HubbubProcess, msg: string): number {
  return logs.filter((line) => line.msg === msg).length;
}

test('without traces configured no module of the OpenTelemetry SDK is loaded, whatever is done', async (t) => {
  const { pair, instance } = await start(t, { ...WATCHED, OTEL_SERVICE_NAME: 'named, but with nowhere to send to' });
  const client = await join(t, pair);
  await talk(client, 3);
  client.send({ type: 'message', content: '' });
  await client.next('error');
  await pair.stop();
  assert.equal(lines(instance, 'Stopped'), 1);
  assert.equal(lines(instance, 'loaded'), 0);
});

test('what has gathered is sent before the process ends, by default as protobuf', async (t) => {
  const collector = await OtlpCollector.start();
  t.after(() => collector.stop());
  const { pair, instance } = await start(t, {
    ...WATCHED,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
    OTEL_BSP_SCHEDULE_DELAY: '600000',
  });
  const client = await join(t, pair);
  await talk(client, 3);
  assert.deepEqual(collector.received, []);
  await pair.stop();
  const [{ contentType, body } = { contentType: '', body: Buffer.alloc(0) }] = collector.received;
  assert.equal(contentType, 'application/x-protobuf');
  // Texts stand in protobuf as they are.
  for (const text of ['hubbub', 'command message', 'journal batch', 'fan-out']) assert.ok(body.includes(text), text);
  // The test without traces looks for these, so there have to be some where there are traces.
  assert.notEqual(lines(instance, 'loaded'), 0);
});

test('a collector that is away costs traces, a line of the log when it goes and one when it is back, nothing else', async (t) => {
  const port = await freePort();
  const { pair, instance } = await start(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TIMEOUT: '100',
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_BSP_MAX_QUEUE_SIZE: '50',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '25',
  });
  const client = await join(t, pair);
  await talk(client, 500);
  const lost = async () => {
    const { body } = await api(instance.url).get<string>('/metrics');
    return Number(/^hubbub_spans_lost_total (\d+)$/m.exec(body)?.[1] ?? 0);
  };
  // Of several failures.
  await until(async () => (await lost()) > 25);
  assert.equal(lines(instance, LOST), 1);

  const collector = await OtlpCollector.start(port);
  t.after(() => collector.stop());
  await until(() => {
    client.send({ type: 'ping' });
    return lines(instance, DELIVERED_AGAIN) === 1;
  });
  assert.equal(lines(instance, LOST), 1);
  client.send({ type: 'message', content: 'told of' });
  await client.next(isMessage('told of'));
  await until(() => collector.spans.some(({ name }) => name === 'command message'));
});

test('a collector that never answers does not hold up the end of the process', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.closeAllConnections());
  t.after(() => silent.close());
  const { pair } = await start(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
  });
  const client = await join(t, pair);
  await talk(client, 3);
  await client.close();
  const startedMs = performance.now();
  await pair.stop();
  // Three seconds are what it gets, a third of what the exporter itself would wait.
  assert.ok(performance.now() - startedMs < 8000);
});
