import { type Aggregator, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { Buckets, type ChannelSeries, exposeMetrics, type MetricsSnapshot, type PlainMetric } from './metrics-text.js';

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

/** The numbers of one channel on this instance. */
export class ChannelMetrics implements ChannelSeries {
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
  /** Ids of the channels that have a hub here. */
  readonly #active = new Set<string>();
  readonly #elsewhere = new ChannelMetrics();
  /** Of channels whose series are gone. */
  readonly #goneLatencySeconds = new Buckets(LATENCY_BUCKETS);
  readonly #channelLabel: boolean;

  readonly connections = this.#gauge('hubbub_connections', 'Open WebSocket connections, each once');
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
  readonly busIgnored = this.#counter(
    'hubbub_bus_ignored_total',
    'Batches of other instances that this version could not read',
  );
  readonly gapsFound = this.#counter('hubbub_gaps_found_total', 'Times that a channel missed a part of its sequence');
  readonly gapsFilled = this.#counter('hubbub_gaps_filled_total', 'Gaps read back from the database');
  readonly holes = this.#counter(
    'hubbub_sequence_holes_total',
    'Parts of a sequence found missing in the database that retention has not removed',
  );
  readonly retentionRows = this.#counter('hubbub_retention_removed_rows_total', 'Rows removed for their age', ['kind']);
  readonly retentionOverdue = this.#gauge(
    'hubbub_retention_overdue_seconds',
    'How far the oldest of what is being removed is past its retention; 0: nothing is being removed by this instance',
    'max',
  );
  readonly retentionLastRun = this.#gauge(
    'hubbub_retention_last_run_timestamp_seconds',
    'When all that was past its retention had last been removed, by whichever instance; 0: never yet',
    'max',
  );
  readonly slowConsumers = this.#counter('hubbub_slow_consumers_closed_total', 'Connections closed as too slow');
  readonly ephemeralDropped = this.#counter(
    'hubbub_ephemeral_frames_dropped_total',
    'Typing and presence frames that a slow connection was spared',
  );
  readonly autoModerationHits = this.#counter(
    'hubbub_auto_moderation_hits_total',
    'Messages stopped by a rule of their channel',
    ['rule', 'outcome'],
  );
  readonly resumes = this.#counter('hubbub_resumes_total', 'Joins by where their messages came from', ['source']);
  readonly upgradesRefused = this.#counter('hubbub_upgrades_refused_total', 'Refused WebSocket upgrades', ['code']);
  readonly addressesLimited = this.#counter(
    'hubbub_address_limits_hit_total',
    'Sockets, upgrades and requests refused because of what their address had asked before',
    ['limit'],
  );
  readonly spansLost = this.#counter('hubbub_spans_lost_total', 'Spans of traces that could not be delivered');
  readonly redisUp = this.#gauge(
    'hubbub_redis_up',
    '1: Redis answers, all of it; 0: not; -1: none is configured',
    'min',
  );
  readonly databaseUp = this.#gauge('hubbub_database_up', '1: the database answers; 0: it does not', 'min');

  constructor(options: MetricsOptions) {
    this.#channelLabel = options.channelLabel;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
  }

  /** Begins a channel's series. */
  addChannel(channelId: string): ChannelMetrics {
    this.#active.add(channelId);
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
    this.#active.delete(channelId);
    const metrics = this.#channels.get(channelId);
    if (metrics === undefined) return;
    this.#channels.delete(channelId);
    this.#goneLatencySeconds.add(metrics.latencySeconds);
  }

  /** The numbers of a channel that has a hub here, else those of no channel: unknown ids never make a series. */
  channel(channelId: string | null): ChannelMetrics {
    return this.#channels.get(this.#channelLabel ? (channelId ?? NO_CHANNEL) : ALL_CHANNELS) ?? this.#elsewhere;
  }

  /** Of all channels since the start; it only rises, also when a channel's series go. */
  latencySeconds(): Buckets {
    const total = new Buckets(LATENCY_BUCKETS);
    for (const part of [this.#goneLatencySeconds, ...[...this.#channels.values()].map((each) => each.latencySeconds)]) {
      total.add(part);
    }
    return total;
  }

  /** This process's metrics alone. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return await exposeMetrics([await this.snapshot()]);
  }

  /** All numbers of now, for {@link exposeMetrics} here or in another process. */
  async snapshot(): Promise<MetricsSnapshot> {
    const plain = (await this.#registry.getMetricsAsJSON()) as PlainMetric[];
    return { plain, channels: [...this.#series()], activeChannelIds: [...this.#active] };
  }

  *#series(): Iterable<[string, ChannelMetrics]> {
    yield* this.#channels;
    yield [NO_CHANNEL, this.#elsewhere];
  }

  #counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  /** @param aggregator how the values of several processes become one */
  #gauge(name: string, help: string, aggregator: Aggregator = 'sum'): Gauge {
    return new Gauge({ name, help, aggregator, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }
}
