import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Connection } from './connection.js';
import { HubbubClientError } from './errors.js';
import { FakeSocket, settled } from './fake-socket.js';
import type { AnyFrame } from './frames.js';
import { Tokens } from './tokens.js';
import type { ConnectionStatus } from './types.js';

let connection: Connection;
let given: string[];
let frames: AnyFrame[];
let states: ConnectionStatus['state'][];
let probe: () => Promise<unknown>;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  mock.method(Math, 'random', () => 0.5);
  FakeSocket.made.length = 0;
  given = [];
  frames = [];
  states = [];
  probe = () => Promise.reject(new HubbubClientError('NETWORK', 'not reached'));
  start(() => `token-${given.length + 1}`);
});

afterEach(() => {
  connection.close();
  mock.timers.reset();
  mock.restoreAll();
});

function start(getToken: () => string | Promise<string>): void {
  const tokens = new Tokens(async () => {
    const token = await getToken();
    given.push(token);
    return token;
  });
  connection = new Connection({
    url: 'ws://server/ws/chat',
    WebSocket: FakeSocket,
    tokens,
    probe: () => probe(),
    onFrame: (frame) => frames.push(frame),
  });
  connection.status.subscribe(() => states.push(connection.status.get().state));
}

async function online(): Promise<FakeSocket> {
  connection.reconnect();
  await settled();
  FakeSocket.last.open();
  return FakeSocket.last;
}

/** How long the connection waits for its next attempt. */
function waitMs(): number {
  const status = connection.status.get();
  assert.equal(status.state, 'waiting');
  return status.state === 'waiting' ? status.retryAtMs - Date.now() : 0;
}

test('it offers the token as a subprotocol, and is online when the socket is open', async () => {
  const socket = await online();
  assert.equal(socket.url, 'ws://server/ws/chat');
  assert.equal(socket.protocols[0], 'hubbub.v1');
  assert.equal(socket.token, 'token-1');
  assert.deepEqual(states, ['connecting', 'online']);
});

test('what is lost comes back after a wait that grows, with jitter over its whole length', async () => {
  const socket = await online();
  socket.end(1006);
  const waits = [waitMs()];
  for (let attempt = 1; attempt < 9; attempt++) {
    mock.timers.tick(waits.at(-1) ?? 0);
    await settled();
    assert.equal(FakeSocket.made.length, attempt + 1);
    FakeSocket.last.end(1006);
    await settled();
    waits.push(waitMs());
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test('waits start from the shortest again after a connection that lasted, not after one that did not', async () => {
  await online();
  for (let round = 0; round < 3; round++) {
    FakeSocket.last.end(1006);
    mock.timers.tick(waitMs());
    await settled();
    FakeSocket.last.open();
  }
  FakeSocket.last.end(1006);
  assert.equal(waitMs(), 2000);
  mock.timers.tick(2000);
  await settled();
  FakeSocket.last.open();
  mock.timers.tick(10_000);
  FakeSocket.last.end(1006);
  assert.equal(waitMs(), 250);
});

test('a server that drains says when to come back', async () => {
  const socket = await online();
  socket.receive({ type: 'draining', retry_after_ms: 123 });
  socket.end(1001);
  assert.equal(waitMs(), 123);
  mock.timers.tick(123);
  await settled();
  assert.equal(FakeSocket.made.length, 2);
});

test('1001 and 4008 without a word come back within a second, but not again and again', async () => {
  (await online()).end(1001);
  assert.equal(waitMs(), 500);
  mock.timers.tick(500);
  await settled();
  FakeSocket.last.open();
  FakeSocket.last.end(4008);
  mock.timers.tick(waitMs());
  await settled();
  FakeSocket.last.open();
  FakeSocket.last.end(1001);
  assert.equal(waitMs(), 1000);
});

test('flooding waits for some seconds at least', async () => {
  (await online()).end(4029);
  assert.equal(waitMs(), 5250);
});

test('4001 asks for another token, and comes back with it at once', async () => {
  (await online()).end(4001);
  await settled();
  assert.equal(FakeSocket.made.length, 2);
  assert.equal(FakeSocket.last.token, 'token-2');
});

test('a token that was refused before the socket opened is replaced', async () => {
  probe = async () => {
    probe = () => Promise.reject(new Error('asked twice'));
    // As the REST half does after a 401.
    await connectionTokens().renew('token-1');
  };
  const tokens = new Tokens(() => `token-${given.push('')}`);
  const connectionTokens = () => tokens;
  connection = new Connection({
    url: 'ws://server/ws/chat',
    WebSocket: FakeSocket,
    tokens,
    probe: () => probe(),
    onFrame: () => {},
  });
  connection.reconnect();
  await settled();
  FakeSocket.last.end(1006);
  await settled();
  assert.equal(FakeSocket.made.length, 2);
  assert.equal(FakeSocket.last.token, 'token-2');
});

test('it ends when the server refuses the user, or every token', async () => {
  for (const [status, code] of [
    [403, 'FORBIDDEN'],
    [401, 'UNAUTHORIZED'],
  ] as const) {
    probe = () => Promise.reject(new HubbubClientError(code, 'no', { status }));
    connection.reconnect();
    await settled();
    FakeSocket.last.end(1006);
    await settled();
    const ended = connection.status.get();
    assert.ok(ended.state === 'closed' && ended.error?.code === code, JSON.stringify(ended));
  }
  // It can be tried again by hand.
  connection.reconnect();
  await settled();
  FakeSocket.last.open();
  assert.equal(connection.status.get().state, 'online');
});

test('it waits as long as a server that is full says', async () => {
  probe = () => Promise.reject(new HubbubClientError('UNAVAILABLE', 'full', { status: 503, retryAfterMs: 4000 }));
  connection.reconnect();
  await settled();
  FakeSocket.last.end(1006);
  await settled();
  assert.equal(waitMs(), 4000);
});

test('a getToken that throws is asked again; one that says there is none ends it', async () => {
  let isThere = false;
  start(() => {
    if (!isThere) throw new Error('the token service is away');
    return 'late';
  });
  connection.reconnect();
  await settled();
  assert.equal(waitMs(), 250);
  isThere = true;
  mock.timers.tick(250);
  await settled();
  assert.equal(FakeSocket.last.token, 'late');
  connection.close();

  start(() => {
    throw new HubbubClientError('NO_TOKEN', 'signed out');
  });
  connection.reconnect();
  await settled();
  const ended = connection.status.get();
  assert.ok(ended.state === 'closed' && ended.error?.message === 'signed out');
});

test('a socket that does not open within 15 s is given up', async () => {
  connection.reconnect();
  await settled();
  const socket = FakeSocket.last;
  mock.timers.tick(15_000);
  await settled();
  assert.ok(socket.isClosed);
  assert.equal(connection.status.get().state, 'waiting');
});

test('silence is asked about, and taken for death without an answer', async () => {
  const socket = await online();
  mock.timers.tick(29_999);
  assert.equal(socket.take('ping').length, 0);
  mock.timers.tick(1);
  assert.equal(socket.take('ping').length, 1);
  socket.receive({ type: 'pong' });
  mock.timers.tick(30_000);
  assert.equal(socket.take('ping').length, 1);
  mock.timers.tick(9999);
  assert.equal(connection.status.get().state, 'online');
  mock.timers.tick(1);
  assert.ok(socket.isClosed);
  assert.equal(connection.status.get().state, 'waiting');
});

test('nothing of a socket that was given up is heard any more', async () => {
  const socket = await online();
  mock.timers.tick(30_000);
  mock.timers.tick(10_000);
  assert.ok(socket.isClosed);
  const before = connection.status.get();
  socket.receive({ type: 'pong' });
  socket.end(4003);
  assert.equal(connection.status.get(), before);
  assert.deepEqual(frames, []);
});

test('a token that expires is replaced on the open connection', async () => {
  const socket = await online();
  socket.receive({ type: 'token_expiring', expires_at: '2026-01-31T12:00:00.000Z' });
  await settled();
  assert.deepEqual(socket.take('auth'), [{ type: 'auth', token: 'token-2' }]);
  assert.equal(FakeSocket.made.length, 1);
});

test('a barrier is reached when the server has answered what was asked then', async () => {
  const socket = await online();
  const reached: number[] = [];
  connection.barrier(() => reached.push(1));
  connection.barrier(() => reached.push(2));
  socket.receive({ type: 'pong' });
  assert.deepEqual(reached, [1]);
  socket.receive({ type: 'pong' });
  assert.deepEqual(reached, [1, 2]);
  connection.barrier(() => reached.push(3));
  socket.end(1006);
  mock.timers.tick(waitMs());
  await settled();
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: 'pong' });
  assert.deepEqual(reached, [1, 2]);
});

test('of the frames on their way the largest is refused when one was too big', async () => {
  const socket = await online();
  const channel_id = 'c';
  connection.send({ type: 'message', channel_id, content: 'short', message_id: '1' });
  connection.send({ type: 'message', channel_id, content: 'ü'.repeat(3000), message_id: '2' });
  connection.send({ type: 'message', channel_id, content: 'u'.repeat(3500), message_id: '3' });
  socket.end(1009);
  const refused = frames.find(({ type }) => type === 'error');
  assert.equal(refused?.message_id, '2');
  assert.equal(refused?.code, 'MESSAGE_TOO_LONG');
});

test('what is no frame is ignored, and every other one is handed on', async () => {
  const socket = await online();
  const receive = socket.onmessage as (event: { data: unknown }) => void;
  for (const data of ['', 'null', '[]', '{"type":1}', '"type"', new ArrayBuffer(2)]) receive({ data });
  receive({ data: '{"type":"of a newer server","x":1}' });
  assert.deepEqual(frames, [{ type: 'of a newer server', x: 1 }]);
});

test('close ends everything, also what waits', async () => {
  (await online()).end(1006);
  connection.close();
  mock.timers.tick(60_000);
  await settled();
  connection.reconnect();
  await settled();
  assert.equal(FakeSocket.made.length, 1);
  assert.deepEqual(connection.status.get(), { state: 'closed', error: null });
  assert.equal(connection.send({ type: 'ping' }), false);
});

test('close during an attempt leaves no socket behind', async () => {
  const token = Promise.withResolvers<string>();
  start(() => token.promise);
  connection.reconnect();
  await settled();
  connection.close();
  token.resolve('late');
  await settled();
  assert.equal(FakeSocket.made.length, 0);
});

test('without a network it is offline, and comes back with it at once', async () => {
  const navigator = { onLine: true };
  mock.getter(globalThis, 'navigator', () => navigator);
  const events = new EventTarget();
  const add = events.addEventListener.bind(events);
  Object.assign(globalThis, { addEventListener: add });
  try {
    start(() => 'token');
    const socket = await online();
    navigator.onLine = false;
    events.dispatchEvent(new Event('offline'));
    // The browser may be wrong: the connection is asked first.
    assert.equal(socket.take('ping').length, 1);
    mock.timers.tick(10_000);
    assert.equal(connection.status.get().state, 'offline');
    navigator.onLine = true;
    events.dispatchEvent(new Event('online'));
    await settled();
    assert.equal(FakeSocket.made.length, 2);
    FakeSocket.last.open();
    connection.close();
    // The listeners are gone with it.
    events.dispatchEvent(new Event('online'));
    await settled();
    assert.equal(FakeSocket.made.length, 2);
  } finally {
    Reflect.deleteProperty(globalThis, 'addEventListener');
  }
});

test('a page that is looked at again asks whether the connection is alive, and does not wait for the next attempt', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  Object.assign(globalThis, { document: page });
  try {
    start(() => 'token');
    const socket = await online();
    page.dispatchEvent(new Event('visibilitychange'));
    assert.equal(socket.take('ping').length, 0);
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    assert.equal(socket.take('ping').length, 1);
    socket.end(1006);
    page.dispatchEvent(new Event('visibilitychange'));
    await settled();
    assert.equal(FakeSocket.made.length, 2);
  } finally {
    Reflect.deleteProperty(globalThis, 'document');
  }
});
