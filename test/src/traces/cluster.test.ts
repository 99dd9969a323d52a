/** Traces of a cluster: what became of a message, from the frame that brought it to the sockets of both instances. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { isMessage, Stage, V1 } from '../contract/stage.js';
import { type CollectedSpan, OtlpCollector } from '../support/otlp-collector.js';
import { UpgradeRefused } from '../support/upgrade.js';
import { until } from '../support/wait.js';

/** The one span that there must be. */
function only(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${name} among ${spans.map((span) => span.name).join(', ')}`);
  return found[0] as CollectedSpan;
}

function idOf({ traceId, spanId }: CollectedSpan) {
  return { traceId, spanId };
}

describe('two instances that are traced', () => {
  let collector: OtlpCollector;
  let stage: Stage;

  before(async () => {
    collector = await OtlpCollector.start();
    stage = new Stage('cluster', {
      env: {
        CHAT_RATE_LIMIT_PER_MINUTE: '0',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '50',
        OTEL_SERVICE_NAME: 'chat-of-a-test',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      },
    });
    await stage.start();
  });
  after(async () => {
    await stage.closeClients();
    await stage.pair.stop();
    await collector.stop();
  });

  /** All spans of the trace of the command or request that `isFirst` tells, once both instances have written. */
  async function wholeTrace(isFirst: (span: CollectedSpan) => boolean): Promise<CollectedSpan[]> {
    const trace = await until(
      () => {
        const first = collector.spans.find(isFirst);
        const spans = first === undefined ? [] : collector.trace(first.traceId);
        return spans.filter(({ name }) => name === 'fan-out').length === 2 ? spans : null;
      },
      { message: 'both fan-outs of a trace', timeoutMs: 10_000 },
    );
    const batch = only(trace, 'journal batch');
    const publish = only(trace, 'publish');
    assert.equal(publish.parentSpanId, batch.spanId);
    const fanOuts = trace.filter(({ name }) => name === 'fan-out');
    assert.deepEqual(
      fanOuts.map(({ parentSpanId }) => parentSpanId),
      [publish.spanId, publish.spanId],
    );
    const instances = new Set(fanOuts.map(({ resource }) => resource['service.instance.id']));
    assert.equal(instances.size, 2, 'one on each instance');
    assert.ok(instances.has(publish.resource['service.instance.id']));
    for (const { resource } of trace) {
      assert.equal(resource['service.name'], 'chat-of-a-test');
      assert.equal(resource['deployment.environment.name'], 'test');
    }
    return trace;
  }

  test('a message is one trace from its frame to the sockets of both instances, linked to its upgrade', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    const here = await owner.join(channel.id, { at: 0 });
    const there = await other.join(channel.id, { at: 1 });
    const content = 'what was said is nobody else’s business';
    here.send({ type: 'message', content });
    await there.next(isMessage(content));

    const isCommand = ({ name, attributes }: CollectedSpan) =>
      name === 'command message' && attributes['user.id'] === owner.id;
    const trace = await wholeTrace(isCommand);
    const command = only(trace, 'command message');
    assert.equal(command.parentSpanId, '');
    assert.equal(command.attributes['hubbub.outcome'], 'stored');
    assert.equal(command.attributes['hubbub.channel_id'], channel.id);
    const batch = only(trace, 'journal batch');
    assert.equal(batch.parentSpanId, command.spanId);
    assert.equal(Number(batch.attributes['hubbub.messages']), 1);
    for (const { attributes } of trace.filter(({ name }) => name === 'fan-out')) {
      assert.deepEqual([attributes['hubbub.first_seq'], attributes['hubbub.subscribers']].map(Number), [1, 1]);
    }
    const upgrade = collector.spans.find(
      ({ name, attributes }) => name === 'upgrade' && attributes['user.id'] === owner.id,
    );
    assert.ok(upgrade !== undefined);
    assert.deepEqual(command.links, [idOf(upgrade)]);
    assert.equal(Number(upgrade.attributes['http.response.status_code']), 101);
    const sent = collector.received.map(({ body }) => body.toString()).join('\n');
    for (const secret of [content, owner.token]) assert.ok(!sent.includes(secret));
  });

  test('messages that share a batch: one has it in its trace, it and the others are linked to each other', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id);
    // Frames that arrive together are stored together, but for the very first, which may be on its way already.
    const isShared = ({ name, attributes, links }: CollectedSpan) =>
      name === 'journal batch' && attributes['hubbub.channel_id'] === channel.id && links.length > 0;
    let rounds = 0;
    const batch = await until(
      async () => {
        rounds++;
        for (let number = 1; number <= 20; number++) client.send({ type: 'message', content: `${rounds}:${number}` });
        await client.next(isMessage(`${rounds}:20`));
        return await until(() => collector.spans.find(isShared), { timeoutMs: 1000 });
      },
      { message: 'a batch of several messages', timeoutMs: 15_000 },
    );
    const linked = await until(() => {
      const commands = batch.links.map(({ spanId }) => collector.spans.find((span) => span.spanId === spanId));
      return commands.every((command) => command !== undefined) ? commands : null;
    });
    assert.equal(linked.length, Number(batch.attributes['hubbub.messages']) - 1);
    for (const command of linked) {
      assert.notEqual(command.traceId, batch.traceId);
      assert.ok(command.links.some(({ spanId }) => spanId === batch.spanId));
    }
  });

  test('a request goes on with the trace of its caller, and its log line names the span', async () => {
    const { channel, owner } = await stage.channel();
    const [other] = await stage.users(1);
    assert.ok(other !== undefined);
    await owner.join(channel.id, { at: 0 });
    await other.join(channel.id, { at: 1 });
    const traceId = randomBytes(16).toString('hex');
    const callerId = randomBytes(8).toString('hex');
    const headers = { traceparent: `00-${traceId}-${callerId}-01` };
    const path = `${V1}/channels/${channel.id}/messages`;
    await owner.api(0).post(path, { content: 'by REST' }, { headers, expect: 201 });
    const trace = await wholeTrace((span) => span.traceId === traceId);
    const request = only(trace, `POST ${V1}/channels/:id/messages`);
    assert.equal(request.parentSpanId, callerId);
    assert.equal(Number(request.attributes['http.response.status_code']), 201);
    assert.equal(only(trace, 'journal batch').parentSpanId, request.spanId);
    const line = await until(() => stage.instance(0).logs.find(({ trace_id }) => trace_id === traceId));
    assert.deepEqual([line.msg, line.path, line.span_id], ['request', path, request.spanId]);

    // One that is not sampled by its caller is none of ours either.
    const quiet = `00-${randomBytes(16).toString('hex')}-${callerId}-00`;
    await owner.api(0).get(`${V1}/channels?limit=7`, { headers: { traceparent: quiet }, expect: 200 });
    await owner.api(0).get(`${V1}/channels?limit=8`, { expect: 200 });
    const lines = await until(() => {
      const found = stage
        .instance(0)
        .logs.filter(({ path: logged, method }) => logged === `${V1}/channels` && method === 'GET');
      return found.length >= 2 ? found.slice(-2) : null;
    });
    assert.deepEqual(
      lines.map(({ trace_id }) => typeof trace_id),
      ['undefined', 'string'],
    );
  });

  test('refusals carry their code, and count as errors only where they are the server’s', async () => {
    const { channel, owner } = await stage.channel();
    await assert.rejects(owner.open(`${V1}/channels/${channel.id}/ws?last_seq=x`), UpgradeRefused);
    await assert.rejects(owner.open(`${V1}/channels/${channel.id}/ws`, { token: null }), UpgradeRefused);
    const client = await owner.join(channel.id);
    client.send('no JSON');
    client.send({ type: 'message', content: '   ' });
    client.send({ type: 'join', channel_id: 'nowhere' });
    for (let error = 0; error < 3; error++) await client.next('error');
    await owner.api().get(`${V1}/channels/nowhere`, { expect: 400 });
    const expected = [
      ['upgrade', 'INVALID_REQUEST', 400],
      ['upgrade', 'UNAUTHORIZED', 401],
      ['command invalid', 'INVALID_FRAME', undefined],
      ['command message', 'EMPTY_MESSAGE', undefined],
      ['command join', 'INVALID_CHANNEL_ID', undefined],
      [`GET ${V1}/channels/:id`, 'INVALID_REQUEST', 400],
    ] as const;
    for (const [name, code, status] of expected) {
      const span = await until(
        () => collector.spans.find((each) => each.name === name && each.attributes['error.type'] === code),
        { message: `${name} with ${code}` },
      );
      const statusCode = span.attributes['http.response.status_code'];
      assert.equal(statusCode === undefined ? undefined : Number(statusCode), status);
      assert.equal(span.status, 0, 'the fault is the client’s');
    }
  });

  test('a command that fails unexpectedly is an error, and its log line names the span', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id, { at: 0 });
    const database = new pg.Client({ connectionString: stage.pair.env.DATABASE_URL });
    await database.connect();
    try {
      await database.query('alter table chat_messages rename to chat_messages_away');
      client.send({ type: 'message', content: 'cannot be stored' });
      assert.equal((await client.next('error')).code, 'INTERNAL');
    } finally {
      await database.query('alter table chat_messages_away rename to chat_messages');
      await database.end();
    }
    const command = await until(() =>
      collector.spans.find(
        ({ attributes }) => attributes['error.type'] === 'INTERNAL' && attributes['user.id'] === owner.id,
      ),
    );
    assert.equal(command.status, 2);
    const line = await until(() => stage.instance(0).logs.find(({ trace_id }) => trace_id === command.traceId));
    assert.deepEqual([line.msg, line.span_id], ['A command failed unexpectedly', command.spanId]);
    const batch = await until(() => collector.trace(command.traceId).find(({ name }) => name === 'journal batch'));
    assert.equal(batch.status, 2);
  });
});
