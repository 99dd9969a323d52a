/** The release before this one and this one side by side, under load: up by a rolling upgrade, and back. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Channel, MessagePage, PresenceList } from '@hubbub/protocol/rest.js';
import { hubbub } from '../cli/command.js';
import { allAnswered, assertSameForAll, ResumingClient } from '../deploy/resuming-client.js';
import { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { userId } from '../support/tokens.js';
import { until } from '../support/wait.js';
import { type Release, unpackRelease } from './release.js';

const CLIENTS = 24;
const SENDERS = 12;
/** Time between two messages of all senders together, in milliseconds. */
const SEND_INTERVAL_MS = 40;
const RATE = 200;

describe('an upgrade from the release before', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-previous-'));
  const instances = new Set<HubbubProcess>();
  let pair: Pair;
  let release: Release;
  let previousMain: string;

  const start = async (main?: string) => {
    const instance = await HubbubProcess.start(pair.env, main);
    instances.add(instance);
    return instance;
  };
  const stop = async (instance: HubbubProcess) => {
    // Nobody is to be sent to it any more.
    instances.delete(instance);
    await instance.stop();
  };
  const migrate = async (...args: string[]) => {
    const { code, stdout, stderr } = await hubbub(['migrate', ...args], pair.env);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const newest = () => [...instances].at(-1) ?? assert.fail('no instance runs');

  before(async () => {
    ({ release, main: previousMain } = unpackRelease(folder));
    pair = await startPair('cluster', {
      instances: 0,
      env: { CHAT_RATE_LIMIT_PER_MINUTE: String(RATE), CHAT_RATE_LIMIT_BURST: String(RATE), DRAIN_SECONDS: '1' },
    });
  });
  after(async () => {
    await Promise.all([...instances].map((each) => each.stop()));
    await pair?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('and the way back lose, double and reorder nothing', async (t) => {
    const [first, second] = await Promise.all([start(previousMain), start(previousMain)]);
    const created = await api(first.url, await pair.token('ada')).post<Channel>(
      '/api/v1/chat/channels',
      { name: 'upgrade' },
      { expect: 201 },
    );
    const path = `/api/v1/chat/channels/${created.body.id}`;
    const tokens = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => pair.token(`client-${index}`)));
    let turns = 0;
    // Without an instance there is nobody to ask: an address where nobody listens.
    const url = () =>
      `${[...instances].at(turns++ % Math.max(1, instances.size))?.wsUrl ?? 'ws://127.0.0.1:1'}${path}/ws`;
    const clients = tokens.map((token) => new ResumingClient({ url, token }));
    t.after(() => {
      for (const client of clients) client.stop();
    });
    const allJoined = () =>
      until(() => clients.every(({ joined }) => joined), { timeoutMs: 30_000, message: 'all joined' });
    await allJoined();
    let sent = 0;
    const sending = setInterval(() => clients[sent % SENDERS]?.send(`message ${sent++}`), SEND_INTERVAL_MS);
    t.after(() => clearInterval(sending));
    const seen = (count: number) =>
      until(() => clients.every(({ lastSeq }) => lastSeq >= count), { timeoutMs: 60_000, message: `place ${count}` });

    // Up: the schema first, while the former version serves on it; then one instance after the other.
    await seen(20);
    assert.match(await migrate('up'), /up: .*epoch/);
    await seen(sent + 10);
    const [third] = await Promise.all([start(), start()]);
    await stop(first);
    await allJoined();
    await sideBySide(second, third, path);
    await stop(second);
    await allJoined();
    await seen(sent + 10);

    // Back: 0.1.0 refuses every newer schema, so nobody serves while it is taken back. Later ones start beside it.
    await assert.rejects(HubbubProcess.start(pair.env, previousMain), /schema version/);
    await Promise.all([...instances].map(stop));
    assert.match(await migrate('down', '--to', String(release.schema)), /down: epoch/);
    await start(previousMain);
    await allJoined();
    await seen(sent + 10);

    clearInterval(sending);
    await allAnswered(clients);
    await seen(sent);
    const { body } = await api(newest().url, tokens[0]).get<MessagePage>(`${path}/messages?limit=1`, { expect: 200 });
    assert.equal(body.messages[0]?.seq, sent, 'every place is one of those messages');
    assertSameForAll(clients, sent);
    for (const { closes } of clients) assert.ok(closes.length >= 2, 'everyone was sent away at least twice');
  });

  /** What the two versions tell each other beside messages: presence, typing, moderation, rates. */
  async function sideBySide(older: HubbubProcess, newer: HubbubProcess, path: string): Promise<void> {
    const join = async ({ url }: HubbubProcess, name: string, channel = path) => {
      const client = await ChatClient.connect({ url, path: `${channel}/ws`, token: await pair.token(name) });
      await client.next('subscribed');
      return client;
    };
    const ada = await pair.token('ada');
    for (const [here, there] of [
      [older, newer],
      [newer, older],
    ] as const) {
      const name = here === older ? 'on-the-older' : 'on-the-newer';
      const [one, other] = [await join(here, name), await join(there, `opposite-${name}`)];
      const { body } = await api(there.url, ada).get<PresenceList>(`${path}/presence`, { expect: 200 });
      assert.ok(
        body.online.some(({ username }) => username === name),
        `${name} is seen by the other version`,
      );
      one.send({ type: 'typing' });
      await other.next((frame) => frame.type === 'typing' && frame.username === name);
      await api(there.url, ada).post(`${path}/ban`, { user_id: userId(name) }, { expect: 200 });
      assert.equal((await one.closed).code, 4003);
      await other.close();
    }
    // A user has one rate, whichever version he writes to. What has grown back meanwhile is less than what he tries.
    const created = await api(newer.url, ada).post<Channel>(
      '/api/v1/chat/channels',
      { name: 'rates' },
      { expect: 201 },
    );
    const elsewhere = `/api/v1/chat/channels/${created.body.id}`;
    const [atOlder, atNewer] = [await join(older, 'hasty', elsewhere), await join(newer, 'hasty', elsewhere)];
    for (let index = 1; index <= RATE; index++) atOlder.send({ type: 'message', content: `hasty ${index}` });
    await atNewer.next((frame) => frame.type === 'message' && frame.content === `hasty ${RATE}`);
    for (let index = 1; index < RATE / 4; index++) atNewer.send({ type: 'message', content: 'too much' });
    await atNewer.next((frame) => frame.type === 'error' && frame.code === 'RATE_LIMITED');
    await Promise.all([atOlder.close(), atNewer.close()]);
  }

  it('starts from the release that the documentation names', () => {
    const table = readFileSync(join(import.meta.dirname, '../../../docs/upgrades.md'), 'utf8');
    assert.match(table, new RegExp(`^\\| ${release.version} \\(\`${release.commit}\`\\) +\\| ${release.schema} `, 'm'));
  });
});
