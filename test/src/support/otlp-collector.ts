/** A collector of traces: takes OTLP over HTTP, and keeps the spans for tests to look at. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A span, as far as tests look at it. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of its trace. */
  readonly parentSpanId: string;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0: not said, 1: ok, 2: an error. */
  readonly status: number;
  /** Attributes of the process that it comes from. */
  readonly resource: Readonly<Record<string, unknown>>;
}

// The JSON of OTLP (opentelemetry-proto, trace/v1/trace.proto), as far as it is read here.
interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface RawSpan extends Pick<CollectedSpan, 'name' | 'traceId' | 'spanId'> {
  readonly parentSpanId?: string;
  readonly links?: CollectedSpan['links'];
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code?: number };
}
interface RawTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

/** What was sent in one request. */
interface Received {
  readonly contentType: string;
  readonly body: Buffer;
}

export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  /** Every request, as it came. */
  readonly received: Received[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port default: any that is free */
  static async start(port = 0): Promise<OtlpCollector> {
    const server = createServer();
    const collector = new OtlpCollector(server);
    server.on('request', (request, response) => {
      void collector.#take(request).then(
        () => response.setHeader('content-type', 'application/json').end('{}'),
        (error) => response.writeHead(400).end(String(error)),
      );
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The spans of one trace. */
  trace(traceId: string): CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage): Promise<void> {
    const contentType = request.headers['content-type'] ?? '';
    const body = await buffer(request);
    if (request.url !== '/v1/traces') throw new Error(`There is no ${request.url}`);
    this.received.push({ contentType, body });
    if (contentType === 'application/json') this.spans.push(...spansOf(JSON.parse(body.toString())));
  }
}

function spansOf({ resourceSpans }: RawTraces): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId = '', links = [], attributes, status }) => ({
        name,
        traceId,
        spanId,
        parentSpanId,
        links: links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
        attributes: valuesOf(attributes),
        status: status.code ?? 0,
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  // Each value is an object of one field, named by its type.
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
