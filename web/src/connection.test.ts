import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import {
  ChannelConnection,
  type ConnectionOptions,
  type ConnectionState,
  type SocketLike,
  type Verdict,
} from './connection.js';

/** A socket whose other end is the test. */
class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readyState = 0;
  readonly sent: string[] = [];
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }

  /** The upgrade succeeds and the channel is joined. */
  join(seq: number, recovered: boolean): void {
    this.readyState = 1;
    this.onopen?.();
    this.say({ type: 'subscribed', channel_id: 'c', seq, recovered, online: 1 });
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The other end closes, or the network does. */
  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

/** A connection, its sockets and its states so far. */
function setUp(options: Partial<ConnectionOptions> = {}) {
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = [];
  let token = 1;
  const connection = new ChannelConnection({
    url: 'ws://host/ws',
    token: () => `token${token}`,
    openSocket: (url, protocols) => {
      const socket = new FakeSocket(url, protocols);
      sockets.push(socket);
      return socket as unknown as SocketLike;
    },
    onFrame: () => undefined,
    onState: (state) => states.push(state),
    probe: async () => ({ kind: 'retry', reason: 'Lost.' }),
    renewToken: async () => {
      token += 1;
      return true;
    },
    random: () => 1,
    ...options,
  });
  connection.open();
  const last = () => sockets.at(-1) ?? assert.fail('no socket was opened');
  return { connection, sockets, states, last };
}

/** Lets promises that are settled go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
});

test('the first attempt names no place and carries the token as a subprotocol', () => {
  const { last } = setUp();
  assert.equal(last().url, 'ws://host/ws');
  assert.deepEqual(last().protocols, ['hubbub.v1', 'auth.bearer.dG9rZW4x']);
});

test('a lost connection resumes after the newest place of any frame', () => {
  const { connection, last, sockets } = setUp();
  last().join(7, false);
  assert.equal(connection.state.kind, 'online');
  last().say({ type: 'message', seq: 6 });
  last().say({ type: 'message_deleted', seq: 8, message_seq: 6 });
  last().say({ type: 'a_later_kind_of_frame', seq: 9 });
  last().end(1006);
  assert.equal(connection.state.kind, 'waiting');
  mock.timers.tick(500);
  assert.equal(sockets.length, 2);
  assert.equal(last().url, 'ws://host/ws?last_seq=9');
});

test('the head that subscribed names is not a place that was reached', () => {
  const { last } = setUp();
  last().join(7, false);
  last().say({ type: 'message', seq: 3 });
  last().end(1006);
  mock.timers.tick(500);
  assert.equal(last().url, 'ws://host/ws?last_seq=3');
});

test('an empty channel is resumed from its beginning', () => {
  const { last } = setUp();
  last().join(0, false);
  last().end(1006);
  mock.timers.tick(500);
  assert.equal(last().url, 'ws://host/ws?last_seq=0');
});

test('a join that could not be resumed counts from what follows', () => {
  const { last } = setUp();
  last().join(5, false);
  last().say({ type: 'message', seq: 5 });
  last().end(1006);
  mock.timers.tick(500);
  last().join(4000, false);
  last().end(1006);
  mock.timers.tick(1000);
  assert.equal(last().url, 'ws://host/ws');
});

test('the wait grows with every attempt and is the shortest again after a connection that lasted', async () => {
  const { sockets, states, last } = setUp();
  for (const waitMs of [500, 1000, 2000]) {
    last().end(1006);
    await settle();
    const state = states.at(-1);
    assert.equal(state?.kind === 'waiting' && state.retryAtMs - Date.now(), waitMs);
    mock.timers.tick(waitMs);
  }
  assert.equal(sockets.length, 4);
  last().join(0, false);
  mock.timers.tick(10_000);
  last().end(1006);
  const state = states.at(-1);
  assert.equal(state?.kind === 'waiting' && state.retryAtMs - Date.now(), 500);
});

test('after draining it comes back after the wait that the frame named', () => {
  const { sockets, last } = setUp();
  last().join(1, false);
  last().say({ type: 'draining', retry_after_ms: 340 });
  last().end(1001);
  mock.timers.tick(339);
  assert.equal(sockets.length, 1);
  mock.timers.tick(1);
  assert.equal(sockets.length, 2);
});

test('banned and deleted are ends', () => {
  for (const code of [4003, 4004]) {
    const { connection, sockets, last } = setUp();
    last().join(1, false);
    last().end(code);
    assert.equal(connection.state.kind, 'ended');
    mock.timers.tick(3_600_000);
    assert.equal(sockets.length, 1);
  }
});

test('a token that ended is replaced and the place is kept', async () => {
  const { last } = setUp();
  last().join(0, false);
  last().say({ type: 'message', seq: 1 });
  last().end(4001);
  await settle();
  assert.equal(last().url, 'ws://host/ws?last_seq=1');
  assert.deepEqual(last().protocols, ['hubbub.v1', 'auth.bearer.dG9rZW4y']);
});

test('two tokens refused one after the other are an end', async () => {
  const { connection, last } = setUp({ probe: async () => ({ kind: 'new-token' }) });
  for (const _ of [1, 2]) {
    last().end(1006);
    await settle();
  }
  assert.equal(connection.state.kind, 'ended');
});

test('a refused upgrade is asked about, and the answer decides', async () => {
  const verdict: Verdict = { kind: 'ended', reason: 'You are banned.' };
  const { connection, last } = setUp({ probe: async () => verdict });
  last().end(1006);
  await settle();
  assert.deepEqual(connection.state, verdict);
});

test('an answer about a refused upgrade that comes after close changes nothing', async () => {
  const { connection, sockets, states, last } = setUp();
  last().end(1006);
  connection.close();
  const count = states.length;
  await settle();
  mock.timers.tick(60_000);
  assert.equal(states.length, count);
  assert.equal(sockets.length, 1);
});

test('a silent connection is asked for a pong and given up without one', () => {
  const { connection, last } = setUp();
  last().join(0, false);
  mock.timers.tick(29_000);
  last().say({ type: 'presence_count', online: 2 });
  mock.timers.tick(30_000);
  assert.deepEqual(last().sent, ['{"type":"ping"}']);
  last().say({ type: 'pong' });
  mock.timers.tick(30_000);
  assert.equal(connection.state.kind, 'online');
  mock.timers.tick(10_000);
  assert.equal(connection.state.kind, 'waiting');
});

test('an attempt that is never answered is given up', async () => {
  const { connection } = setUp();
  mock.timers.tick(15_000);
  await settle();
  assert.equal(connection.state.kind, 'waiting');
});

test('nothing is sent unless the connection is online', () => {
  const { connection, last } = setUp();
  assert.equal(connection.send({ type: 'ping' }), false);
  last().join(0, false);
  assert.equal(connection.send({ type: 'ping' }), true);
  last().end(1006);
  assert.equal(connection.send({ type: 'ping' }), false);
});

test('retryNow ends a wait at once, and an old socket is not listened to any more', () => {
  const { connection, sockets, last } = setUp();
  last().join(0, false);
  const old = last();
  old.end(1006);
  connection.retryNow();
  assert.equal(sockets.length, 2);
  last().join(0, true);
  old.end(4003);
  assert.equal(connection.state.kind, 'online');
});
