import { Gauge, type Metric, Registry } from '@prometheus-io/client';

/*
 * From the numbers of the channels to Prometheus series, and from the numbers of several processes to those of one.
 */

/** A metric of the library's own, as its registry gives it. */
export interface PlainMetric {
  readonly name: string;
  readonly aggregator?: string;
  readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, string | number>> }[];
}

/** A histogram's numbers for one channel. */
export class Buckets {
  readonly bounds: readonly number[];
  /** Observations in each bucket alone; the last is past every bound. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** @param times how many observations of this value */
  observe(value: number, times = 1): void {
    let index = 0;
    while (index < this.bounds.length && value > (this.bounds[index] ?? 0)) index++;
    this.counts[index] = (this.counts[index] ?? 0) + times;
    this.sum += value * times;
  }

  add(other: Buckets): void {
    for (const [index, count] of other.counts.entries()) this.counts[index] = (this.counts[index] ?? 0) + count;
    this.sum += other.sum;
  }
}

type BucketCounts = Pick<Buckets, 'bounds' | 'counts' | 'sum'>;

/** The numbers of one channel. */
export interface ChannelSeries {
  readonly connectionsTotal: number;
  readonly connectionsCurrent: number;
  readonly rateLimitHits: number;
  readonly messages: ReadonlyMap<string, number>;
  readonly errors: ReadonlyMap<string, number>;
  readonly latencySeconds: BucketCounts;
  readonly broadcastSeconds: BucketCounts;
}

/** All metrics of one process, as plain data that another one can read. */
export interface MetricsSnapshot {
  readonly plain: readonly PlainMetric[];
  readonly channels: readonly (readonly [label: string, ChannelSeries])[];
  /** Channels with a member connected. */
  readonly activeChannelIds: readonly string[];
}

/**
 * The metrics of an instance: those of its only process, or of several as those of one. Counters, histograms and sizes
 * are added up; of what answers the worst counts; of lags the mean, the least or the largest, as their name says.
 *
 * @returns Prometheus text format 0.0.4
 */
export async function exposeMetrics(
  snapshots: readonly MetricsSnapshot[],
): Promise<{ contentType: string; text: string }> {
  const plain = snapshots.map((snapshot) =>
    snapshot.plain.map((metric) =>
      // The library leaves it out of sums; what is asked of an instance is since when it runs.
      metric.name === 'process_start_time_seconds' ? { ...metric, aggregator: 'min' } : metric,
    ),
  );
  // The types name the library's own classes; it asks for no more than what it has given as JSON.
  const own = Registry.aggregate(plain as unknown as Metric<string>[]);
  // Not a sum of the processes' counts: a channel may have members on several.
  const active = new Set(snapshots.flatMap(({ activeChannelIds }) => activeChannelIds));
  const channels = channelRegistry(mergeChannels(snapshots), active.size);
  const parts = await Promise.all([own.metrics(), channels.metrics()]);
  return { contentType: own.contentType, text: parts.map((part) => `${part.trimEnd()}\n`).join('\n') };
}

function mergeChannels(snapshots: readonly MetricsSnapshot[]): Map<string, ChannelSeries> {
  const merged = new Map<string, ChannelSeries>();
  for (const [label, series] of snapshots.flatMap((snapshot) => snapshot.channels)) {
    const before = merged.get(label);
    merged.set(label, before === undefined ? series : addUp(before, series));
  }
  return merged;
}

function addUp(a: ChannelSeries, b: ChannelSeries): ChannelSeries {
  return {
    connectionsTotal: a.connectionsTotal + b.connectionsTotal,
    connectionsCurrent: a.connectionsCurrent + b.connectionsCurrent,
    rateLimitHits: a.rateLimitHits + b.rateLimitHits,
    messages: addCounts(a.messages, b.messages),
    errors: addCounts(a.errors, b.errors),
    latencySeconds: addBuckets(a.latencySeconds, b.latencySeconds),
    broadcastSeconds: addBuckets(a.broadcastSeconds, b.broadcastSeconds),
  };
}

function addCounts(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): Map<string, number> {
  const sum = new Map(a);
  for (const [key, count] of b) sum.set(key, (sum.get(key) ?? 0) + count);
  return sum;
}

function addBuckets(a: BucketCounts, b: BucketCounts): BucketCounts {
  return { bounds: a.bounds, counts: a.counts.map((n, index) => n + (b.counts[index] ?? 0)), sum: a.sum + b.sum };
}

/** The series of channels, made as they are read: a registry of the moment. */
function channelRegistry(channels: ReadonlyMap<string, ChannelSeries>, active: number): Registry {
  const registry = new Registry();
  const add = (
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    read: (series: ChannelSeries) => Iterable<Sample>,
  ) => {
    const get = () => {
      const values: Sample[] = [];
      for (const [channelId, series] of channels) {
        for (const { labels, ...rest } of read(series))
          values.push({ labels: { channel_id: channelId, ...labels }, ...rest });
      }
      return Promise.resolve({ name, help, type, values, aggregator: 'sum' });
    };
    // The registry asks no more of a metric than a name and get(); its type names only the library's own classes.
    registry.registerMetric({ name, get, reset: () => {} } as unknown as Metric<string>);
  };
  add('websocket_connections_total', 'Connections that joined the channel', 'counter', (m) => [
    sample(m.connectionsTotal),
  ]);
  add('websocket_connections_current', 'Open connections in the channel', 'gauge', (m) => [
    sample(m.connectionsCurrent),
  ]);
  add('websocket_messages_total', 'Frames by type', 'counter', (m) => samples('type', m.messages));
  add('websocket_errors_total', 'Errors by code', 'counter', (m) => samples('error_type', m.errors));
  add('websocket_rate_limit_hits_total', 'Messages refused by the rate limit', 'counter', (m) => [
    sample(m.rateLimitHits),
  ]);
  add(
    'websocket_message_latency_seconds',
    'From the receipt of a message at this instance to the write to its sockets',
    'histogram',
    (m) => histogramSamples('websocket_message_latency_seconds', m.latencySeconds),
  );
  add(
    'websocket_broadcast_duration_seconds',
    'Time to hand one tick of a channel to all its sockets',
    'histogram',
    (m) => histogramSamples('websocket_broadcast_duration_seconds', m.broadcastSeconds),
  );
  new Gauge({
    name: 'websocket_channels_active',
    help: 'Channels with a member connected here',
    registers: [registry],
  }).set(active);
  return registry;
}

interface Sample {
  readonly value: number;
  readonly labels: Record<string, string | number>;
  readonly metricName?: string;
}

function sample(value: number): Sample {
  return { value, labels: {} };
}

function* samples(label: string, counts: ReadonlyMap<string, number>): Iterable<Sample> {
  for (const [key, value] of counts) yield { value, labels: { [label]: key } };
}

function* histogramSamples(name: string, buckets: BucketCounts): Iterable<Sample> {
  let cumulative = 0;
  for (const [index, count] of buckets.counts.entries()) {
    cumulative += count;
    yield { metricName: `${name}_bucket`, value: cumulative, labels: { le: buckets.bounds[index] ?? '+Inf' } };
  }
  yield { metricName: `${name}_sum`, value: buckets.sum, labels: {} };
  yield { metricName: `${name}_count`, value: cumulative, labels: {} };
}
