import { DiagLogLevel, diag } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { TracingConfig } from './config.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { Tracing } from './tracing.js';

interface TracingContext {
  readonly instanceId: string;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Tracing by the OpenTelemetry SDK. It reads the sampler, the exporter's endpoint, headers and time-outs, the size of its
 * queue and the resource's attributes from the standard `OTEL_…` variables itself.
 */
export async function openTracing(
  config: TracingConfig,
  { instanceId, metrics, log }: TracingContext,
): Promise<Tracing> {
  // The SDK tells of values that it cannot use, and goes on with its defaults. Later its log would tell of every failure.
  const warn = (text: string) => log.warn(text);
  const ignore = () => {};
  diag.setLogger({ error: warn, warn, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
  const { OTLPTraceExporter } =
    config.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  const exporter = new WatchedExporter(new OTLPTraceExporter(), metrics, log);
  const own = resourceFromAttributes({ 'service.name': 'hubbub', 'service.instance.id': instanceId });
  const provider = new BasicTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  diag.disable();
  return new Tracing({ tracer: provider.getTracer('hubbub'), shutdown: () => provider.shutdown() });
}

/** Hands spans on, and tells once when that begins to fail and once when it works again: a collector may be away for long. */
class WatchedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  /** Spans lost since it began to fail; 0: it does not. */
  #lost = 0;

  constructor(exporter: SpanExporter, metrics: Metrics, log: Logger) {
    this.#exporter = exporter;
    this.#metrics = metrics;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      this.#watch(spans.length, result);
      // What failed is told of; the SDK's own way with it would be one more line each time.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #watch(count: number, { code, error }: ExportResult): void {
    if (code === ExportResultCode.SUCCESS) {
      if (this.#lost > 0) this.#log.info({ spans_lost: this.#lost }, 'Traces can be delivered again');
      this.#lost = 0;
      return;
    }
    if (this.#lost === 0) {
      this.#log.warn({ err: String(error) }, 'Traces cannot be delivered, and are dropped: is the collector up?');
    }
    this.#lost += count;
    this.#metrics.spansLost.inc(count);
  }
}
