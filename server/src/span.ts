import type { Span, SpanStatusCode } from '@opentelemetry/api';
import type { HubbubError } from './errors.js';

/*
 * What the parts of the server do with a span. Where nothing is traced, and for what is not sampled, there is none: then
 * all of this does nothing. Only types are imported, so that no part loads OpenTelemetry where it is not configured.
 */

const STATUS_ERROR: SpanStatusCode.ERROR = 2;
const FIRST_OWN_FAULT = 500;

/** Ends a span, unless it has ended. @param outcome what came of it, where that is not one thing */
export function endSpan(span: Span | null, outcome?: string): void {
  if (!span?.isRecording()) return;
  if (outcome !== undefined) span.setAttribute('hubbub.outcome', outcome);
  span.end();
}

/** Notes a refusal by its code. By OpenTelemetry's rules it is an error of the server only where it is not the client's. */
export function noteError(span: Span | null, error: HubbubError): void {
  span?.setAttribute('error.type', error.code);
  if (error.status >= FIRST_OWN_FAULT) span?.setStatus({ code: STATUS_ERROR, message: error.message });
}

/** Ends a span that came to an error, unless it has ended. */
export function failSpan(span: Span | null, error: HubbubError): void {
  if (!span?.isRecording()) return;
  noteError(span, error);
  span.end();
}

/** The fields by which a log line is found from a trace, and the other way round. */
export function traceFields(span: Span | null): { trace_id: string; span_id: string } | undefined {
  if (span === null) return undefined;
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}
