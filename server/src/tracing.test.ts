import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { BATCH_KIND, type Batch, decodeBatch, encodeBatch } from './batch.js';
import { Tracing } from './tracing.js';

const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const SAMPLED = `00-${CALLER.traceId}-${CALLER.spanId}-01`;
/** More than callers may have recorded at one go. */
const MANY = 150;

function open(t: TestContext, sampler: Sampler = new AlwaysOnSampler()) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracing = new Tracing({ tracer: provider.getTracer('test'), shutdown: () => provider.shutdown() });
  t.after(() => tracing.close());
  return { tracing, exporter };
}

function batchWith(note: string): Batch {
  return { kind: BATCH_KIND.messages, origin: 1, firstSeq: 5, count: 2, note, frames: Buffer.from('frames') };
}

test('what callers say is sampled is recorded up to a rate, and then only what the sampler would have chosen', (t) => {
  const { tracing } = open(t, new ParentBasedSampler({ root: new AlwaysOffSampler() }));
  const request = () => tracing.startRequest('GET', '/', { traceparent: SAMPLED });
  const recorded = Array.from({ length: MANY }, request).filter((span) => span !== null);
  assert.ok(recorded.length >= 100 && recorded.length < MANY, `${recorded.length} were recorded`);
  assert.equal(tracing.startRequest('GET', '/', {}), null);
});

test('past that rate a caller loses nothing of what is sampled anyway', (t) => {
  const { tracing } = open(t);
  for (let count = 0; count < MANY; count++) {
    const span = tracing.startRequest('GET', '/', { traceparent: SAMPLED });
    assert.equal(span?.spanContext().traceId, CALLER.traceId);
  }
});

test('a traceparent that is none begins a trace of its own', (t) => {
  const { tracing } = open(t);
  for (const traceparent of ['', 'x', SAMPLED.replace(CALLER.traceId, '0'.repeat(32)), SAMPLED.slice(0, -1)]) {
    const span = tracing.startRequest('GET', '/', { traceparent });
    assert.ok(span !== null);
    assert.notEqual(span.spanContext().traceId, CALLER.traceId);
  }
});

test('the query of an upgrade stands in no span', (t) => {
  const { tracing, exporter } = open(t);
  tracing.startUpgrade({ headers: {}, method: 'GET', url: '/ws/chat?access_token=secret' } as IncomingMessage)?.end();
  const [span] = exporter.getFinishedSpans();
  assert.equal(span?.attributes['url.path'], '/ws/chat');
});

test('a publish is found again behind the bus, by a note that the header has room for', (t) => {
  const { tracing, exporter } = open(t);
  const command = tracing.startCommand('message', { userId: 'ada', upgrade: null, atMs: 0 });
  assert.ok(command !== null);
  const publish = tracing.startPublish(command);
  assert.ok(publish !== null);
  const received = decodeBatch(encodeBatch(batchWith(tracing.noteOf(publish))));
  assert.ok(received !== null);
  assert.deepEqual(received.frames, Buffer.from('frames'));
  tracing.startFanOut('channel', received, 3)?.end();
  const [fanOut] = exporter.getFinishedSpans();
  assert.equal(fanOut?.spanContext().traceId, command.spanContext().traceId);
  assert.equal(fanOut?.parentSpanContext?.spanId, publish.spanContext().spanId);
});

test('a note that no publish has made begins no span', (t) => {
  const { tracing } = open(t);
  assert.equal(tracing.startFanOut('channel', batchWith('{"of":"another version"}'), 3), null);
});
