/** WebSocket upgrades: URLs, tokens, origins, and every refusal before the 101. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { api } from '../support/rest.js';
import { badTokens, TokenKey } from '../support/tokens.js';
import { requestUpgrade } from '../support/upgrade.js';
import { until } from '../support/wait.js';
import {
  ALLOWED_ORIGIN,
  assertRefused,
  assertUpgradeRefused,
  FOREIGN_ORIGIN,
  forEachPair,
  headerOf,
  isMessage,
  nextError,
  type Stage,
  settled,
  type User,
  V1,
} from './stage.js';

const ORIGINS = 'http://localhost:5173,*.example.com,https://*.secure.test';

/** The paths that join one channel at once. */
function joiningPaths(id: string): string[] {
  return [
    `${V1}/channels/${id}/ws`,
    `/api/chat/channels/${id}/ws`,
    `/ws/chat/${id}`,
    `/ws/chat?channel_id=${id}`,
    `/api/v1/chat/ws?channel_id=${id}`,
  ];
}

const MANY_PATHS = ['/ws/chat', '/api/v1/chat/ws', '/api/chat/ws'];

/** A token whose base64 has padding. */
async function paddedToken(stage: Stage): Promise<string> {
  for (const name of ['p', 'pp', 'ppp', 'pppp']) {
    const token = await stage.pair.token(name);
    if (Buffer.from(token).toString('base64').endsWith('=')) return token;
  }
  throw new Error('No token needs padding');
}

forEachPair({ env: { WEBSOCKET_ALLOWED_ORIGINS: ORIGINS, CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('every URL form leads to the same channel, in any spelling of its id', async () => {
    const { channel, owner } = await stage.channel();
    const [listener] = await stage.users(1);
    assert.ok(listener !== undefined);
    const heard = await listener.join(channel.id);
    const bare = channel.id.replaceAll('-', '');
    const spellings = [channel.id, channel.id.toUpperCase(), bare, bare.toUpperCase()];
    let index = 0;
    for (const id of spellings) {
      for (const path of joiningPaths(id)) {
        const client = await owner.open(path, { at: index++ });
        const subscribed = await client.next('subscribed');
        assert.equal(subscribed.channel_id, channel.id, path);
        client.send({ type: 'message', channel_id: id, content: path });
        assert.equal((await heard.next(isMessage(path))).channel_id, channel.id);
        await client.next(isMessage(path));
        await client.close();
      }
    }
    for (const path of MANY_PATHS) {
      const client = await owner.open(path);
      client.send({ type: 'join', channel_id: channel.id.toUpperCase() });
      assert.equal((await client.next('subscribed')).channel_id, channel.id);
      client.send({ type: 'message', channel_id: bare, content: `many ${path}` });
      await heard.next(isMessage(`many ${path}`));
      await client.close();
    }
  });

  test('a many-channel connection joins nothing by itself', async () => {
    const [user] = await stage.users(1);
    const client = await user?.open('/ws/chat');
    assert.ok(client !== undefined);
    await settled(client);
    assert.deepEqual(
      client.frames.map(({ frame }) => frame.type),
      ['pong'],
    );
  });

  test('the token travels as header, subprotocol or cookie', async () => {
    const { channel, owner } = await stage.channel();
    const byHeader = await owner.join(channel.id);
    assert.equal(byHeader.protocol, '');
    const alone = await owner.join(channel.id, { auth: 'subprotocol' });
    assert.equal(alone.protocol, `auth.bearer.${Buffer.from(owner.token).toString('base64url')}`);
    const beside = await owner.join(channel.id, { auth: 'subprotocol-pair' });
    assert.equal(beside.protocol, 'hubbub.v1');
    const fromPage = await owner.join(channel.id, { auth: 'subprotocol-pair', origin: ALLOWED_ORIGIN });
    assert.equal(fromPage.protocol, 'hubbub.v1');
    await owner.join(channel.id, { auth: 'cookie', origin: ALLOWED_ORIGIN });
    await owner.join(channel.id, { auth: 'cookie', origin: stage.instance(owner.at).url });
  });

  test('padded and unpadded base64 and base64url are all taken as subprotocol', async () => {
    const { channel } = await stage.channel();
    const token = await paddedToken(stage);
    const url = `${stage.instance(0).url}${V1}/channels/${channel.id}/ws`;
    const unpadded = Buffer.from(token).toString('base64url');
    const padding = '='.repeat((4 - (unpadded.length % 4)) % 4);
    const base64 = Buffer.from(token).toString('base64');
    for (const encoded of [unpadded, unpadded + padding, base64, base64.replace(/=+$/, '')]) {
      const bearer = `auth.bearer.${encoded}`;
      const alone = await requestUpgrade(url, { 'Sec-WebSocket-Protocol': bearer });
      assert.equal(alone.status, 101, JSON.stringify(alone.body));
      assert.equal(headerOf(alone, 'sec-websocket-protocol'), bearer);
      for (const offer of [`hubbub.v1, ${bearer}`, `${bearer},hubbub.v1`, `other, ${bearer} , hubbub.v1`]) {
        const beside = await requestUpgrade(url, { 'Sec-WebSocket-Protocol': offer });
        assert.equal(beside.status, 101, `${offer.slice(0, 30)}: ${JSON.stringify(beside.body)}`);
        assert.equal(headerOf(beside, 'sec-websocket-protocol'), 'hubbub.v1');
      }
    }
  });

  test('the version may be offered beside a header token', async () => {
    const { channel, owner } = await stage.channel();
    const answer = await requestUpgrade(`${stage.instance(0).url}/ws/chat/${channel.id}`, {
      Authorization: `Bearer ${owner.token}`,
      'Sec-WebSocket-Protocol': 'hubbub.v1',
    });
    assert.equal(answer.status, 101);
    assert.equal(headerOf(answer, 'sec-websocket-protocol'), 'hubbub.v1');
  });

  test('a connection by cookie needs an allowed origin', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${V1}/channels/${channel.id}/ws`;
    await assertUpgradeRefused(owner.open(path, { auth: 'cookie' }), 403, 'FORBIDDEN');
    await assertUpgradeRefused(owner.open(path, { auth: 'cookie', origin: FOREIGN_ORIGIN }), 403, 'FORBIDDEN');
  });

  test('a browser must be on an allowed origin, however its token travels', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${V1}/channels/${channel.id}/ws`;
    const port = new URL(stage.instance(owner.at).url).port;
    const allowed = [
      ALLOWED_ORIGIN,
      stage.instance(owner.at).url,
      'https://example.com',
      'http://example.com',
      'https://chat.example.com',
      'https://a.b.example.com',
      'https://secure.test',
      'https://www.secure.test',
    ];
    for (const origin of allowed) {
      const client = await owner.open(path, { origin });
      await client.close();
    }
    const forbidden = [
      FOREIGN_ORIGIN,
      'null',
      '',
      'file://',
      'http://localhost:3000',
      'http://localhost:51730',
      'https://localhost:5173',
      `http://127.0.0.1:${Number(port) + 1}`,
      'https://fakeexample.com',
      'https://example.com.evil.example',
      'https://example.org',
      'http://www.secure.test',
      'https://evilsecure.test',
    ];
    for (const origin of forbidden) {
      for (const auth of ['header', 'subprotocol-pair', 'cookie'] as const) {
        const connecting = owner.open(path, { auth, headers: { Origin: origin } });
        await assertUpgradeRefused(connecting, 403, 'FORBIDDEN').catch((error: unknown) => {
          throw new Error(`${auth} from "${origin}"`, { cause: error });
        });
      }
    }
  });

  if (stage.kind === 'embedded') {
    test('in development mode a name that was bound to loopback by another is no origin of one’s own', async () => {
      const { owner } = await stage.channel();
      const answer = await requestUpgrade(`${stage.instance(0).url}/ws/chat`, {
        Authorization: `Bearer ${owner.token}`,
        Host: 'rebound.evil.example',
        Origin: 'http://rebound.evil.example',
      });
      assertRefused(answer, 403, 'FORBIDDEN');
    });
  }

  test('no token, or one that must not be believed, is refused with 401', async () => {
    const { channel, owner } = await stage.channel();
    for (const path of [...joiningPaths(channel.id), ...MANY_PATHS]) {
      await assertUpgradeRefused(owner.open(path, { token: null }), 401, 'UNAUTHORIZED');
      const inUrl = `${path}${path.includes('?') ? '&' : '?'}access_token=${owner.token}&token=${owner.token}`;
      await assertUpgradeRefused(owner.open(inUrl, { token: null }), 401, 'UNAUTHORIZED');
    }
    const key = stage.kind === 'cluster' ? stage.pair.key : new TokenKey();
    for (const [fault, token] of Object.entries(badTokens(key))) {
      for (const auth of ['header', 'subprotocol-pair', 'cookie'] as const) {
        const connecting = owner.open(`${V1}/channels/${channel.id}/ws`, { token, auth, origin: ALLOWED_ORIGIN });
        await assertUpgradeRefused(connecting, 401, 'UNAUTHORIZED').catch((error: unknown) => {
          throw new Error(`${fault}, by ${auth}`, { cause: error });
        });
      }
      assertRefused(await api(stage.instance(0).url, token).get(`${V1}/channels`), 401, 'UNAUTHORIZED');
    }
    for (const protocol of ['auth.bearer.', 'auth.bearer.%%%', 'auth.bearer', 'bearer.abc', 'auth.bearer.AAAA']) {
      const answer = await requestUpgrade(`${stage.instance(0).url}/ws/chat`, { 'Sec-WebSocket-Protocol': protocol });
      assertRefused(answer, 401, 'UNAUTHORIZED');
    }
  });

  if (stage.kind === 'cluster') {
    test('a user without a username is called by the beginning of his id', async () => {
      const { channel } = await stage.channel();
      const sub = randomUUID();
      const token = stage.pair.key.sign({ sub: sub.toUpperCase(), exp: Math.floor(Date.now() / 1000) + 600 });
      const client = await stage.open({ url: stage.instance(0).url, path: `/ws/chat/${channel.id}`, token });
      client.send({ type: 'message', content: 'who am I' });
      const message = await client.next('message');
      assert.deepEqual([message.user_id, message.username], [sub, `user-${sub.slice(0, 8)}`]);
    });

    test('the banned are refused, those whose ban has ended are not', async () => {
      const { channel } = await stage.channel();
      const [banned, formerly, muted] = await stage.users(3);
      assert.ok(banned !== undefined && formerly !== undefined && muted !== undefined);
      await stage.punish('chat_bans', channel.id, banned);
      await stage.punish('chat_bans', channel.id, formerly, new Date(Date.now() - 1));
      await stage.punish('chat_mutes', channel.id, muted);
      for (const path of joiningPaths(channel.id)) {
        const sentence = 'You are banned from this channel';
        await assertUpgradeRefused(banned.open(path), 403, 'FORBIDDEN', sentence);
      }
      await formerly.join(channel.id);
      await muted.join(channel.id);
      const many = await banned.open('/ws/chat');
      many.send({ type: 'join', channel_id: channel.id });
      const error = await nextError(many, 'FORBIDDEN');
      assert.equal(error.error, 'You are banned from this channel');
    });

    test('a member enters a private channel', async () => {
      const { channel } = await stage.channel({ channel_type: 'private' });
      const [member] = await stage.users(1);
      assert.ok(member !== undefined);
      await stage.addMember(channel.id, member, 'member');
      await member.join(channel.id);
    });
  }

  test('who is no member of a private channel is refused with 403', async () => {
    const { channel, owner } = await stage.channel({ channel_type: 'private' });
    const others = [await stage.user(), await stage.user({ role: 'moderator' })];
    for (const other of others) {
      for (const path of joiningPaths(channel.id)) await assertUpgradeRefused(other.open(path), 403, 'FORBIDDEN');
      const many = await other.open('/ws/chat');
      many.send({ type: 'join', channel_id: channel.id });
      await nextError(many, 'FORBIDDEN');
    }
    await owner.join(channel.id);
    await (await stage.user({ role: 'admin' })).join(channel.id);
  });

  test('a channel that is unknown, inactive or deleted is not found', async () => {
    const { channel: inactive, owner } = await stage.channel();
    const { channel: deleted } = await stage.channel({}, owner);
    await owner.api().patch(`${V1}/channels/${inactive.id}`, { is_active: false }, { expect: 200 });
    await owner.api().delete(`${V1}/channels/${deleted.id}`, { expect: 200 });
    for (const id of [randomUUID(), inactive.id, deleted.id]) {
      for (const path of joiningPaths(id)) await assertUpgradeRefused(owner.open(path), 404, 'CHANNEL_NOT_FOUND');
    }
    await owner.api().patch(`${V1}/channels/${inactive.id}`, { is_active: true }, { expect: 200 });
    await owner.join(inactive.id);
    await assertUpgradeRefused(owner.open('/ws'), 404, 'NOT_FOUND');
    await assertUpgradeRefused(owner.open(`${V1}/channels`), 404, 'NOT_FOUND');
  });

  test('a malformed channel id or last_seq is an invalid request', async () => {
    const { channel, owner } = await stage.channel();
    for (const id of ['42', 'x'.repeat(300), `${channel.id}0`, `{${channel.id}}`, '%00', '%F0']) {
      for (const path of joiningPaths(id)) {
        await assertUpgradeRefused(owner.open(path), 400, 'INVALID_REQUEST', 'Invalid channel ID');
      }
    }
    await assertUpgradeRefused(owner.open('/ws/chat?channel_id='), 400, 'INVALID_REQUEST', 'Invalid channel ID');
    for (const value of ['-1', 'x', '1.5', '', '1e3', '99999999999999999999', '%00', 'null']) {
      const connecting = owner.open(`${V1}/channels/${channel.id}/ws?last_seq=${value}`);
      await assertUpgradeRefused(connecting, 400, 'INVALID_REQUEST');
    }
  });

  test('what is no WebSocket handshake is refused in the shape of every error', async () => {
    const { channel, owner } = await stage.channel();
    const url = `${stage.instance(0).url}${V1}/channels/${channel.id}/ws`;
    const authorization = { Authorization: `Bearer ${owner.token}` };
    for (const headers of [{ 'Sec-WebSocket-Version': '8' }, { 'Sec-WebSocket-Key': 'short' }, { Upgrade: 'h2c' }]) {
      const answer = await requestUpgrade(url, { ...authorization, ...headers });
      assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
      assertRefused(answer, answer.status, (answer.body as { code: string }).code);
    }
    const plain = await fetch(url, { headers: authorization });
    assert.ok(plain.status >= 400 && plain.status < 500);
    assertRefused(
      { status: plain.status, headers: plain.headers, body: await plain.json() },
      plain.status,
      'NOT_FOUND',
    );
  });

  test('a full channel refuses further people, not further connections of those who are in', async () => {
    const { channel, owner } = await stage.channel({ max_participants: 2 });
    const [second, third] = await stage.users(2);
    assert.ok(second !== undefined && third !== undefined);
    const first = [await owner.join(channel.id, { at: 0 }), await owner.join(channel.id, { at: 1 })];
    await second.join(channel.id, { at: 0 });
    await second.join(channel.id, { at: 1 });
    for (const path of joiningPaths(channel.id)) {
      for (const at of [0, 1]) await assertUpgradeRefused(third.open(path, { at }), 409, 'CHANNEL_FULL');
    }
    const many = await third.open('/ws/chat');
    many.send({ type: 'join', channel_id: channel.id });
    await nextError(many, 'CHANNEL_FULL');
    await first[0]?.close();
    await assertUpgradeRefused(third.open(`/ws/chat/${channel.id}`), 409, 'CHANNEL_FULL');
    await first[1]?.close();
    // Room is made when the owner's grace is over.
    await until(() => third.join(channel.id), { timeoutMs: 8000, intervalMs: 200, message: 'a free place' });
    await assertUpgradeRefused(owner.open(`/ws/chat/${channel.id}`), 409, 'CHANNEL_FULL');
  });

  test('those who come at once never share the last place, on whichever instance', async () => {
    const { channel } = await stage.channel({ max_participants: 3 });
    const users = await stage.users(9);
    const enter = async (user: User, index: number) => {
      try {
        await user.open(`${V1}/channels/${channel.id}/ws`, { at: index });
        return 'in';
      } catch (error) {
        await assertUpgradeRefused(Promise.reject(error), 409, 'CHANNEL_FULL');
        return 'full';
      }
    };
    const outcomes = await Promise.all(users.map(enter));
    assert.equal(outcomes.filter((outcome) => outcome === 'in').length, 3, outcomes.join(' '));
    const { body } = (await users[0]?.api().get<{ count: number }>(`${V1}/channels/${channel.id}/presence`)) ?? {};
    assert.equal(body?.count, 3);
  });

  test('clients that leave in the middle of an upgrade leave nothing behind', async () => {
    const { channel, owner } = await stage.channel();
    const url = `${stage.instance(0).url}${V1}/channels/${channel.id}/ws`;
    const headers = { Authorization: `Bearer ${owner.token}` };
    await Promise.all(Array.from({ length: 40 }, () => requestUpgrade(url, headers)));
    const health = async () =>
      (await api(stage.instance(0).url).get<{ total_connections: number }>(`${V1}/health`, { expect: 200 })).body;
    await until(async () => (await health()).total_connections === 0);
    const path = `${V1}/channels/${channel.id}/presence`;
    await until(async () => (await owner.api().get<{ count: number }>(path, { expect: 200 })).body.count === 0, {
      timeoutMs: 8000,
    });
  });
});
