/** The REST routes of channels, to the letter of the contract. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Channel, ChannelList } from '@hubbub/protocol/rest.js';
import { type Api, api } from '../support/rest.js';
import {
  ALLOWED_ORIGIN,
  assertRefused,
  FOREIGN_ORIGIN,
  forEachPair,
  headerOf,
  RFC3339_MS_UTC,
  type Stage,
  type User,
  UUID,
  V1,
} from './stage.js';

const CHANNELS = `${V1}/channels`;
const CHANNEL_FIELDS = [
  'channel_type',
  'created_at',
  'creator_id',
  'description',
  'id',
  'is_active',
  'last_seq',
  'max_participants',
  'name',
  'online_count',
  'posting',
  'retention_days',
  'shield',
  'slow_mode_seconds',
  'updated_at',
];

interface Route {
  readonly method: keyof Api;
  readonly path: string;
  /** One that the route takes. */
  readonly body?: object;
}

/** Every route of one channel. */
function channelRoutes(id: string): Route[] {
  const path = `${CHANNELS}/${id}`;
  return [
    { method: 'get', path },
    { method: 'patch', path, body: { description: 'changed' } },
    { method: 'get', path: `${path}/messages` },
    { method: 'post', path: `${path}/messages`, body: { content: 'hello' } },
    { method: 'get', path: `${path}/presence` },
    { method: 'delete', path },
  ];
}

function call(client: Api, { method, path, body }: Route) {
  return method === 'get' || method === 'delete' ? client[method](path) : client[method](path, body);
}

/** Names that a list gives, in its order. */
async function namesOf(user: User, query: string): Promise<string[]> {
  const { body } = await user.api().get<ChannelList>(`${CHANNELS}?${query}`, { expect: 200 });
  return body.channels.map(({ name }) => name);
}

forEachPair({}, (stage: Stage) => {
  test('a channel has the fields of the contract, and what was not said its defaults', async () => {
    const user = await stage.user();
    const { body } = await user.api().post<Channel>(CHANNELS, { name: 'Café ☕' }, { expect: 201 });
    assert.deepEqual(Object.keys(body).sort(), CHANNEL_FIELDS);
    assert.match(body.id, UUID);
    assert.match(body.created_at, RFC3339_MS_UTC);
    assert.match(body.updated_at, RFC3339_MS_UTC);
    const { id: _, created_at, updated_at: __, ...rest } = body;
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
    assert.deepEqual(rest, {
      name: 'Café ☕',
      description: null,
      creator_id: user.id,
      channel_type: 'public',
      is_active: true,
      max_participants: null,
      last_seq: 0,
      online_count: 0,
      slow_mode_seconds: 0,
      posting: 'everyone',
      shield: false,
      retention_days: null,
    });
  });

  test('a channel is read as it was created, on any instance', async () => {
    const { channel, owner } = await stage.channel({
      description: 'for all',
      channel_type: 'private',
      max_participants: 2,
    });
    assert.equal(channel.description, 'for all');
    assert.equal(channel.channel_type, 'private');
    assert.equal(channel.max_participants, 2);
    for (const at of [0, 1]) {
      const { body } = await owner.api(at).get(`${CHANNELS}/${channel.id}`, { expect: 200 });
      assert.deepEqual(body, channel);
    }
    if (!stage.hasSql) return;
    const rows = await stage.sql('select user_id, role from channel_members where channel_id = $1', [channel.id]);
    assert.deepEqual(rows, [{ user_id: owner.id, role: 'owner' }]);
  });

  test('bounds of the fields are those of the contract', async () => {
    const good = [
      { name: 'x' },
      { name: 'n'.repeat(100) },
      { name: '😀'.repeat(100) },
      { name: 'x', description: 'd'.repeat(500) },
      { name: 'x', description: '😀'.repeat(500) },
      { name: 'x', max_participants: 2 },
    ];
    const user = await stage.user();
    for (const body of good) await user.api().post(CHANNELS, body, { expect: 201 });
    const bad = [
      {},
      [],
      null,
      'text',
      { name: '' },
      { name: '   ' },
      { name: 'n'.repeat(101) },
      { name: '😀'.repeat(101) },
      { name: 5 },
      { name: null },
      { name: 'a\u0000b' },
      { name: '\ud800' },
      { name: 'x', description: 'd'.repeat(501) },
      { name: 'x', description: 5 },
      { name: 'x', channel_type: 'secret' },
      { name: 'x', channel_type: null },
      { name: 'x', max_participants: 1 },
      { name: 'x', max_participants: 0 },
      { name: 'x', max_participants: -5 },
      { name: 'x', max_participants: 2.5 },
      { name: 'x', max_participants: '5' },
      { name: 'x', max_participants: 2 ** 40 },
      { name: 'x', is_active: true },
      { name: 'x', creator_id: randomUUID() },
      { name: 'x', surprise: 1 },
    ];
    for (const body of bad) {
      const text = JSON.stringify(body);
      const answer = await user.api().post(CHANNELS, text);
      assert.equal(answer.status, 400, text);
      assertRefused(answer, 400, 'INVALID_REQUEST');
    }
  });

  test('a description that cannot be stored is refused, not an internal error', async () => {
    const user = await stage.user();
    const { channel } = await stage.channel({}, user);
    for (const description of ['a\u0000b', '\ud800']) {
      const body = JSON.stringify({ name: 'x', description });
      assertRefused(await user.api().post(CHANNELS, body), 400, 'INVALID_REQUEST');
      const change = JSON.stringify({ description });
      assertRefused(await user.api().patch(`${CHANNELS}/${channel.id}`, change), 400, 'INVALID_REQUEST');
    }
  });

  test('an unknown field is named in the details', async () => {
    const user = await stage.user();
    const { body } = await user.api().post<{ details?: { field: string }[] }>(CHANNELS, { name: 'x', surprise: 1 });
    assert.deepEqual(
      body.details?.map(({ field }) => field),
      ['surprise'],
    );
  });

  test('bodies that are no JSON objects, too large, or of another type are refused as such', async () => {
    const client = (await stage.user()).api();
    for (const text of ['{', '', 'nope', '{"name":"x"', "{'name':'x'}", '{"__proto__":{"a":1},"name":"x"}']) {
      assertRefused(await client.post(CHANNELS, text), 400, 'INVALID_REQUEST');
    }
    const large = JSON.stringify({ name: 'x', description: 'd'.repeat(200_000) });
    assertRefused(await client.post(CHANNELS, large), 413, 'PAYLOAD_TOO_LARGE');
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      const answer = await client.post(CHANNELS, '{"name":"x"}', { headers: { 'content-type': type } });
      assert.equal(answer.status, 415, type);
      assertRefused(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
    const charset = { headers: { 'content-type': 'application/json; charset=utf-8' }, expect: 201 };
    await client.post(CHANNELS, '{"name":"x"}', charset);
  });

  test('every route but the open ones asks for a token', async () => {
    const { channel } = await stage.channel();
    const { url } = stage.instance(0);
    const routes: Route[] = [
      { method: 'get', path: CHANNELS },
      { method: 'post', path: CHANNELS, body: { name: 'x' } },
      { method: 'get', path: `${V1}/stats` },
      ...channelRoutes(channel.id),
    ];
    for (const prefix of ['/api/v1/chat', '/api/chat']) {
      for (const route of routes) {
        const at = { ...route, path: route.path.replace(V1, prefix) };
        assertRefused(await call(api(url), at), 401, 'UNAUTHORIZED');
        assertRefused(await call(api(url, 'not.a.token'), at), 401, 'UNAUTHORIZED');
      }
    }
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer ', 'Token abc']) {
      assertRefused(await api(url).get(CHANNELS, { headers: { authorization } }), 401, 'UNAUTHORIZED');
    }
    const { token } = await stage.user();
    assertRefused(await api(url).get(`${CHANNELS}?access_token=${token}`), 401, 'UNAUTHORIZED');
    assertRefused(await api(url).get(`${CHANNELS}/${channel.id}?token=${token}`), 401, 'UNAUTHORIZED');
  });

  test('a malformed channel id is an invalid request; any spelling of a UUID is the same channel', async () => {
    const { channel, owner } = await stage.channel();
    const malformed = ['42', 'not-a-uuid', `${channel.id}0`, channel.id.slice(1), `{${channel.id}}`, "'", '%00'];
    for (const id of [...malformed, 'x'.repeat(300)]) {
      // Changes are limited, so each id is tried by another user.
      const user = await stage.user();
      for (const route of channelRoutes(id)) {
        const answer = await call(user.api(), route);
        assert.equal(answer.status, 400, `${route.method} ${route.path} ${JSON.stringify(answer.body)}`);
        assertRefused(answer, 400, 'INVALID_REQUEST', 'Invalid channel ID');
      }
    }
    for (const id of [
      channel.id.toUpperCase(),
      channel.id.replaceAll('-', ''),
      channel.id.replaceAll('-', '').toUpperCase(),
    ]) {
      const { body } = await owner.api().get<Channel>(`${CHANNELS}/${id}`, { expect: 200 });
      assert.equal(body.id, channel.id);
      await owner.api().get(`${CHANNELS}/${id}/messages`, { expect: 200 });
      await owner.api().get(`${CHANNELS}/${id}/presence`, { expect: 200 });
      await owner.api().patch(`${CHANNELS}/${id}`, { description: id }, { expect: 200 });
    }
  });

  test('a channel that does not exist is not found', async () => {
    const user = await stage.user();
    for (const route of channelRoutes(randomUUID())) {
      const answer = await call(user.api(), route);
      assertRefused(answer, 404, 'CHANNEL_NOT_FOUND');
    }
    assertRefused(await user.api().get(`${V1}/no-such-route`), 404, 'NOT_FOUND');
    assertRefused(await user.api().get('/no-such-page'), 404, 'NOT_FOUND');
  });

  test('a change sets what it names, null clears, and it takes a place in the sequence', async () => {
    const { channel, owner } = await stage.channel({ description: 'old', max_participants: 5 });
    const path = `${CHANNELS}/${channel.id}`;
    const change = async (body: object) => (await owner.api().patch<Channel>(path, body, { expect: 200 })).body;
    const renamed = await change({ name: 'new name' });
    assert.deepEqual(renamed, { ...channel, name: 'new name', last_seq: 1, updated_at: renamed.updated_at });
    assert.ok(renamed.updated_at >= channel.updated_at);
    const cleared = await change({ description: null, max_participants: null });
    assert.deepEqual([cleared.description, cleared.max_participants, cleared.name], [null, null, 'new name']);
    const all = await change({ name: 'n', description: 'd', is_active: false, max_participants: 3 });
    assert.deepEqual([all.name, all.description, all.is_active, all.max_participants], ['n', 'd', false, 3]);
    assert.equal(all.last_seq, 3);
    assert.equal((await owner.api(1).get<Channel>(path, { expect: 200 })).body.is_active, false);
    assert.equal((await change({ is_active: true })).is_active, true);
    // Only requests that are well-formed count against the limit.
    const bad = [
      {},
      [],
      { name: null },
      { name: '' },
      { name: 'n'.repeat(101) },
      { description: 'd'.repeat(501) },
      { is_active: null },
      { is_active: 'no' },
      { max_participants: 1 },
      { channel_type: 'secret' },
      { creator_id: owner.id },
      { last_seq: 9 },
      { surprise: 1 },
    ];
    for (const body of bad) {
      const answer = await owner.api().patch(path, body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assertRefused(answer, 400, 'INVALID_REQUEST');
    }
  });

  test('a public channel is changed by its owner and site admins alone, and deleted by them alone', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${CHANNELS}/${channel.id}`;
    const [other, moderator, admin] = await Promise.all([
      stage.user(),
      stage.user({ role: 'moderator' }),
      stage.user({ role: 'admin' }),
    ]);
    for (const user of [other, moderator]) {
      await user.api().get(path, { expect: 200 });
      assertRefused(await user.api().patch(path, { name: 'mine' }), 403, 'FORBIDDEN');
      assertRefused(await user.api().delete(path), 403, 'FORBIDDEN');
    }
    await admin.api().patch(path, { name: 'the site’s' }, { expect: 200 });
    await owner.api().patch(path, { name: 'mine again' }, { expect: 200 });
    const { body } = await admin.api().delete(path, { expect: 200 });
    assert.deepEqual(body, { status: 'deleted' });
  });

  // Until members are added over REST, only a cluster has a database that a test can write to.
  const testWithSql = stage.hasSql ? test : () => {};
  testWithSql('channel admins may change it and not delete it; moderators and members neither', async () => {
    const { channel } = await stage.channel({ channel_type: 'private' });
    const path = `${CHANNELS}/${channel.id}`;
    for (const role of ['admin', 'moderator', 'member'] as const) {
      const user = await stage.user();
      await stage.addMember(channel.id, user, role);
      await user.api().get(path, { expect: 200 });
      const answer = await user.api().patch(path, { name: role });
      if (role === 'admin') assert.equal(answer.status, 200);
      else assertRefused(answer, 403, 'FORBIDDEN');
      assertRefused(await user.api().delete(path), 403, 'FORBIDDEN');
    }
  });

  test('a private channel does not exist for others', async () => {
    const { channel, owner } = await stage.channel({ channel_type: 'private' });
    const path = `${CHANNELS}/${channel.id}`;
    for (const user of [await stage.user(), await stage.user({ role: 'moderator' })]) {
      for (const route of channelRoutes(channel.id)) {
        const answer = await call(user.api(), route);
        assertRefused(answer, 404, 'CHANNEL_NOT_FOUND');
      }
    }
    const admin = await stage.user({ role: 'admin' });
    await admin.api().get(path, { expect: 200 });
    await admin.api().patch(path, { name: 'seen' }, { expect: 200 });
    await owner.api().delete(path, { expect: 200 });
  });

  test('a deleted channel is gone for everyone', async () => {
    const { channel, owner } = await stage.channel({ name: `gone ${randomUUID()}` });
    const { body } = await owner.api().delete(`${CHANNELS}/${channel.id}`, { expect: 200 });
    assert.deepEqual(body, { status: 'deleted' });
    for (const user of [owner, await stage.user({ role: 'admin' })]) {
      for (const route of channelRoutes(channel.id)) {
        const answer = await call(user.api(1), route);
        assertRefused(answer, 404, 'CHANNEL_NOT_FOUND');
      }
      assert.deepEqual(await namesOf(user, `q=${encodeURIComponent(channel.name)}`), []);
    }
  });

  test('a DELETE that says it is JSON and has no body is carried out', async () => {
    const { channel, owner } = await stage.channel();
    // Many HTTP clients send a content type with every request.
    const headers = { 'content-type': 'application/json' };
    const { body } = await owner.api().delete(`${CHANNELS}/${channel.id}`, { headers, expect: 200 });
    assert.deepEqual(body, { status: 'deleted' });
  });

  test('the list is newest first, in pages, with the total', async () => {
    const tag = randomUUID();
    const [first, second] = await stage.users(2);
    assert.ok(first !== undefined && second !== undefined);
    const names: string[] = [];
    for (let index = 0; index < 12; index++) {
      const { channel } = await stage.channel({ name: `${tag} ${index}` }, index % 2 === 0 ? first : second);
      names.unshift(channel.name);
    }
    const { body } = await first.api().get<ChannelList>(`${CHANNELS}?q=${tag}`, { expect: 200 });
    assert.deepEqual(Object.keys(body).sort(), ['channels', 'limit', 'offset', 'total']);
    assert.deepEqual([body.total, body.limit, body.offset], [12, 50, 0]);
    assert.deepEqual(
      body.channels.map(({ name }) => name),
      names,
    );
    assert.deepEqual(Object.keys(body.channels[0] ?? {}).sort(), CHANNEL_FIELDS);
    const page = await second.api().get<ChannelList>(`${CHANNELS}?q=${tag}&limit=5&offset=10`, { expect: 200 });
    assert.deepEqual(
      page.body.channels.map(({ name }) => name),
      names.slice(10),
    );
    assert.deepEqual([page.body.total, page.body.limit, page.body.offset], [12, 5, 10]);
    assert.deepEqual(await namesOf(first, `q=${tag}&offset=12`), []);
    assert.equal((await namesOf(first, `q=${tag}&limit=1`)).length, 1);
    assert.equal((await namesOf(first, `q=${tag}&limit=100`)).length, 12);
  });

  test('the list refuses what is out of bounds', async () => {
    const user = await stage.user();
    const bad = ['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'limit=-1', 'offset=-1', 'offset=x', 'type=secret'];
    for (const query of bad) {
      const answer = await user.api().get(`${CHANNELS}?${query}`);
      assert.equal(answer.status, 400, query);
      assertRefused(answer, 400, 'INVALID_REQUEST');
    }
  });

  test('a query that no database takes is refused, not an internal error', async () => {
    const user = await stage.user();
    for (const query of ['q=%00', 'limit=1e400', 'offset=1e400', 'offset=99999999999999999999']) {
      const answer = await user.api().get(`${CHANNELS}?${query}`);
      assert.equal(answer.status, 400, query);
      assertRefused(answer, 400, 'INVALID_REQUEST');
    }
    await user.api().get(`${CHANNELS}?q=%F0%9F%98%80`, { expect: 200 });
  });

  test('the list is filtered by type and by part of the name, in which nothing is a wildcard', async () => {
    const tag = randomUUID();
    const owner = await stage.user();
    const names = ['100% Sure', '100 Pure', 'snake_case', 'snakeXcase', 'back\\slash', 'Größe', "o'hara"];
    for (const name of names) await stage.channel({ name: `${tag} ${name}` }, owner);
    await stage.channel({ name: `${tag} hidden`, channel_type: 'private' }, owner);
    const found = async (part: string, more = '') => {
      const all = await namesOf(owner, `q=${encodeURIComponent(part)}&limit=100${more}`);
      return all.filter((name) => name.startsWith(tag)).map((name) => name.slice(tag.length + 1));
    };
    assert.deepEqual(await found('100%'), ['100% Sure']);
    assert.deepEqual(await found('snake_'), ['snake_case']);
    assert.deepEqual(await found('k\\s'), ['back\\slash']);
    assert.deepEqual(await found("o'h"), ["o'hara"]);
    assert.deepEqual(await found('sURe'), ['100% Sure']);
    assert.deepEqual(await found('größe'), ['Größe']);
    assert.deepEqual(await found(`${tag} zzz`), []);
    assert.deepEqual(await found(tag, '&type=private'), ['hidden']);
    assert.deepEqual(await found(tag, '&type=public'), names.toReversed());
  });

  test('private channels are listed for their members and site admins alone; inactive ones for nobody', async () => {
    const tag = randomUUID();
    const { channel, owner } = await stage.channel({ name: `${tag} private`, channel_type: 'private' });
    const { channel: asleep } = await stage.channel({ name: `${tag} inactive` }, owner);
    await owner.api().patch(`${CHANNELS}/${asleep.id}`, { is_active: false }, { expect: 200 });
    const [other, moderator, admin] = await Promise.all([
      stage.user(),
      stage.user({ role: 'moderator' }),
      stage.user({ role: 'admin' }),
    ]);
    const totals = async (user: User) =>
      (await user.api().get<ChannelList>(`${CHANNELS}?q=${tag}`, { expect: 200 })).body.total;
    for (const user of [other, moderator]) {
      assert.deepEqual(await namesOf(user, `q=${tag}`), []);
      assert.equal(await totals(user), 0);
    }
    for (const user of [owner, admin]) {
      assert.deepEqual(await namesOf(user, `q=${tag}`), [channel.name]);
      assert.equal(await totals(user), 1);
    }
    if (!stage.hasSql) return;
    await stage.addMember(channel.id, other, 'member');
    assert.deepEqual(await namesOf(other, `q=${tag}`), [channel.name]);
    await other.api().get(`${CHANNELS}/${channel.id}`, { expect: 200 });
  });

  test('the eleventh channel in a minute is refused, over both prefixes and instances', async () => {
    const user = await stage.user();
    const answers = await Promise.all(
      Array.from({ length: 11 }, (_, index) => {
        const path = index % 2 === 0 ? CHANNELS : '/api/chat/channels';
        return user.api(index).post(path, { name: `number ${index}` });
      }),
    );
    const made = answers.filter(({ status }) => status === 201);
    const [refused] = answers.filter(({ status }) => status !== 201);
    assert.equal(made.length, 10);
    assert.ok(refused !== undefined);
    assertRefused(refused, 429, 'RATE_LIMITED');
    const retryAfter = Number(headerOf(refused, 'retry-after'));
    assert.ok(Number.isInteger(retryAfter) && retryAfter >= 1 && retryAfter <= 60, String(retryAfter));
    assert.equal(headerOf(refused, 'ratelimit-limit'), '10');
    assert.equal(headerOf(refused, 'ratelimit-remaining'), '0');
    assert.match(headerOf(refused, 'ratelimit-reset') ?? '', /^\d+$/);
    for (const answer of made) assert.equal(headerOf(answer, 'ratelimit-limit'), '10');
    // Others are not concerned.
    await stage.channel();
  });

  test('the eleventh change in a minute is refused', async () => {
    const { channel, owner } = await stage.channel();
    const answers = await Promise.all(
      Array.from({ length: 11 }, (_, index) =>
        owner.api(index).patch(`${CHANNELS}/${channel.id}`, { description: `number ${index}` }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [...new Array(10).fill(200), 429]);
  });

  test('the short prefix is the same API', async () => {
    const user = await stage.user();
    const { body } = await user.api().post<Channel>('/api/chat/channels', { name: 'short' }, { expect: 201 });
    const path = `/api/chat/channels/${body.id}`;
    assert.deepEqual((await user.api().get(path, { expect: 200 })).body, body);
    await user.api().patch(path, { description: 'd' }, { expect: 200 });
    await user.api().post(`${path}/messages`, { content: 'hello' }, { expect: 201 });
    await user.api().get(`${path}/messages`, { expect: 200 });
    await user.api().get(`${path}/presence`, { expect: 200 });
    await user.api().get('/api/chat/channels?limit=1', { expect: 200 });
    await user.api().get('/api/chat/health', { expect: 200 });
    await user.api().delete(path, { expect: 200 });
  });

  test('every response bears a request id', async () => {
    const { url } = stage.instance(0);
    const paths = ['/healthz', '/readyz', '/metrics', `${V1}/health`, `${V1}/channels`, '/api/v1/openapi.json'];
    for (const path of [...paths, '/api/v1/asyncapi.json', '/', '/nowhere', '/api/v1/docs']) {
      const response = await fetch(url + path, { redirect: 'manual' });
      await response.arrayBuffer();
      assert.ok(response.headers.get('x-request-id'), path);
    }
    const given = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'chosen-by-me' } });
    assert.equal(given.headers.get('x-request-id'), 'chosen-by-me');
    const wild = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'a'.repeat(5000) } });
    assert.notEqual(wild.headers.get('x-request-id'), 'a'.repeat(5000));
    assert.ok(wild.headers.get('x-request-id'));
  });

  test('a path that cannot be decoded is refused in the shape of every error', async () => {
    const client = api(stage.instance(0).url);
    assertRefused(await client.get('/%F0'), 400, 'INVALID_REQUEST');
    const user = await stage.user();
    const { status, body } = await user.api().get(`${CHANNELS}/%E0%A4%A`);
    assert.ok(status === 400 || status === 404, JSON.stringify(body));
    assert.ok(typeof body === 'object' && body !== null);
    assert.deepEqual(Object.keys(body).sort(), ['code', 'error']);
  });

  test('a page of an allowed origin may call, one of another may not', async () => {
    const { url } = stage.instance(0);
    const preflight = (origin: string) =>
      fetch(`${url}${CHANNELS}`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization,content-type',
        },
      });
    for (const origin of [ALLOWED_ORIGIN, 'http://localhost:3000', url]) {
      const { status, headers } = await preflight(origin);
      assert.ok(status === 204 || status === 200, String(status));
      assert.equal(headers.get('access-control-allow-origin'), origin);
      assert.equal(headers.get('access-control-allow-credentials'), 'true');
      assert.match(headers.get('access-control-allow-methods') ?? '', /PATCH.*DELETE/);
      assert.match(headers.get('access-control-allow-headers') ?? '', /authorization/i);
      assert.match(headers.get('vary') ?? '', /origin/i);
      assert.ok(headers.get('x-request-id'));
    }
    for (const origin of [FOREIGN_ORIGIN, 'http://localhost:51730', 'https://localhost:5173', 'null']) {
      const { headers } = await preflight(origin);
      assert.equal(headers.get('access-control-allow-origin'), null, origin);
    }
    const user = await stage.user();
    const answer = await user.api(0).get(CHANNELS, { headers: { origin: ALLOWED_ORIGIN }, expect: 200 });
    assert.equal(headerOf(answer, 'access-control-allow-origin'), ALLOWED_ORIGIN);
    assert.match(headerOf(answer, 'access-control-expose-headers') ?? '', /retry-after/i);
  });

  test('a change by cookie needs an allowed origin; reading does not', async () => {
    const user = await stage.user();
    const { url } = stage.instance(0);
    const cookie = `theme=dark; access_token=${user.token}; x=y`;
    await api(url).get(CHANNELS, { headers: { cookie }, expect: 200 });
    for (const origin of [ALLOWED_ORIGIN, url]) {
      await api(url).post(CHANNELS, { name: 'by cookie' }, { headers: { cookie, origin }, expect: 201 });
    }
    const { channel } = await stage.channel({}, user);
    const path = `${CHANNELS}/${channel.id}`;
    const refused: Readonly<Record<string, string>>[] = [
      { cookie },
      { cookie, origin: FOREIGN_ORIGIN },
      { cookie, origin: 'null' },
    ];
    for (const headers of refused) {
      assertRefused(await api(url).post(CHANNELS, { name: 'x' }, { headers }), 403, 'FORBIDDEN');
      assertRefused(await api(url).patch(path, { name: 'x' }, { headers }), 403, 'FORBIDDEN');
      assertRefused(await api(url).delete(path, { headers }), 403, 'FORBIDDEN');
      assertRefused(await api(url).post(`${path}/messages`, { content: 'x' }, { headers }), 403, 'FORBIDDEN');
    }
    const bad = { headers: { cookie: 'access_token=nonsense', origin: ALLOWED_ORIGIN } };
    assertRefused(await api(url).post(CHANNELS, { name: 'x' }, bad), 401, 'UNAUTHORIZED');
  });
});
