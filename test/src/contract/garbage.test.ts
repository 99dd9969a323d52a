/** Garbage of all kinds, from a seeded generator: nothing crashes, nothing leaks, and the server still serves. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import type { Health } from '@hubbub/protocol/rest.js';
import type { ChatClient } from '../support/chat-client.js';
import { api } from '../support/rest.js';
import { until, withTimeout } from '../support/wait.js';
import { forEachPair, history, isMessage, range, type Stage, settled, type User, V1 } from './stage.js';

const SEED = 20_261_125;
const FRAMES = 10_000;
/** Frames after which memory is measured first: what is made once is made then. */
const WARM_UP = 3000;
/** What the memory of an instance may grow by after that: a leak of all that was sent would be more. */
const MAX_GROWTH_BYTES = 96 * 1024 * 1024;
const CLOSE_CODES = new Set([1000, 1007, 1009, 4029]);

/** Random numbers that are the same in every run (mulberry32). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0, included, to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('Nothing to pick from');
    return value;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }

  text(chars: number): string {
    const ranges = [0x20, 0x7f, 0xff, 0x3000, 0xffff, 0x1f6ff];
    const points = Array.from({ length: chars }, () => this.below(this.pick(ranges)));
    return String.fromCodePoint(...points).toWellFormed();
  }
}

function validFrames(channelId: string): object[] {
  return [
    { type: 'message', channel_id: channelId, content: 'hello', message_id: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' },
    { type: 'message', content: 'short' },
    { type: 'typing', channel_id: channelId },
    { type: 'join', channel_id: channelId, last_seq: 3 },
    { type: 'leave', channel_id: channelId },
    { type: 'auth', token: 'aaaa.bbbb.cccc' },
    { type: 'ping' },
  ];
}

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  2 ** 53,
  0.1,
  '',
  ' ',
  '\u0000',
  '\ud800',
  'x'.repeat(3000),
  '../../etc/passwd',
  "'; drop table chat_messages; --",
  [],
  {},
  [[[[]]]],
  { toString: 1 },
  '__proto__',
];

/** One frame of garbage. */
function garbage(dice: Dice, channelId: string): string | Buffer {
  const frame = dice.pick(validFrames(channelId));
  const text = JSON.stringify(frame);
  switch (dice.below(8)) {
    case 0:
      return dice.text(dice.below(300));
    case 1:
      return dice.bytes(dice.below(600));
    case 2:
      return text.slice(0, dice.below(text.length));
    case 3: {
      const at = dice.below(text.length);
      return `${text.slice(0, at)}${dice.text(1 + dice.below(3))}${text.slice(at + 1)}`;
    }
    case 4: {
      const key = dice.pick(Object.keys(frame));
      return JSON.stringify({ ...frame, [key]: dice.pick(ODD_VALUES) });
    }
    case 5:
      return '['.repeat(1 + dice.below(3900));
    case 6:
      return JSON.stringify(dice.pick(ODD_VALUES));
    default:
      return Buffer.from(text);
  }
}

async function residentBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, value] = /^process_resident_memory_bytes (\S+)$/m.exec(text) ?? [];
  return Number(value);
}

/** A socket on which the server speaks WebSocket and this side whatever it likes. */
function rawUpgrade(url: string, token: string): Promise<Duplex> {
  const outgoing = request(url, {
    agent: false,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      Authorization: `Bearer ${token}`,
    },
  });
  const upgraded = new Promise<Duplex>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', ({ statusCode }) => reject(new Error(`The upgrade was answered with ${statusCode}`)));
    outgoing.once('upgrade', (_response, socket) => resolve(socket));
  });
  outgoing.end();
  return upgraded;
}

/** Frames that RFC 6455 forbids a client to send. */
function brokenFrames(dice: Dice): Buffer[] {
  const mask = [1, 2, 3, 4];
  return [
    dice.bytes(1 + dice.below(300)),
    // Unmasked; a reserved bit; a reserved opcode.
    Buffer.from([0x81, 2, 0x7b, 0x7d]),
    Buffer.from([0xc1, 0x82, ...mask, 0, 0]),
    Buffer.from([0x83, 0x82, ...mask, 0, 0]),
    // A continuation of nothing; a fragmented control frame; a control frame that is too long.
    Buffer.from([0x80, 0x82, ...mask, 0, 0]),
    Buffer.from([0x09, 0x80, ...mask]),
    Buffer.from([0x89, 0xfe, 0x01, 0x00, ...mask]),
    // A frame that says it is 2^62 bytes long, and text that is no UTF-8.
    Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, ...mask]),
    Buffer.from([0x81, 0x82, ...mask, 0xff ^ 1, 0xfe ^ 2]),
    // Closes with a code that must not be sent, with half a code, and with a reason that is no UTF-8.
    Buffer.from([0x88, 0x82, ...mask, 0x03 ^ 1, 0xed ^ 2]),
    Buffer.from([0x88, 0x81, ...mask, 0x03]),
    Buffer.from([0x88, 0x83, ...mask, 0x03 ^ 1, 0xe8 ^ 2, 0xff ^ 3]),
    // A first fragment, then another first fragment; and many that never end.
    Buffer.from([0x01, 0x81, ...mask, 0x60, 0x01, 0x81, ...mask, 0x60]),
    Buffer.concat([
      Buffer.from([0x01, 0x81, ...mask, 0x60]),
      Buffer.concat(range(1, 2000).map(() => Buffer.from([0x00, 0x85, ...mask, 0, 0, 0, 0, 0]))),
    ]),
    // Pings without end.
    Buffer.concat(range(1, 500).map(() => Buffer.from([0x89, 0x80, ...mask]))),
  ];
}

forEachPair({}, (stage: Stage) => {
  async function assertServes(channelId: string): Promise<void> {
    const [one, other] = await stage.users(2);
    assert.ok(one !== undefined && other !== undefined);
    const sender = await one.join(channelId, { at: 0 });
    const reader = await other.join(channelId, { at: 1 });
    const content = `fine ${one.name}`;
    sender.send({ type: 'message', content });
    await reader.next(isMessage(content));
    await sender.next(isMessage(content));
    await history(other, channelId);
  }

  async function assertNobodyLeft(): Promise<void> {
    await stage.closeClients();
    for (const { url } of stage.pair.instances) {
      const health = async () => (await api(url).get<Health>(`${V1}/health`, { expect: 200 })).body;
      await until(async () => {
        const { total_connections, active_channels } = await health();
        return total_connections === 0 && active_channels === 0;
      });
      assert.equal((await health()).status, 'ok');
    }
  }

  test('ten thousand frames of garbage', async () => {
    const dice = new Dice(SEED);
    const { channel } = await stage.channel();
    const users = await stage.users(6);
    let left = FRAMES;
    const before: number[] = [];

    async function flood(user: User, index: number): Promise<void> {
      for (let round = 0; left > 0; round++) {
        const path = round % 2 === 0 ? `/ws/chat/${channel.id}` : `/ws/chat?channel_id=${channel.id}`;
        const client: ChatClient = await user.open(path, { at: index + round });
        for (let sent = 0; sent < 150 && left > 0; sent++) {
          left--;
          client.send(garbage(dice, channel.id));
        }
        // Either it was closed as a flood, or it still answers.
        await Promise.race([client.closed, settled(client).catch(() => client.closed)]);
        await client.close();
        assert.ok(CLOSE_CODES.has((await client.closed).code), `closed with ${(await client.closed).code}`);
        if (left <= FRAMES - WARM_UP && before.length === 0) {
          before.push(...(await Promise.all(stage.pair.instances.map(({ url }) => residentBytes(url)))));
        }
      }
    }

    await Promise.all(range(0, 4 * users.length - 1).map((index) => flood(dice.pick(users), index)));
    await assertNobodyLeft();
    for (const [index, { url }] of stage.pair.instances.entries()) {
      const growth = (await residentBytes(url)) - (before[index] ?? 0);
      assert.ok(growth < MAX_GROWTH_BYTES, `memory grew by ${Math.round(growth / 1024 / 1024)} MiB`);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      const codes = [...metrics.matchAll(/error_type="([^"]*)"/g)].map(([, code]) => code ?? '');
      for (const code of codes) assert.match(code, /^[A-Z_]+$/);
    }
    await assertServes(channel.id);
  });

  test('bytes that are no WebSocket frames', async () => {
    const dice = new Dice(SEED + 1);
    const { channel, owner } = await stage.channel();
    const kinds = brokenFrames(dice).length;
    await Promise.all(
      range(0, 8 * kinds - 1).map(async (index) => {
        const { url } = stage.instance(index);
        const socket = await rawUpgrade(`${url}${V1}/channels/${channel.id}/ws`, owner.token);
        socket.on('error', () => {});
        socket.resume();
        const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        const bytes = brokenFrames(dice)[index % kinds];
        if (bytes !== undefined) socket.write(bytes);
        // Some wait for the server's close, some end in the middle of things.
        if (index % 3 === 0) socket.destroy();
        else socket.end();
        await withTimeout(ended, 10_000, () => `The server did not end the connection ${index}`);
      }),
    );
    await assertNobodyLeft();
    await assertServes(channel.id);
  });

  test('requests that make no sense', async () => {
    const dice = new Dice(SEED + 2);
    const { channel } = await stage.channel();
    const users = await stage.users(4);
    const paths = [
      '/channels',
      `/channels/${channel.id}`,
      `/channels/${channel.id}/messages`,
      '/channels/%00',
      '/stats',
    ];
    const keys = ['limit', 'offset', 'type', 'q', 'before_seq', 'after_seq', 'cursor', 'x', '__proto__', 'limit[]'];
    const fields = ['name', 'description', 'content', 'message_id', 'max_participants', 'is_active', '__proto__'];
    for (const round of range(1, 600)) {
      const { url } = stage.instance(round);
      const query = range(0, dice.below(3)).map(() => `${dice.pick(keys)}=${encodeURIComponent(oddText(dice))}`);
      const method = dice.pick(['GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'HEAD']);
      const body = range(0, dice.below(3)).map(() => [dice.pick(fields), dice.pick(ODD_VALUES)]);
      const target = `${V1}${dice.pick(paths)}?${query.join('&')}`;
      const text = dice.below(3) === 0 ? dice.text(dice.below(100)) : JSON.stringify(Object.fromEntries(body));
      // The channel itself is needed to the end.
      if (method === 'DELETE') continue;
      const response = await fetch(`${url}${target}`, {
        method,
        headers: {
          authorization: `Bearer ${dice.pick(users).token}`,
          'content-type': dice.pick(['application/json', 'application/json', 'text/plain', 'x/y']),
        },
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: text }),
      });
      const answer = await response.text();
      assert.ok(response.status < 500, `${method} ${target} ${text}: ${response.status} ${answer}`);
    }
    await assertServes(channel.id);
  });
});

function oddText(dice: Dice): string {
  const value = dice.pick(ODD_VALUES);
  const odd = typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value);
  return dice.below(3) === 0 ? dice.text(dice.below(20)) : odd.slice(0, 500);
}
