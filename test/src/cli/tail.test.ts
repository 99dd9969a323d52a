/** `hubbub tail`: a channel in a terminal, over restarts of the server, and what it says when it may not. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Channel, Message } from '@hubbub/protocol/rest.js';
import { ChatClient } from '../support/chat-client.js';
import { HubbubProcess } from '../support/hubbub.js';
import { type Pair, startPair } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { Child, cleanEnvironment } from '../support/processes.js';
import { api } from '../support/rest.js';
import { userId } from '../support/tokens.js';
import { until } from '../support/wait.js';
import { HUBBUB, hubbub } from './command.js';

const V1 = '/api/v1/chat';
const LINE_TIMEOUT_MS = 30_000;
/** More than a resume brings. */
const MANY = 1100;

describe('hubbub tail', () => {
  let pair: Pair;
  let server: HubbubProcess;
  let env: Record<string, string>;
  let token: string;
  let channel: Channel;

  const say = async (content: string) =>
    (await api(server.url, token).post<Message>(`${V1}/channels/${channel.id}/messages`, { content }, { expect: 201 }))
      .body;
  const makeChannel = async (name: string, more: object = {}) =>
    (await api(server.url, token).post<Channel>(`${V1}/channels`, { name, ...more }, { expect: 201 })).body;

  before(async () => {
    pair = await startPair('cluster', { instances: 0 });
    env = { ...pair.env, PORT: String(await freePort()), CHAT_RATE_LIMIT_PER_MINUTE: '0', DRAIN_SECONDS: '0' };
    server = await HubbubProcess.start(env);
    token = await pair.token('ada');
    channel = await makeChannel('general');
  });
  after(async () => {
    await server?.stop();
    await pair?.stop();
  });

  it('shows names, times and deletions, each once over a restart, gives no orders to the terminal, and ends on Ctrl-C', async (t) => {
    const first = await say('one\n\tand more');
    await say('a \u200fline');
    const tail = await Child.start(process.execPath, [HUBBUB, 'tail', 'general', '--url', server.url], {
      env: cleanEnvironment({ HUBBUB_TOKEN: await pair.token('bob') }),
    });
    t.after(() => tail.stop('SIGKILL'));
    const shown = (text: string) =>
      tail.waitForLine((line) => (line.includes(text) ? line : undefined), LINE_TIMEOUT_MS);
    await shown('a \\u200fline');
    await api(server.url, token).delete(`${V1}/messages/${first.id}`, { expect: 200 });
    await shown('message 1 was deleted');
    await server.stop();
    await shown('trying again in');
    server = await HubbubProcess.start(env);
    await say('while you were away, perhaps');
    await shown('perhaps');
    await say('\u2066last');
    await shown('last');
    tail.signal('SIGINT');
    assert.deepEqual(await tail.exited, { code: 0, signal: null }, tail.tail);
    await tail.outputEnded;
    const lines = tail.tail.split('\n').filter((line) => /^(\d{4}-| {4})/.test(line));
    assert.deepEqual(
      lines.map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}/, '')),
      [
        '1  ada: one',
        '    |     and more',
        '2  ada: a \\u200fline',
        '3  * message 1 was deleted',
        '4  ada: while you were away, perhaps',
        '5  ada: \\u2066last',
      ],
    );
  });

  it('with --json and --since brings every place, one frame a line, also where a resume would not reach', async () => {
    const { id } = await makeChannel('long');
    const writer = await ChatClient.connect({ url: server.url, path: `${V1}/channels/${id}/ws`, token });
    for (let count = 1; count <= MANY; count++) writer.send({ type: 'message', content: `number ${count}` });
    await until(() => writer.frames.filter(({ frame }) => frame.type === 'message').length === MANY, {
      timeoutMs: 60_000,
    });
    const seqs: number[] = [];
    const tail = await Child.start(
      process.execPath,
      [HUBBUB, 'tail', id.toUpperCase(), '--since', '3', '--json', '--url', server.url],
      {
        env: cleanEnvironment({ HUBBUB_TOKEN: token }),
        onLine: (line) => {
          if (!line.startsWith('{')) return;
          const frame = JSON.parse(line);
          if (frame.type !== 'message') return;
          assert.equal(frame.content, `number ${frame.seq}`);
          seqs.push(frame.seq);
        },
      },
    );
    try {
      await until(() => seqs.at(-1) === MANY, { timeoutMs: 60_000, message: 'the last message' });
      writer.send({ type: 'message', content: `number ${MANY + 1}` });
      await until(() => seqs.at(-1) === MANY + 1, { message: 'a live one' });
    } finally {
      await tail.stop('SIGINT');
      await writer.close();
    }
    assert.deepEqual(
      seqs,
      Array.from({ length: MANY - 2 }, (_, index) => index + 4),
    );
  });

  it('says plainly why it may not, or cannot', async () => {
    const secret = await makeChannel('secret', { channel_type: 'private' });
    for (let count = 0; count < 2; count++) await makeChannel('twice');
    const bob = await pair.token('bob');
    const eve = await pair.token('eve');
    await api(server.url, eve).get(`${V1}/channels`, { expect: 200 });
    await api(server.url, token).post(`${V1}/channels/${channel.id}/ban`, { user_id: userId('eve') }, { expect: 200 });
    const cases: [string[], string, RegExp][] = [
      [['nowhere'], bob, /no channel called "nowhere".*404/],
      [['twic'], bob, /no channel called "twic".*There are "twice", "twice"/],
      [['twice'], bob, /2 channels are called "twice"/],
      [['00000000-0000-4000-8000-000000000000'], bob, /no channel 0{8}-.*404/],
      [[secret.id], bob, /no channel [0-9a-f-]+, or it is closed \(404\)/],
      [['general'], eve, /Not allowed \(403\): You are banned/],
      [['general'], 'not-a-token', /token of HUBBUB_TOKEN \(401\)/],
      [['general'], '', /asks for a token.*HUBBUB_TOKEN or --token-file/],
      [['general', '--token-file', '/nonexistent/token'], bob, /token cannot be read: ENOENT/],
      [['general', '--url', `http://127.0.0.1:${await freePort()}`], bob, /No server answers at/],
    ];
    const work = async () => {
      for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
        const [args, HUBBUB_TOKEN, expected] = next;
        const ended = await hubbub(['tail', ...args], { HUBBUB_URL: server.url, HUBBUB_TOKEN });
        assert.deepEqual([ended.code, ended.stdout], [1, ''], ended.stderr);
        const lines = ended.stderr.trim().split('\n');
        assert.equal(lines.filter((line) => !line.startsWith('Following ')).length, 1, ended.stderr);
        assert.match(lines.at(-1) ?? '', expected);
        if (HUBBUB_TOKEN !== '') assert.ok(!ended.stderr.includes(HUBBUB_TOKEN));
      }
    };
    await Promise.all([work(), work()]);
  });
});
