import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent, W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Batch } from './batch.js';
import { MemoryLimiter, type Rate } from './limiter.js';
import { requestPath } from './request-path.js';
import type { Pending } from './submission.js';

/*
 * The spans of one message, each but the first the child of the one above it:
 *
 *   command message (or the REST request)          one a client frame, a trace of its own
 *     journal batch                                one a channel and statement; child of its first traced message
 *       publish
 *         fan-out                                  one a batch and instance, none a socket
 *
 * Nothing is propagated in the background: a span is handed on beside what it is about. This module loads OpenTelemetry;
 * the others import its types alone, and server.ts the module, where traces are configured.
 */

/** What a command's span is about. */
interface CommandFacts {
  readonly userId: string;
  /** The upgrade of its connection; null: not sampled. */
  readonly upgrade: SpanContext | null;
  /** When its frame was received (`performance.now()`). */
  readonly atMs: number;
}

interface TracingOptions {
  readonly tracer: Tracer;
  /** Sends what has gathered; nothing is recorded any more. */
  readonly shutdown: () => Promise<void>;
}

/** Traces that are recorded because the caller's `traceparent` says so, and would not be by the sampler's own choice. */
const CALLERS_CHOICES: Rate = { perMinute: 600, burst: 100 };
const MAX_PATH_CHARS = 256;
/** The flags of a `traceparent`; a span that is recorded here is sampled. */
const SAMPLED = '01';
const SERVER = { kind: SpanKind.SERVER };
const INTERNAL = { kind: SpanKind.INTERNAL };
const PRODUCER = { kind: SpanKind.PRODUCER };
const CONSUMER = { kind: SpanKind.CONSUMER };

/** Begins spans. Each method gives null for one that is not sampled: then there is nothing below it, either. */
export class Tracing {
  readonly #options: TracingOptions;
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #callers = new MemoryLimiter();

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  /** An upgrade to WebSocket, up to its 101 or its refusal. */
  startUpgrade({ headers, method = 'GET', url = '/' }: IncomingMessage): Span | null {
    return this.#startServer('upgrade', headers, {
      'http.request.method': method,
      'url.path': requestPath(url).slice(0, MAX_PATH_CHARS),
    });
  }

  /** A REST request. @param route its pattern; absent: there is none */
  startRequest(method: string, route: string | undefined, headers: IncomingHttpHeaders): Span | null {
    const name = route === undefined ? method : `${method} ${route}`;
    return this.#startServer(name, headers, { 'http.request.method': method, 'http.route': route });
  }

  /**
   * A client's frame: a trace of its own, linked to the connection's upgrade. Under that one it would make traces that go on
   * for days, and one sampled connection would have all of its frames sampled.
   *
   * @param type of the frame; `invalid` for one that has none
   */
  startCommand(type: string, { userId, upgrade, atMs }: CommandFacts): Span | null {
    const span = this.#start(`command ${type}`, SERVER, ROOT_CONTEXT);
    if (span === null) return null;
    span.setAttributes({ 'user.id': userId, 'hubbub.waited_ms': performance.now() - atMs });
    if (upgrade !== null) span.addLink({ context: upgrade });
    return span;
  }

  /**
   * A channel's batch on its way into the database. It is the child of its first traced message; it and the others are
   * linked to each other.
   *
   * @returns null when none of its messages is traced
   */
  startBatch(channelId: string, pendings: readonly Pending[]): Span | null {
    let batch: Span | null = null;
    for (const { submission } of pendings) {
      if (submission.span === null) continue;
      if (batch === null) {
        batch = this.#start('journal batch', INTERNAL, under(submission.span.spanContext()));
        batch?.setAttributes({ 'hubbub.channel_id': channelId, 'hubbub.messages': pendings.length });
        continue;
      }
      batch.addLink({ context: submission.span.spanContext() });
      submission.span.addLink({ context: batch.spanContext() });
    }
    return batch;
  }

  /** A committed batch that is handed to this instance's hub and to the bus. */
  startPublish(batch: Span): Span | null {
    return this.#start('publish', PRODUCER, under(batch.spanContext()));
  }

  /**
   * A published batch on one instance, up to the write to its sockets.
   *
   * @param batch with a note of {@link noteOf} @returns null also when the note is not such a one
   */
  startFanOut(channelId: string, { note, firstSeq, count }: Batch, subscribers: number): Span | null {
    const parent = parseTraceParent(note);
    if (parent === null) return null;
    const span = this.#start('fan-out', CONSUMER, under({ ...parent, isRemote: true }));
    span?.setAttributes({
      'hubbub.channel_id': channelId,
      'hubbub.first_seq': firstSeq,
      'hubbub.messages': count,
      'hubbub.subscribers': subscribers,
    });
    return span;
  }

  /** The span as the note of a batch: a `traceparent` (W3C Trace Context, section 3.2). */
  noteOf(span: Span): string {
    const { traceId, spanId } = span.spanContext();
    return `00-${traceId}-${spanId}-${SAMPLED}`;
  }

  async close(): Promise<void> {
    this.#callers.close();
    await this.#options.shutdown();
  }

  /**
   * A span under the caller's `traceparent`. Callers are clients, and what they say is sampled has a bound: past it the
   * sampler is asked as if there was no caller, with a random id in place of one that was chosen.
   */
  #startServer(name: string, headers: IncomingHttpHeaders, attributes: Attributes): Span | null {
    const parent = this.#propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const span = this.#start(name, SERVER, parent);
    const isCallers = span !== null && parent !== ROOT_CONTEXT;
    if (isCallers && !this.#callers.take('callers', CALLERS_CHOICES).allowed) {
      if (this.#start(name, SERVER, ROOT_CONTEXT) === null) return null;
    }
    span?.setAttributes(attributes);
    return span;
  }

  #start(name: string, options: { readonly kind: SpanKind }, parent: Context): Span | null {
    const span = this.#options.tracer.startSpan(name, options, parent);
    return span.isRecording() ? span : null;
  }
}

function under(parent: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}
