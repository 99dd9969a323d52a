import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from '@prometheus-io/client';

/*
 * Every metric of the server. The eight that have a channel_id label are counted in plain numbers on an object of
 * their channel and become Prometheus series only when they are scraped: nothing is hashed or looked up a message, and
 * a channel's series go with its hub.
 */

const LATENCY_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const BROADCAST_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1];
/** Metrics of the library's own whose names break Prometheus's rules (`promtool check metrics`). */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
];
/** Label of what belongs to no channel of this instance, and of everything when channels are folded into one. */
const NO_CHANNEL = 'none';
const ALL_CHANNELS = 'all';

/** A histogram's numbers for one channel. */
class Buckets {
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
}

/** The numbers of one channel on this instance. */
export class ChannelMetrics {
  connectionsTotal = 0;
  connectionsCurrent = 0;
  rateLimitHits = 0;
  /** Frames by type, received from clients (`message`, `typing`) and delivered batches' messages (`broadcast`). */
  readonly messages = new Map<string, number>();
  readonly errors = new Map<string, number>();
  readonly latencySeconds = new Buckets(LATENCY_BUCKETS);
  readonly broadcastSeconds = new Buckets(BROADCAST_BUCKETS);

  countMessages(type: string, count = 1): void {
    this.messages.set(type, (this.messages.get(type) ?? 0) + count);
  }

  countError(type: string): void {
    this.errors.set(type, (this.errors.get(type) ?? 0) + 1);
  }
}

interface MetricsOptions {
  /** False: one series for all channels together. */
  readonly channelLabel: boolean;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #channels = new Map<string, ChannelMetrics>();
  readonly #elsewhere = new ChannelMetrics();
  readonly #channelLabel: boolean;

  readonly channelsActive = this.#gauge('websocket_channels_active', 'Channels with a member connected here');
  readonly journalBatchSize = this.#histogram(
    'hubbub_journal_batch_messages',
    'Messages stored by one statement',
    [1, 2, 5, 10, 20, 50, 100, 200, 500],
  );
  readonly journalSeconds = this.#histogram(
    'hubbub_journal_batch_seconds',
    'Time until a batch of messages is committed',
    LATENCY_BUCKETS,
  );
  readonly journalQueue = this.#gauge('hubbub_journal_queue_messages', 'Messages waiting to be stored');
  readonly journalFailures = this.#counter(
    'hubbub_journal_failures_total',
    'Messages refused because storage was away',
  );
  readonly busPublished = this.#counter('hubbub_bus_published_total', 'Batches published to the other instances');
  readonly busReceived = this.#counter('hubbub_bus_received_total', 'Batches received from other instances');
  readonly busErrors = this.#counter('hubbub_bus_errors_total', 'Batches that could not be published');
  readonly gapsFound = this.#counter('hubbub_gaps_found_total', 'Times that a channel missed a part of its sequence');
  readonly gapsFilled = this.#counter('hubbub_gaps_filled_total', 'Gaps read back from the database');
  readonly slowConsumers = this.#counter('hubbub_slow_consumers_closed_total', 'Connections closed as too slow');
  readonly ephemeralDropped = this.#counter(
    'hubbub_ephemeral_frames_dropped_total',
    'Typing and presence frames that a slow connection was spared',
  );
  readonly resumes = this.#counter('hubbub_resumes_total', 'Joins by where their messages came from', ['source']);
  readonly upgradesRefused = this.#counter('hubbub_upgrades_refused_total', 'Refused WebSocket upgrades', ['code']);
  readonly redisUp = this.#gauge('hubbub_redis_up', '1: Redis answers; 0: it does not; -1: none is configured');
  readonly databaseUp = this.#gauge('hubbub_database_up', '1: the database answers; 0: it does not');

  constructor(options: MetricsOptions) {
    this.#channelLabel = options.channelLabel;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
    const counter = (name: string, help: string, read: (metrics: ChannelMetrics) => Iterable<Sample>) =>
      this.#registerChannelMetric(name, help, 'counter', read);
    counter('websocket_connections_total', 'Connections that joined the channel', (m) => [sample(m.connectionsTotal)]);
    this.#registerChannelMetric('websocket_connections_current', 'Open connections in the channel', 'gauge', (m) => [
      sample(m.connectionsCurrent),
    ]);
    counter('websocket_messages_total', 'Frames by type', (m) => samples('type', m.messages));
    counter('websocket_errors_total', 'Errors by code', (m) => samples('error_type', m.errors));
    counter('websocket_rate_limit_hits_total', 'Messages refused by the rate limit', (m) => [sample(m.rateLimitHits)]);
    this.#registerChannelMetric(
      'websocket_message_latency_seconds',
      'From the receipt of a message at this instance to the write to its sockets',
      'histogram',
      (m) => histogramSamples('websocket_message_latency_seconds', m.latencySeconds),
    );
    this.#registerChannelMetric(
      'websocket_broadcast_duration_seconds',
      'Time to hand one tick of a channel to all its sockets',
      'histogram',
      (m) => histogramSamples('websocket_broadcast_duration_seconds', m.broadcastSeconds),
    );
  }

  /** Begins a channel's series. */
  addChannel(channelId: string): ChannelMetrics {
    const key = this.#channelLabel ? channelId : ALL_CHANNELS;
    let metrics = this.#channels.get(key);
    if (metrics === undefined) {
      metrics = new ChannelMetrics();
      this.#channels.set(key, metrics);
    }
    return metrics;
  }

  /** Ends a channel's series. */
  dropChannel(channelId: string): void {
    this.#channels.delete(channelId);
  }

  /** The numbers of a channel that has a hub here, else those of no channel: unknown ids never make a series. */
  channel(channelId: string | null): ChannelMetrics {
    return this.#channels.get(this.#channelLabel ? (channelId ?? NO_CHANNEL) : ALL_CHANNELS) ?? this.#elsewhere;
  }

  /** Prometheus text format 0.0.4. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: `${(await this.#registry.metrics()).trimEnd()}\n` };
  }

  #counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }

  #registerChannelMetric(
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    read: (metrics: ChannelMetrics) => Iterable<Sample>,
  ): void {
    const get = () => {
      const values: Sample[] = [];
      const add = (channelId: string, metrics: ChannelMetrics) => {
        for (const { labels, ...rest } of read(metrics))
          values.push({ labels: { channel_id: channelId, ...labels }, ...rest });
      };
      for (const [channelId, metrics] of this.#channels) add(channelId, metrics);
      add(NO_CHANNEL, this.#elsewhere);
      return Promise.resolve({ name, help, type, values, aggregator: 'sum' });
    };
    // The registry asks no more of a metric than a name and get(); its type names only the library's own classes.
    this.#registry.registerMetric({ name, get, reset: () => {} } as unknown as Metric<string>);
  }
}

interface Sample {
  readonly value: number;
  readonly labels: Record<string, string | number>;
  readonly metricName?: string;
}

function sample(value: number): Sample {
  return { value, labels: {} };
}

function* samples(label: string, counts: Map<string, number>): Iterable<Sample> {
  for (const [key, value] of counts) yield { value, labels: { [label]: key } };
}

function* histogramSamples(name: string, buckets: Buckets): Iterable<Sample> {
  let cumulative = 0;
  for (const [index, count] of buckets.counts.entries()) {
    cumulative += count;
    yield { metricName: `${name}_bucket`, value: cumulative, labels: { le: buckets.bounds[index] ?? '+Inf' } };
  }
  yield { metricName: `${name}_sum`, value: buckets.sum, labels: {} };
  yield { metricName: `${name}_count`, value: cumulative, labels: {} };
}
