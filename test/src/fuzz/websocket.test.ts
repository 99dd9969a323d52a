/** Sixty thousand WebSocket frames, few of which should have been sent. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { MessagePage } from '@hubbub/protocol/rest.js';
import { parseServerFrame } from '../support/frame-check.js';
import { api } from '../support/rest.js';
import { withTimeout } from '../support/wait.js';
import { RawSocket } from '../swarm/raw-socket.js';
import { Random } from '../torture/random.js';
import { inHalves } from './halves.js';
import { makePools, type Pools, SEED } from './pools.js';
import { context, Target, V1 } from './target.js';
import { inParallel } from './workers.js';
import { type Cast, makePayload, storable, stored, validCommand } from './ws-payloads.js';
import { closeFrame, encode, frame, violation } from './ws-wire.js';

/** Connections of a half, and which of them send many well-formed frames; the others send few, and then worse. */
const CONNECTIONS = 1150;
const LONG_EVERY = 4;
/** Frames of a long one: under the hundred errors at a go that close a connection, but for every fortieth. */
const LONG_FRAMES = 97;
const FLOOD_FRAMES = 160;
const SHORT_FRAMES = 2;
const AT_ONCE = 16;
const ANSWER_TIMEOUT_MS = 5000;
/** Every so many frames of the server are checked whole; errors all are. */
const CHECKED_EVERY = 5;
/** What the server may close with: by itself, or as the answer to a close. */
const CLOSE_CODES = new Set([null, 1000, 1002, 1005, 1006, 1007, 1009, 3000, 4029]);

const BARRIER = 'barrier';
// Refused with this id before anything else of it is looked at, whatever has been joined.
const BARRIER_FRAME = frame(0x81, Buffer.from(JSON.stringify({ type: 'message', content: '', message_id: BARRIER })));
const ERROR_START = Buffer.from('{"type":"error"');

let target: Target;
let cast: Cast;
/** What was sent that may be stored. */
const sent = new Set<string>();
let cases = 0;

before(async () => {
  target = await Target.start({ CHAT_RATE_LIMIT_PER_MINUTE: '600', CHAT_RATE_LIMIT_BURST: '200' });
  const tokens = await target.tokens('fuzz', 40);
  cast = { tokens, channelIds: await target.channels(tokens.slice(0, 4)) };
});
after(() => target.stop());

/** A connection, its answers checked as they come. */
class FuzzSocket {
  readonly #raw: RawSocket;
  readonly #closed: Promise<void>;
  readonly #barrier: Promise<void>;

  private constructor(raw: RawSocket, barrier: Promise<void>) {
    this.#raw = raw;
    this.#barrier = barrier;
    const { socket } = raw;
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', () => {
      // Nobody here answers a close; the end of the connection is as good.
      if (raw.closeCode !== null) socket.end();
    });
  }

  static async open(path: string, token: string): Promise<FuzzSocket> {
    const barrier = Promise.withResolvers<void>();
    // Whoever waits first learns of it.
    barrier.promise.catch(() => {});
    let count = 0;
    const onText = (bytes: Buffer, start: number, end: number) => {
      const isError =
        bytes.compare(ERROR_START, 0, ERROR_START.length, start, Math.min(end, start + ERROR_START.length)) === 0;
      if (!isError && ++count % CHECKED_EVERY !== 0) return;
      const text = bytes.toString('utf8', start, end);
      try {
        const answer = parseServerFrame(text);
        if (answer.type !== 'error') return;
        assert.notEqual(answer.code, 'INTERNAL');
        assert.ok((answer.message_id ?? '').isWellFormed(), 'half a surrogate pair is sent back');
        if (answer.message_id === BARRIER) barrier.resolve();
      } catch (error) {
        barrier.reject(new Error(context('a frame of the server is wrong', text), { cause: error }));
      }
    };
    const url = target.url.replace('http', 'ws');
    return new FuzzSocket(await RawSocket.open(`${url}${path}`, token, onText), barrier.promise);
  }

  /** Sends frames and waits until all were looked at, or the connection was closed because of them. */
  async exchange(bytes: Buffer): Promise<void> {
    this.#raw.socket.write(Buffer.concat([bytes, BARRIER_FRAME]));
    await within(Promise.race([this.#barrier, this.#closed]), 'frames were not answered', bytes);
  }

  /** Sends what ends the connection, and waits for its end. */
  async end(bytes: Buffer): Promise<void> {
    this.#raw.socket.end(bytes);
    await within(this.#closed, 'the connection was not closed', bytes);
    await Promise.race([this.#barrier, Promise.resolve()]);
    assert.ok(CLOSE_CODES.has(this.#raw.closeCode), context(`closed with ${this.#raw.closeCode}`, bytes));
  }

  cut(): void {
    this.#raw.close();
  }
}

function within<T>(promise: Promise<T>, what: string, bytes: Buffer): Promise<T> {
  return withTimeout(promise, ANSWER_TIMEOUT_MS, () => context(`${what} within ${ANSWER_TIMEOUT_MS} ms`, bytes));
}

async function runConnection(index: number, random: Random, pools: Pools): Promise<void> {
  const isLong = index % LONG_EVERY === 0;
  const channelId = random.pick(cast.channelIds);
  const path = random.pick([`${V1}/channels/${channelId}/ws`, `/ws/chat?channel_id=${channelId}`, '/ws/chat']);
  const socket = await FuzzSocket.open(path, random.pick(cast.tokens));
  const count = isLong ? (random.chance(1 / 40) ? FLOOD_FRAMES : LONG_FRAMES) : SHORT_FRAMES;
  const frames = Array.from({ length: count }, () => {
    const payload = makePayload(random, cast, pools);
    remember(storable(payload));
    return encode(random, payload);
  });
  await socket.exchange(Buffer.concat(frames));
  cases += count;
  if (isLong && random.chance(0.3)) {
    if (random.chance(0.5)) socket.cut();
    else await socket.end(closeFrame());
    return;
  }
  const text = JSON.stringify(validCommand(random, cast));
  remember(storable({ bytes: Buffer.from(text), binary: false }));
  cases++;
  await socket.end(violation(random, Buffer.from(text), random.pick(pools.bytes)));
}

function remember(content: string | null): void {
  if (content !== null) sent.add(content);
}

/** @throws when something is stored that nobody should have been able to send */
async function assertStored(channelId: string): Promise<number> {
  const client = api(target.url, cast.tokens[0]);
  let lastSeq = 0;
  let count = 0;
  for (;;) {
    const path = `${V1}/channels/${channelId}/messages?limit=100&after_seq=${lastSeq}`;
    const { messages } = (await client.get<MessagePage>(path, { expect: 200 })).body;
    for (const { content, seq, is_deleted } of messages) {
      assert.ok(seq > lastSeq, context('places are not in order'));
      lastSeq = seq;
      count++;
      assert.equal(is_deleted, false);
      assert.equal(stored(content), content, context('stored, but not a valid message', content));
      assert.ok(sent.has(content), context('stored, but never sent', content));
    }
    if (messages.length === 0) return count;
  }
}

test('sixty thousand frames leave the server as it was', { timeout: 280_000 }, async (t) => {
  const readings = await inHalves(target, async (half) => {
    const pools = makePools(half);
    const random = new Random(SEED + half);
    await inParallel(CONNECTIONS, AT_ONCE, (index) => runConnection(index, random.fork(index), pools));
  });
  let messages = 0;
  for (const channelId of cast.channelIds) messages += await assertStored(channelId);
  assert.ok(cases >= 58_000, `only ${cases} cases`);
  assert.ok(messages > 500, `only ${messages} of the messages were good enough to be stored`);
  await target.assertServes();
  t.diagnostic(`${cases} frames, ${messages} messages stored; ${JSON.stringify(readings)}`);
});
