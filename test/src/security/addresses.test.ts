/** What one address may ask for, behind a proxy that tells the clients' addresses. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { assertRefused, assertUpgradeRefused, headerOf, Stage, type User, V1 } from '../contract/stage.js';
import { userClaims } from '../support/tokens.js';
import { requestUpgrade, UpgradeRefused } from '../support/upgrade.js';
import { until } from '../support/wait.js';

const MAX_CONNECTIONS = 4;
const MAX_FAILURES = 5;
const METRICS_TOKEN = 'figures-for-prometheus';

const stage = new Stage('cluster', {
  instances: 1,
  env: {
    TRUST_PROXY: '1',
    MAX_CONNECTIONS_PER_ADDRESS: String(MAX_CONNECTIONS),
    MAX_FAILURES_PER_ADDRESS: String(MAX_FAILURES),
    METRICS_TOKEN,
  },
});
before(() => stage.start());
afterEach(() => stage.closeClients());
after(() => stage.stop());

let addresses = 0;
/** Headers as the proxy sends them for a client of an address that no other test uses; the first entry is made up. */
const from = (address = `203.0.113.${++addresses}`) => ({ 'x-forwarded-for': `198.51.100.77, ${address}` });
const open = (user: User, headers: Record<string, string>) => user.open('/ws/chat', { headers });

async function get(path: string, headers: Record<string, string>) {
  const response = await fetch(stage.instance(0).url + path, { headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text };
}

test('a connection too many of one address is refused with 429 before the 101, and a free place is taken again', async () => {
  const user = await stage.user();
  const headers = from();
  const clients = [];
  for (let count = 0; count < MAX_CONNECTIONS; count++) clients.push(await open(user, headers));
  const refused = await open(user, headers).catch((error: unknown) => error);
  assert.ok(refused instanceof UpgradeRefused);
  assertRefused(refused, 429, 'RATE_LIMITED', /are open from your address/);
  assert.ok(Number(headerOf(refused, 'retry-after')) >= 5);
  await open(user, from());
  await clients[0]?.close();
  await until(async () => (await get(`${V1}/health`, {})).body.total_connections === MAX_CONNECTIONS);
  await open(user, headers);
});

test('an IPv6 address is counted with its /64', async () => {
  const user = await stage.user();
  for (let count = 1; count <= MAX_CONNECTIONS; count++) await open(user, from(`2001:db8:1:2::${count}`));
  await assertUpgradeRefused(open(user, from('2001:db8:1:2:3:4:5:6')), 429, 'RATE_LIMITED');
  await open(user, from('2001:db8:1:3::1'));
});

test('an address that opens and closes without end has to wait', async () => {
  const user = await stage.user();
  const headers = from();
  for (let count = 0; count < 2 * MAX_CONNECTIONS; count++) await (await open(user, headers)).close();
  await assertUpgradeRefused(open(user, headers), 429, 'RATE_LIMITED', /were opened from your address/);
});

test('one who guesses tokens or paths is refused with 429, and his neighbour with a valid token is not', async () => {
  const user = await stage.user();
  const headers = from();
  const bearer = (token: string) => ({ ...headers, authorization: `Bearer ${token}` });
  const guesses = [
    () => get(`${V1}/channels`, headers),
    () => get(`${V1}/channels`, bearer('a.b.c')),
    () => get('/wp-login.php', headers),
    () => requestUpgrade(`${stage.instance(0).url}/ws/chat`, headers),
    () => requestUpgrade(`${stage.instance(0).url}/ws/other`, headers),
  ];
  assert.deepEqual(await Promise.all(guesses.map(async (guess) => (await guess()).status)), [401, 401, 404, 401, 404]);
  for (const guess of guesses) {
    const refused = await guess();
    assertRefused(refused, 429, 'RATE_LIMITED', /from your address have failed/);
    assert.ok(Number(headerOf(refused, 'retry-after')) >= 1);
  }
  assert.equal((await get(`${V1}/channels`, bearer(user.token))).status, 200);
  assert.equal((await get('/', headers)).status, 200);
  await open(user, headers);
  assert.equal((await get(`${V1}/channels`, from())).status, 401);
});

test('clients whose tokens have expired are told so as often as they ask', async () => {
  const { key } = stage.pair;
  const expired = key.sign(userClaims('late', { exp: Math.floor(Date.now() / 1000) - 600 }));
  const headers = { ...from(), authorization: `Bearer ${expired}` };
  for (let count = 0; count < 3 * MAX_FAILURES; count++) {
    assertRefused(await get(`${V1}/channels`, headers), 401, 'UNAUTHORIZED', /expired/);
  }
});

test('METRICS_TOKEN cannot be guessed: after some failures not even the right one is looked at', async () => {
  const headers = from();
  const metrics = (token: string, sender = headers) => get('/metrics', { ...sender, authorization: `Bearer ${token}` });
  for (let count = 0; count < MAX_FAILURES; count++) assert.equal((await metrics(`guess-${count}`)).status, 401);
  assert.equal((await metrics(METRICS_TOKEN)).status, 429);
  assert.equal((await metrics(METRICS_TOKEN, from())).status, 200);
});

test('the machine itself is not limited, and what was refused is counted', async () => {
  for (let count = 0; count < 3 * MAX_FAILURES; count++) assert.equal((await get(`${V1}/channels`, {})).status, 401);
  const { body } = await get('/metrics', { authorization: `Bearer ${METRICS_TOKEN}` });
  for (const limit of ['connections', 'upgrades', 'failures']) {
    assert.match(String(body), new RegExp(`^hubbub_address_limits_hit_total\\{limit="${limit}"\\} [1-9]`, 'm'));
  }
});
