/** What machines and operators read: probes, metrics, statistics, descriptions, the page. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Parser } from '@asyncapi/parser';
import type { Health, Stats } from '@hubbub/protocol/rest.js';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { createAjv } from '../support/schema.js';
import { until } from '../support/wait.js';
import { assertRefused, forEachPair, isMessage, nextError, RFC3339_MS_UTC, type Stage, V1 } from './stage.js';

const LATENCY_BOUNDS = ['0.001', '0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '+Inf'];
const BROADCAST_BOUNDS = ['0.0001', '0.0005', '0.001', '0.005', '0.01', '0.025', '0.05', '0.1', '+Inf'];

interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function scrape(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/metrics`, { headers });
  const text = await response.text();
  const lines = text.split('\n').filter((line) => line !== '');
  const types = new Map(
    lines.flatMap((line) => {
      const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
      return name === undefined || type === undefined ? [] : [[name, type] as const];
    }),
  );
  const series = lines.filter((line) => !line.startsWith('#')).map(parseSeries);
  return { status: response.status, contentType: response.headers.get('content-type') ?? '', text, types, series };
}

function parseSeries(line: string): Series {
  const [, name, inner = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  assert.ok(name !== undefined && value !== undefined, line);
  const labels = Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]));
  return { name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) };
}

function seriesValue(series: readonly Series[], name: string, labels: Record<string, string>): number | undefined {
  return series.find(
    (each) =>
      each.name === name &&
      Object.keys(each.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  )?.value;
}

/** Every object in a JSON value. */
function* objectsIn(value: unknown): Iterable<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const each of Object.values(value)) yield* objectsIn(each);
}

function assertReferencesResolve(document: object): void {
  for (const { $ref } of objectsIn(document)) {
    if (typeof $ref !== 'string') continue;
    assert.ok($ref.startsWith('#/'), $ref);
    let at: unknown = document;
    for (const key of $ref.slice(2).split('/')) {
      at = (at as Record<string, unknown> | undefined)?.[
        decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')
      ];
    }
    assert.ok(at !== undefined, `${$ref} leads nowhere`);
  }
}

forEachPair({}, (stage: Stage) => {
  test('probes answer without a token', async () => {
    for (const { url } of stage.pair.instances) {
      assert.deepEqual((await api(url).get('/healthz', { expect: 200 })).body, { status: 'ok' });
      // On a machine that has no time a link may be lost and made anew.
      await until(async () => (await api(url).get('/readyz')).status === 200);
    }
  });

  test('health tells connections and channels of the instance', async () => {
    const { channel, owner } = await stage.channel();
    const health = async (prefix: string) =>
      (await api(stage.instance(0).url).get<Health>(`${prefix}/health`, { expect: 200 })).body;
    const idle = await until(async () => {
      const body = await health(V1);
      return body.total_connections === 0 && body;
    });
    assert.deepEqual(Object.keys(idle).sort(), ['active_channels', 'status', 'timestamp', 'total_connections']);
    assert.match(idle.timestamp, RFC3339_MS_UTC);
    assert.equal(idle.status, 'ok');
    const one = await owner.join(channel.id, { at: 0 });
    const two = await owner.join(channel.id, { at: 0 });
    await owner.open('/ws/chat', { at: 0 });
    const busy = await health('/api/chat');
    assert.deepEqual([busy.total_connections, busy.active_channels], [3, 1]);
    await one.close();
    await two.cut();
    await until(async () => {
      const body = await health(V1);
      return body.total_connections === 1 && body.active_channels === 0;
    });
  });

  test('statistics are for site admins alone', async () => {
    const { channel, owner } = await stage.channel();
    await owner.join(channel.id, { at: 0 });
    const path = `${V1}/stats`;
    assertRefused(await owner.api(0).get(path), 403, 'FORBIDDEN');
    assertRefused(await (await stage.user({ role: 'moderator' })).api(0).get(path), 403, 'FORBIDDEN');
    assertRefused(await api(stage.instance(0).url).get(path), 401, 'UNAUTHORIZED');
    const admin = await stage.user({ role: 'admin' });
    const { body } = await admin.api(0).get<Stats>(path, { expect: 200 });
    for (const key of ['status', 'total_connections', 'active_channels', 'timestamp']) assert.ok(key in body, key);
    assert.ok(body.total_connections >= 1);
    const counts = body.channels.find(({ channel_id }) => channel_id === channel.id);
    assert.deepEqual(counts, { channel_id: channel.id, connections: 1, online: 1, last_seq: 0 });
  });

  test('statistics count messages by their latency, and go on counting when a channel is empty again', async () => {
    const admin = await stage.user({ role: 'admin' }, 0);
    const look = async () => (await admin.api(0).get<Stats>(`${V1}/stats`, { expect: 200 })).body.latency_seconds;
    const { bounds, counts } = await look();
    assert.deepEqual(bounds, LATENCY_BOUNDS.slice(0, -1).map(Number));
    assert.equal(counts.length, bounds.length + 1);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, count) => total + count, 0);
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id, { at: 0 });
    for (let index = 0; index < 3; index++) client.send({ type: 'message', content: `counted ${index}` });
    await client.next(isMessage('counted 2'));
    const isCounted = async () => sum((await look()).counts) >= sum(counts) + 3;
    await until(isCounted);
    await client.close();
    await until(async () => {
      const { body } = await admin.api(0).get<Stats>(`${V1}/stats`, { expect: 200 });
      return body.channels.every(({ channel_id }) => channel_id !== channel.id);
    });
    assert.ok(await isCounted());
  });

  test('metrics have the names and labels of the contract', async () => {
    const { channel, owner } = await stage.channel();
    const client = await owner.join(channel.id, { at: 0 });
    const { url } = stage.instance(0);
    client.send({ type: 'message', content: 'counted' });
    await client.next(isMessage('counted'));
    client.send({ type: 'typing' });
    client.send({ type: 'message', content: ' ' });
    await nextError(client, 'EMPTY_MESSAGE');
    for (let index = 0; index < 22; index++) client.send({ type: 'message', content: `burst ${index}` });
    await nextError(client, 'RATE_LIMITED');
    await client.next(isMessage('burst 18'));
    const channel_id = channel.id;
    const { status, contentType, text, types, series } = await until(async () => {
      const scraped = await scrape(url);
      const count = seriesValue(scraped.series, 'websocket_message_latency_seconds_count', { channel_id });
      return (count ?? 0) >= 20 && scraped;
    });
    assert.equal(status, 200);
    assert.match(contentType, /^text\/plain/);
    assert.ok(text.endsWith('\n'));
    const expected: [string, string][] = [
      ['websocket_connections_total', 'counter'],
      ['websocket_connections_current', 'gauge'],
      ['websocket_messages_total', 'counter'],
      ['websocket_message_latency_seconds', 'histogram'],
      ['websocket_errors_total', 'counter'],
      ['websocket_channels_active', 'gauge'],
      ['websocket_rate_limit_hits_total', 'counter'],
      ['websocket_broadcast_duration_seconds', 'histogram'],
    ];
    for (const [name, type] of expected) {
      assert.equal(types.get(name), type, name);
      assert.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'));
    }
    assert.equal(seriesValue(series, 'websocket_connections_total', { channel_id }), 1);
    assert.equal(seriesValue(series, 'websocket_connections_current', { channel_id }), 1);
    assert.equal(seriesValue(series, 'websocket_channels_active', {}), 1);
    assert.ok((seriesValue(series, 'websocket_messages_total', { channel_id, type: 'message' }) ?? 0) >= 22);
    assert.equal(seriesValue(series, 'websocket_messages_total', { channel_id, type: 'typing' }), 1);
    assert.equal(seriesValue(series, 'websocket_errors_total', { channel_id, error_type: 'EMPTY_MESSAGE' }), 1);
    assert.ok((seriesValue(series, 'websocket_errors_total', { channel_id, error_type: 'RATE_LIMITED' }) ?? 0) >= 1);
    assert.ok((seriesValue(series, 'websocket_rate_limit_hits_total', { channel_id }) ?? 0) >= 1);
    const histograms: [string, string[]][] = [
      ['websocket_message_latency_seconds', LATENCY_BOUNDS],
      ['websocket_broadcast_duration_seconds', BROADCAST_BOUNDS],
    ];
    for (const [name, bounds] of histograms) {
      const buckets = series.filter((each) => each.name === `${name}_bucket` && each.labels.channel_id === channel_id);
      assert.deepEqual(
        buckets.map(({ labels }) => labels.le),
        bounds,
      );
      for (const { labels } of buckets) assert.deepEqual(Object.keys(labels).sort(), ['channel_id', 'le']);
      const values = buckets.map(({ value }) => value);
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
        'buckets are cumulative',
      );
      assert.equal(seriesValue(series, `${name}_count`, { channel_id }), values.at(-1));
      assert.ok((seriesValue(series, `${name}_sum`, { channel_id }) ?? -1) >= 0);
    }
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes']) {
      assert.ok(types.has(name), name);
    }
    const up = { hubbub_database_up: 1, hubbub_redis_up: stage.kind === 'cluster' ? 1 : -1 };
    for (const [name, value] of Object.entries(up)) assert.equal(seriesValue(series, name, {}), value, name);
    for (const part of ['journal', 'bus_published', 'bus_received', 'gaps_found', 'gaps_filled', 'slow', 'resumes']) {
      assert.ok(
        [...types.keys()].some((name) => name.includes(part)),
        part,
      );
    }
    await client.close();
    await until(async () => !(await scrape(url)).text.includes(channel_id), { message: 'the series to go' });
  });

  test('ids of the client’s making make no series', async () => {
    const user = await stage.user();
    const strange = '11111111-2222-4333-8444-555555555555';
    const client = await user.open('/ws/chat', { at: 0 });
    client.send({ type: 'message', channel_id: strange, content: 'x' });
    await nextError(client, 'INVALID_CHANNEL_ID');
    client.send({ type: 'join', channel_id: strange });
    await client.next('error');
    assert.ok(!(await scrape(stage.instance(0).url)).text.includes(strange));
  });

  test('the OpenAPI document is sound and names every route', async () => {
    const response = await fetch(`${stage.instance(0).url}/api/v1/openapi.json`);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    const document = (await response.json()) as OpenApiDocument;
    assert.match(document.openapi, /^3\.1\.\d+$/);
    assert.ok(document.info.title && document.info.version);
    const { paths } = document;
    const routes: Record<string, string[]> = {
      [`${V1}/channels`]: ['get', 'post'],
      [`${V1}/channels/{id}`]: ['get', 'patch', 'delete'],
      [`${V1}/channels/{id}/messages`]: ['get', 'post'],
      [`${V1}/channels/{id}/presence`]: ['get'],
      [`${V1}/health`]: ['get'],
      [`${V1}/stats`]: ['get'],
    };
    for (const [path, methods] of Object.entries(routes)) {
      for (const method of methods) assert.ok(paths[path]?.[method], `${method} ${path}`);
    }
    assert.equal('/api/v1/dev/token' in paths, stage.kind === 'embedded');
    assertReferencesResolve(document);
    const ajv = createAjv();
    ajv.addSchema(document, 'document', undefined, false);
    for (const [path, operations] of Object.entries(paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const [method, operation] of Object.entries(operations)) {
        const where = `${method} ${path}`;
        assert.ok(operation.responses && Object.keys(operation.responses).length > 0, where);
        assert.ok(operation.summary, where);
        for (const response of Object.values(operation.responses as Record<string, { description?: string }>)) {
          assert.ok(response.description, `${where}: a response without description`);
        }
        const parameters = (operation.parameters ?? []) as { in: string; name: string; required?: boolean }[];
        const inPath = parameters.filter((each) => each.in === 'path');
        assert.deepEqual(inPath.map(({ name }) => name).sort(), names.toSorted(), where);
        for (const parameter of inPath) assert.equal(parameter.required, true, where);
      }
    }
    for (const name of Object.keys(document.components.schemas))
      ajv.compile({ $ref: `document#/components/schemas/${name}` });
    assert.ok(document.components.securitySchemes.bearer);
  });

  test('the AsyncAPI document is valid', async () => {
    const response = await fetch(`${stage.instance(0).url}/api/v1/asyncapi.json`);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    const text = await response.text();
    const { document, diagnostics } = await new Parser().parse(text);
    const errors = diagnostics.filter(({ severity }) => severity === 0);
    assert.deepEqual(
      errors.map(({ message, path }) => `${path.join('.')}: ${message}`),
      [],
    );
    assert.ok(document !== undefined);
    const names = new Set(
      document
        .messages()
        .all()
        .map((message) => message.name()),
    );
    for (const name of ['message', 'typing', 'join', 'leave', 'auth', 'ping', 'subscribed', 'presence', 'error']) {
      assert.ok(names.has(name), name);
    }
    assertReferencesResolve(JSON.parse(text));
  });

  test('the page and the API’s pages answer without a token, behind a content security policy', async () => {
    const { url } = stage.instance(0);
    const page = await fetch(url);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(await page.text(), /<!doctype html>/i);
    const policy = page.headers.get('content-security-policy') ?? '';
    const directives = new Map(policy.split(';').map((each) => [each.split(' ')[0], each]));
    // Nothing inline, nothing from elsewhere.
    assert.equal(directives.get('default-src'), "default-src 'self'");
    assert.equal(directives.get('img-src'), "img-src 'self' data:");
    assert.equal(directives.get('require-trusted-types-for'), "require-trusted-types-for 'script'");
    assert.doesNotMatch(policy, /script-src|style-src|connect-src|unsafe/);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
    const docs = await fetch(`${url}/api/v1/docs`);
    assert.equal(docs.status, 200);
    assert.match(docs.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(await docs.text(), /swagger/i);
  });

  test('the page is told how people sign in, and its files are cached by their names', async () => {
    const { url } = stage.instance(0);
    const settings = await fetch(`${url}/settings.json`);
    const isDevelopment = stage.kind === 'embedded';
    assert.deepEqual(await settings.json(), { development: isDevelopment, message_max_chars: 500 });
    assert.equal(settings.headers.get('cache-control'), 'no-cache');
    const page = await fetch(url);
    assert.equal(page.headers.get('cache-control'), 'no-cache');
    const [, script] = /src="\.(\/assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
    assert.ok(script !== undefined);
    const asset = await fetch(url + script);
    assert.match(asset.headers.get('cache-control') ?? '', /max-age=31536000, immutable/);
    assert.equal(asset.headers.get('cross-origin-resource-policy'), 'same-origin');
    const embed = await fetch(`${url}/embed.js`);
    assert.equal(embed.status, 200);
    assert.equal(embed.headers.get('cross-origin-resource-policy'), 'cross-origin');
    assert.equal(embed.headers.get('cache-control'), 'no-cache');
    const example = await fetch(`${url}/examples/embed.html`);
    assert.equal(example.status, isDevelopment ? 200 : 404);
  });

  test('files outside the page are not served', async () => {
    const { url } = stage.instance(0);
    for (const path of [
      '/..%2f..%2fpackage.json',
      '/%2e%2e/package.json',
      '/assets/../../package.json',
      '/assets/../../.site-sources',
      '/.env',
      '/assets/',
    ]) {
      const response = await fetch(url + path);
      const text = await response.text();
      assert.ok(response.status >= 400, `${path} ${response.status}`);
      assert.ok(!text.includes('"workspaces"'), path);
    }
  });

  test('tokens for the asking exist in development mode alone', async () => {
    const client = api(stage.instance(0).url);
    const path = '/api/v1/dev/token';
    if (stage.kind === 'cluster') {
      assertRefused(await client.post(path, { username: 'ada' }), 404, 'NOT_FOUND');
      return;
    }
    interface DevToken {
      token: string;
      user_id: string;
      expires_at: string;
    }
    const first = await client.post<DevToken>(path, { username: 'ada' }, { expect: 201 });
    assert.deepEqual(Object.keys(first.body).sort(), ['expires_at', 'token', 'user_id']);
    assert.match(first.body.expires_at, RFC3339_MS_UTC);
    const second = await client.post<DevToken>(path, { username: 'ada', role: 'admin' }, { expect: 201 });
    assert.equal(second.body.user_id, first.body.user_id);
    const other = await client.post<DevToken>(path, { username: 'bob' }, { expect: 201 });
    assert.notEqual(other.body.user_id, first.body.user_id);
    await api(stage.instance(0).url, second.body.token).get(`${V1}/stats`, { expect: 200 });
    const bad = [{}, { username: '' }, { username: 5 }, { username: 'x', role: 'king' }, { username: 'x', extra: 1 }];
    for (const body of bad) assertRefused(await client.post(path, body), 400, 'INVALID_REQUEST');
    const foreign = { headers: { origin: 'https://evil.example' } };
    assertRefused(await client.post(path, { username: 'ada' }, foreign), 403, 'FORBIDDEN');
  });
});

describe('settings of the metrics', () => {
  const secret = 'a-secret-of-the-scraper';
  let pair: Pair;
  before(async () => {
    pair = await startPair('embedded', { env: { METRICS_TOKEN: secret, METRICS_CHANNEL_LABEL: 'off' } });
  });
  after(() => pair.stop());

  test('METRICS_TOKEN is asked for as bearer', async () => {
    const { url } = pair.at(0);
    assertRefused(await api(url).get('/metrics'), 401, 'UNAUTHORIZED');
    assertRefused(await api(url, 'wrong').get('/metrics'), 401, 'UNAUTHORIZED');
    assertRefused(await api(url, `${secret}x`).get('/metrics'), 401, 'UNAUTHORIZED');
    assertRefused(await api(url, await pair.token('ada')).get('/metrics'), 401, 'UNAUTHORIZED');
    await api(url, secret).get('/metrics', { expect: 200 });
    await api(url).get('/healthz', { expect: 200 });
  });

  test('METRICS_CHANNEL_LABEL=off folds the channels into one series', async () => {
    const { url } = pair.at(0);
    const client = api(url, await pair.token('ada'));
    const { body } = await client.post<{ id: string }>(`${V1}/channels`, { name: 'x' }, { expect: 201 });
    await client.post(`${V1}/channels/${body.id}/messages`, { content: 'x' }, { expect: 201 });
    const { text, types } = await scrape(url, { authorization: `Bearer ${secret}` });
    assert.ok(types.has('websocket_messages_total'));
    assert.ok(!text.includes(body.id));
  });
});
