/** Instances whose clocks are wrong: order, times and limits come from servers that all of them share. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import type { PresenceList } from '@hubbub/protocol/rest.js';
import { range, Stage, seqs, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { until } from '../support/wait.js';

/** Past every tolerance there is, and short of the life of a token (an hour). */
const SKEWS_MS = [-20 * 60_000, 20 * 60_000];
/** Two heartbeats of presence and the look of another instance. */
const PRESENCE_WATCH_MS = 12_000;

const stage = new Stage('cluster', {});
const skewed: HubbubProcess[] = [];
after(async () => {
  await stage.closeClients();
  await Promise.all(skewed.map((instance) => instance.stop()));
  await stage.stop();
});

/** An instance for which it is earlier or later than it is. */
async function startSkewed(skewMs: number): Promise<HubbubProcess> {
  // The global Date is what all of the process reads the time of day from.
  const source = `const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...given) { given.length === 0 ? super(Real.now() + ${skewMs}) : super(...given); }
      static now() { return Real.now() + ${skewMs}; }
    };`;
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  const instance = await HubbubProcess.start({ ...stage.pair.env, NODE_OPTIONS: `--import=${url}` });
  skewed.push(instance);
  return instance;
}

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

test('instances whose clocks differ by forty minutes agree on order, times, limits, timeouts and presence', async () => {
  await stage.start();
  const instances = [await startSkewed(SKEWS_MS[0] ?? 0), await startSkewed(SKEWS_MS[1] ?? 0)];
  const { channel, owner } = await stage.channel();
  const users = await stage.users(2);
  const clients: ChatClient[] = [];
  for (const [index, instance] of instances.entries()) {
    const { token = '' } = users[index] ?? {};
    const client = await stage.open({ url: instance.url, path: `${V1}/channels/${channel.id}/ws`, token });
    await client.next('subscribed');
    clients.push(client);
  }
  const beganAtMs = Date.now();
  for (let sent = 0; sent < 10; sent++) {
    for (const client of clients) client.send({ type: 'message', content: `number ${sent}` });
    await until(() => clients.every((client) => messages(client).length === 2 * (sent + 1)));
  }
  const [one, other] = clients;
  assert.ok(one !== undefined && other !== undefined);
  assert.deepEqual(seqs(messages(one)), range(1, 20));
  assert.deepEqual(messages(one), messages(other));
  const times = messages(one).map(({ timestamp }) => Date.parse(timestamp));
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
    'times follow the order',
  );
  for (const time of times) assert.ok(Math.abs(time - beganAtMs) < 60_000, new Date(time).toISOString());

  // The rate is one: what was sent on one instance counts on the other, and is not forgiven by a clock that runs ahead.
  const [first, second] = users;
  assert.ok(first !== undefined && second !== undefined);
  const twin = await stage.open({
    url: instances[1]?.url ?? '',
    path: `${V1}/channels/${channel.id}/ws`,
    token: first.token,
  });
  await twin.next('subscribed');
  for (let sent = 0; sent < 14; sent++) twin.send({ type: 'message', content: 'too many' });
  assert.equal((await twin.next('error')).code, 'RATE_LIMITED');

  // A timeout of a minute is in force for an instance for which it would be over.
  await owner
    .api()
    .post(`${V1}/channels/${channel.id}/timeout`, { user_id: second.id, duration_minutes: 1 }, { expect: 200 });
  assert.equal((await other.closed).code, 4003);
  const path = `${V1}/channels/${channel.id}/messages`;
  for (const { url } of instances) {
    const response: Response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${second.token}` } });
    assert.equal(response.status, 403);
  }

  // Neither takes the other for dead.
  const watch = performance.now();
  while (performance.now() - watch < PRESENCE_WATCH_MS) {
    const { body } = await owner.api().get<PresenceList>(`${V1}/channels/${channel.id}/presence`, { expect: 200 });
    assert.ok(
      body.online.some(({ user_id }) => user_id === first.id),
      'someone is taken for gone',
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});
