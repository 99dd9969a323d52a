import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { Metrics } from './metrics.js';
import { exposeMetrics, type MetricsSnapshot } from './metrics-text.js';

const CHANNEL = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const OTHER = '00000000-8b86-4d01-b42d-00cf4fc964ff';

/** Value of the one series of a name whose labels are exactly the given ones, in any order. */
async function value(
  metrics: Metrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | null> {
  const { text } = await metrics.expose();
  const wanted = Object.entries(labels).map(([key, each]) => `${key}="${each}"`);
  const found = text.split('\n').filter((line) => {
    const match = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line);
    if (match === null || match[1] !== name) return false;
    const own = match[2] === undefined ? [] : match[2].split(',');
    return own.toSorted().join() === wanted.toSorted().join();
  });
  assert.ok(found.length <= 1, `${name} twice: ${found.join(' ')}`);
  return found[0] === undefined ? null : Number(found[0].split(' ').at(-1));
}

test('every series of the contract is there with its name, type and labels', async () => {
  const metrics = new Metrics({ channelLabel: true });
  const channel = metrics.addChannel(CHANNEL);
  channel.connectionsTotal = 3;
  channel.connectionsCurrent = 2;
  channel.rateLimitHits = 4;
  channel.countMessages('message');
  channel.countMessages('broadcast', 5);
  channel.countError('MUTED');
  channel.countError('MUTED');

  const channel_id = CHANNEL;
  assert.equal(await value(metrics, 'websocket_connections_total', { channel_id }), 3);
  assert.equal(await value(metrics, 'websocket_connections_current', { channel_id }), 2);
  assert.equal(await value(metrics, 'websocket_rate_limit_hits_total', { channel_id }), 4);
  assert.equal(await value(metrics, 'websocket_messages_total', { channel_id, type: 'message' }), 1);
  assert.equal(await value(metrics, 'websocket_messages_total', { channel_id, type: 'broadcast' }), 5);
  assert.equal(await value(metrics, 'websocket_errors_total', { channel_id, error_type: 'MUTED' }), 2);
  assert.equal(await value(metrics, 'websocket_channels_active'), 1);

  const { text } = await metrics.expose();
  for (const [name, type] of [
    ['websocket_connections_total', 'counter'],
    ['websocket_connections_current', 'gauge'],
    ['websocket_messages_total', 'counter'],
    ['websocket_message_latency_seconds', 'histogram'],
    ['websocket_errors_total', 'counter'],
    ['websocket_channels_active', 'gauge'],
    ['websocket_rate_limit_hits_total', 'counter'],
    ['websocket_broadcast_duration_seconds', 'histogram'],
  ]) {
    assert.equal(text.split('\n').filter((line) => line === `# TYPE ${name} ${type}`).length, 1, name);
    assert.equal(text.split('\n').filter((line) => line.startsWith(`# HELP ${name} `)).length, 1, name);
  }
});

test('the histograms have the buckets of the contract, cumulated', async () => {
  const metrics = new Metrics({ channelLabel: true });
  const channel = metrics.addChannel(CHANNEL);
  for (const seconds of [0.0004, 0.001, 0.002, 0.3, 7]) channel.latencySeconds.observe(seconds);
  channel.latencySeconds.observe(0.02, 10);
  channel.broadcastSeconds.observe(0.00005);
  const channel_id = CHANNEL;
  const name = 'websocket_message_latency_seconds';
  const counts: Record<string, number> = {
    '0.001': 2,
    '0.005': 3,
    '0.01': 3,
    '0.025': 13,
    '0.05': 13,
    '0.1': 13,
    '0.25': 13,
    '0.5': 14,
    '1': 14,
    '+Inf': 15,
  };
  for (const [le, count] of Object.entries(counts)) {
    assert.equal(await value(metrics, `${name}_bucket`, { channel_id, le }), count, le);
  }
  assert.equal(await value(metrics, `${name}_count`, { channel_id }), 15);
  const sum = (await value(metrics, `${name}_sum`, { channel_id })) ?? 0;
  assert.ok(Math.abs(sum - 7.5034) < 1e-9, String(sum));
  for (const le of ['0.0001', '0.0005', '0.001', '0.005', '0.01', '0.025', '0.05', '0.1', '+Inf']) {
    assert.equal(await value(metrics, 'websocket_broadcast_duration_seconds_bucket', { channel_id, le }), 1, le);
  }
});

test('a channel that was dropped has no series any more, and one that comes again begins anew', async () => {
  const metrics = new Metrics({ channelLabel: true });
  metrics.addChannel(CHANNEL).connectionsTotal = 3;
  metrics.addChannel(OTHER).connectionsTotal = 1;
  metrics.dropChannel(CHANNEL);
  const { text } = await metrics.expose();
  assert.ok(!text.includes(CHANNEL));
  assert.equal(await value(metrics, 'websocket_connections_total', { channel_id: OTHER }), 1);
  metrics.addChannel(CHANNEL);
  assert.equal(await value(metrics, 'websocket_connections_total', { channel_id: CHANNEL }), 0);
});

test('ids without a hub here are counted as none and never make a series', async () => {
  const metrics = new Metrics({ channelLabel: true });
  metrics.channel(CHANNEL).countError('INVALID_CHANNEL_ID');
  metrics.channel('made-up').countError('INVALID_CHANNEL_ID');
  metrics.channel(null).countError('INVALID_CHANNEL_ID');
  const labels = { channel_id: 'none', error_type: 'INVALID_CHANNEL_ID' };
  assert.equal(await value(metrics, 'websocket_errors_total', labels), 3);
  const { text } = await metrics.expose();
  assert.ok(!text.includes(CHANNEL) && !text.includes('made-up'));
});

test('with the label off all channels are one series, which outlives each of them', async () => {
  const metrics = new Metrics({ channelLabel: false });
  metrics.addChannel(CHANNEL).connectionsTotal++;
  metrics.addChannel(OTHER).connectionsTotal++;
  metrics.channel(CHANNEL).countMessages('message');
  metrics.channel(OTHER).countMessages('message');
  metrics.dropChannel(CHANNEL);
  assert.equal(await value(metrics, 'websocket_connections_total', { channel_id: 'all' }), 2);
  assert.equal(await value(metrics, 'websocket_messages_total', { channel_id: 'all', type: 'message' }), 2);
  const { text } = await metrics.expose();
  assert.ok(!text.includes(CHANNEL) && !text.includes(OTHER));
});

test('the exposition is text that Prometheus can read, with metrics of the process in it', async () => {
  const { contentType, text } = await new Metrics({ channelLabel: true }).expose();
  assert.match(contentType, /^text\/plain/);
  assert.ok(text.endsWith('\n') && !text.endsWith('\n\n'));
  for (const line of text.trimEnd().split('\n')) {
    if (line === '') continue;
    assert.match(
      line,
      /^(# (HELP|TYPE) [\w:]+ .+|[a-zA-Z_:][\w:]*(\{[^}]*\})? (-?[\d.]+(e[-+]?\d+)?|N[aA][nN]|[-+]Inf))$/,
    );
  }
  assert.match(text, /^nodejs_eventloop_lag_seconds /m);
  assert.match(text, /^process_resident_memory_bytes /m);
});

test('the metrics of several processes are added up, channel by channel', async () => {
  const one = new Metrics({ channelLabel: true });
  const two = new Metrics({ channelLabel: true });
  for (const [metrics, connections] of [
    [one, 2],
    [two, 3],
  ] as const) {
    const channel = metrics.addChannel(CHANNEL);
    channel.connectionsCurrent = connections;
    channel.countMessages('message', connections);
    channel.latencySeconds.observe(0.002, connections);
    metrics.journalQueue.set(connections);
    metrics.databaseUp.set(metrics === one ? 1 : 0);
    metrics.busPublished.inc(connections);
    metrics.journalBatchSize.observe(connections);
  }
  two.addChannel(OTHER).countError('MUTED');
  // As it comes from another process.
  const snapshots = deserialize(serialize([await one.snapshot(), await two.snapshot()])) as MetricsSnapshot[];
  const { text } = await exposeMetrics(snapshots);
  for (const line of [
    `websocket_connections_current{channel_id="${CHANNEL}"} 5`,
    `websocket_messages_total{channel_id="${CHANNEL}",type="message"} 5`,
    `websocket_message_latency_seconds_count{channel_id="${CHANNEL}"} 5`,
    `websocket_errors_total{channel_id="${OTHER}",error_type="MUTED"} 1`,
    'websocket_channels_active 2',
    'hubbub_journal_queue_messages 5',
    'hubbub_database_up 0',
    'hubbub_bus_published_total 5',
    'hubbub_journal_batch_messages_bucket{le="2"} 1',
    'hubbub_journal_batch_messages_bucket{le="5"} 2',
    'hubbub_journal_batch_messages_sum 5',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} is missing`);
  }
  const started = /^process_start_time_seconds (\d+)/m.exec(text);
  // The library rounds it.
  assert.ok(Number(started?.[1]) <= Date.now() / 1000 + 1);
});
