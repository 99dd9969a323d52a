/** The client as an application uses it, against a server that the test plays. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import type { Channel } from './channel.js';
import { type Client, connect } from './client.js';
import { HubbubClientError } from './errors.js';
import {
  CHANNEL_ID,
  deletedFrame,
  errorFrame,
  FakeSocket,
  idOf,
  messageFrame,
  settled,
  subscribedFrame,
  tokenOf,
} from './fake-socket.js';
import type { SendResult } from './types.js';

const ADA = { sub: '00000000-0000-4000-8000-000000000001', username: 'ada' };

let client: Client;
let channel: Channel;
/** Places of the messages that the application was shown, with a `*` where they were no news. */
let shown: string[];

beforeEach(async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  mock.method(Math, 'random', () => 0.5);
  FakeSocket.made.length = 0;
  shown = [];
  client = connect({
    url: 'https://chat.example/mounted/',
    getToken: () => tokenOf(ADA),
    WebSocket: FakeSocket,
    fetch: () => Promise.reject(new Error('no network')),
    maxMessages: 5,
  });
  channel = client.channel(CHANNEL_ID);
  channel.on('message', ({ message, isReplay }) => shown.push(`${message.seq}${isReplay ? '*' : ''}`));
  await settled();
  FakeSocket.last.open();
});

afterEach(() => {
  client.close();
  mock.timers.reset();
  mock.restoreAll();
});

/** Joins; the channel has `seq` messages, the newest `page` of which are brought. */
async function joined(seq = 0, page = seq): Promise<FakeSocket> {
  const joining = channel.join();
  const socket = FakeSocket.last;
  socket.receive(subscribedFrame(seq, false, seq - page + 1));
  for (let place = seq - page + 1; place <= seq; place++) socket.receive(messageFrame(place));
  socket.pong();
  await joining;
  socket.sent.length = 0;
  return socket;
}

/** Cuts the connection, and opens the next one. */
async function cut(): Promise<FakeSocket> {
  FakeSocket.last.end(1006);
  mock.timers.tick(30_000);
  await settled();
  FakeSocket.last.open();
  return FakeSocket.last;
}

function places(): number[] {
  return channel.timeline.get().messages.map(({ seq }) => seq);
}

function outgoing(): string[] {
  return channel.timeline.get().outgoing.map(({ content, state }) => `${content} ${state}`);
}

async function failure(promise: Promise<unknown>): Promise<HubbubClientError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof HubbubClientError)) throw error;
  return error;
}

test('the socket is that of many channels, below the path of the server', () => {
  assert.equal(FakeSocket.last.url, 'wss://chat.example/mounted/ws/chat');
  assert.deepEqual(client.self.get(), {
    id: ADA.sub,
    username: 'ada',
    display_name: null,
    avatar_url: null,
    role: 'user',
  });
});

test('one id in any spelling is one channel; what is no id is refused', () => {
  assert.equal(client.channel(CHANNEL_ID.toUpperCase()), channel);
  assert.equal(client.channel(CHANNEL_ID.replaceAll('-', '')), channel);
  assert.throws(() => client.channel('general'), { code: 'INVALID_CHANNEL_ID' });
});

test('a join brings the newest page, then live messages', async () => {
  const socket = await joined(7, 3);
  socket.receive(messageFrame(8));
  assert.deepEqual(shown, ['5*', '6*', '7*', '8']);
  assert.deepEqual(places(), [5, 6, 7, 8]);
  const { hasOlder, isLoaded } = channel.timeline.get();
  assert.ok(hasOlder && isLoaded);
  assert.equal(channel.lastSeq, 8);
});

test('a join resumes after the last place, on every connection', async () => {
  await joined(3);
  assert.deepEqual(channel.status.get(), { state: 'joined' });
  const socket = await cut();
  assert.deepEqual(socket.take('join'), [{ type: 'join', channel_id: CHANNEL_ID, last_seq: 3 }]);
  socket.receive(subscribedFrame(5, true));
  socket.receive(messageFrame(4));
  socket.receive(deletedFrame(5, 2));
  assert.deepEqual(channel.status.get(), { state: 'joining' });
  socket.pong();
  assert.deepEqual(channel.status.get(), { state: 'joined' });
  assert.deepEqual(places(), [1, 2, 3, 4]);
  assert.equal(channel.timeline.get().messages[1]?.is_deleted, true);
  assert.deepEqual(shown, ['1*', '2*', '3*', '4*']);
});

test('a connection that is cut in the middle of a page goes on behind what had come', async () => {
  const joining = channel.join();
  FakeSocket.last.receive(subscribedFrame(9, false, 6));
  FakeSocket.last.receive(messageFrame(6));
  FakeSocket.last.receive(messageFrame(7));
  const socket = await cut();
  assert.deepEqual(socket.take('join'), [{ type: 'join', channel_id: CHANNEL_ID, last_seq: 7 }]);
  socket.receive(subscribedFrame(9, true));
  socket.receive(messageFrame(8));
  socket.receive(messageFrame(9));
  socket.pong();
  await joining;
  assert.deepEqual(places(), [6, 7, 8, 9]);
});

test('an empty channel can be resumed from its beginning', async () => {
  await joined(0);
  assert.equal(channel.timeline.get().hasOlder, false);
  const socket = await cut();
  assert.deepEqual(socket.take('join'), [{ type: 'join', channel_id: CHANNEL_ID, last_seq: 0 }]);
});

test('places of a page that are no messages are passed over; the first live one follows the head', async () => {
  const joining = channel.join();
  const socket = FakeSocket.last;
  socket.receive(subscribedFrame(9, false, 3));
  socket.receive(messageFrame(3));
  socket.receive(messageFrame(6));
  socket.receive(messageFrame(10));
  socket.pong();
  await joining;
  assert.deepEqual(shown, ['3*', '6*', '10']);
  assert.equal(channel.lastSeq, 10);
});

test('after too long an absence the list begins anew, and the application is told', async () => {
  await joined(3);
  const gaps: unknown[] = [];
  channel.on('gap', (gap) => gaps.push(gap));
  const socket = await cut();
  socket.receive(subscribedFrame(5000, false, 4998));
  for (const seq of [4998, 4999, 5000]) socket.receive(messageFrame(seq));
  socket.pong();
  assert.deepEqual(gaps, [{ afterSeq: 3, beforeSeq: 4998 }]);
  assert.deepEqual(places(), [4998, 4999, 5000]);
  assert.ok(channel.timeline.get().hasOlder);
  assert.equal(channel.lastSeq, 5000);
});

test('the epoch is named with the place; after a restore the list begins anew, and nothing of before is known', async () => {
  const joining = channel.join();
  FakeSocket.last.receive(subscribedFrame(3, false, 1, 'first'));
  for (const seq of [1, 2, 3]) FakeSocket.last.receive(messageFrame(seq));
  FakeSocket.last.pong();
  await joining;
  const gaps: unknown[] = [];
  channel.on('gap', (gap) => gaps.push(gap));
  let socket = await cut();
  assert.deepEqual(socket.take('join'), [{ type: 'join', channel_id: CHANNEL_ID, last_seq: 3, epoch: 'first' }]);
  // A server from before there were epochs: what was known stays known.
  socket.receive(subscribedFrame(3, true));
  socket.pong();
  socket = await cut();
  assert.equal(socket.take('join')[0]?.epoch, 'first');
  socket.receive(subscribedFrame(2, false, 1, 'second'));
  for (const seq of [1, 2]) socket.receive(messageFrame(seq, idOf(100 + seq)));
  socket.pong();
  assert.deepEqual(gaps, [{ afterSeq: 0, beforeSeq: 1 }]);
  assert.deepEqual(places(), [1, 2]);
  assert.deepEqual([channel.lastSeq, channel.epoch], [2, 'second']);
});

test('an application that was restarted names the epoch that it kept beside the place', async () => {
  const joining = channel.join({ lastSeq: 9, epoch: 'first' });
  const socket = FakeSocket.last;
  assert.deepEqual(socket.take('join'), [{ type: 'join', channel_id: CHANNEL_ID, last_seq: 9, epoch: 'first' }]);
  socket.receive(subscribedFrame(9, true, undefined, 'first'));
  socket.pong();
  await joining;
  assert.deepEqual([channel.lastSeq, channel.epoch], [9, 'first']);
});

test('a hole in what is live, or in what a resume brings, ends the connection', async () => {
  const socket = await joined(3);
  socket.receive(messageFrame(5));
  assert.ok(socket.isClosed);
  assert.deepEqual(places(), [1, 2, 3]);
  mock.timers.tick(30_000);
  await settled();
  const second = FakeSocket.last;
  second.open();
  assert.equal(second.take('join')[0]?.last_seq, 3);
  second.receive(subscribedFrame(5, true));
  second.receive(messageFrame(4));
  // The fifth does not come.
  second.pong();
  assert.ok(second.isClosed);
  assert.equal(channel.status.get().state, 'joining');
});

test('what comes twice is shown once', async () => {
  const socket = await joined(3);
  socket.receive(messageFrame(3));
  socket.receive(deletedFrame(2, 1));
  assert.deepEqual(shown, ['1*', '2*', '3*']);
  assert.equal(channel.timeline.get().messages[0]?.is_deleted, false);
});

test('a join can start behind a place that the application has kept', async () => {
  const joining = channel.join({ lastSeq: 41 });
  const socket = FakeSocket.last;
  assert.equal(socket.take('join')[0]?.last_seq, 41);
  socket.receive(subscribedFrame(42, true));
  socket.receive(messageFrame(42));
  socket.pong();
  await joining;
  assert.deepEqual(shown, ['42*']);
  assert.ok(channel.timeline.get().hasOlder);
});

test('a refused join says why, and is not tried again by itself', async () => {
  const joining = channel.join();
  FakeSocket.last.receive(errorFrame('CHANNEL_FULL'));
  assert.equal((await failure(joining)).code, 'CHANNEL_FULL');
  const status = channel.status.get();
  assert.ok(status.state === 'ended' && status.error.code === 'CHANNEL_FULL');
  const socket = await cut();
  assert.deepEqual(socket.take('join'), []);
  const again = channel.join();
  assert.equal(socket.take('join').length, 1);
  socket.receive(subscribedFrame(0, false));
  socket.pong();
  await again;
});

test('a join that the server cannot carry out right now is tried again', async () => {
  const joining = channel.join();
  const socket = FakeSocket.last;
  for (let round = 0; round < 3; round++) {
    assert.equal(socket.take('join').length, 1);
    socket.receive(errorFrame('UNAVAILABLE'));
    mock.timers.tick(5000);
  }
  socket.receive(subscribedFrame(0, false));
  socket.pong();
  await joining;
});

test('a join can be taken back', async () => {
  const taking = new AbortController();
  const joining = channel.join({ signal: taking.signal });
  taking.abort(new Error('the reader went on'));
  await assert.rejects(joining, { message: 'the reader went on' });
  assert.equal(channel.status.get().state, 'idle');
  assert.equal(FakeSocket.last.take('leave').length, 1);
  await assert.rejects(channel.join({ signal: taking.signal }), { message: 'the reader went on' });
});

test('after a leave nothing is heard; the next join resumes', async () => {
  const socket = await joined(3);
  channel.leave();
  socket.receive(messageFrame(4));
  assert.deepEqual(places(), [1, 2, 3]);
  const joining = channel.join();
  // Still of the first join.
  socket.receive(messageFrame(5));
  socket.receive({ type: 'left', channel_id: CHANNEL_ID });
  assert.equal(socket.take('join')[0]?.last_seq, 3);
  socket.receive(subscribedFrame(5, true));
  socket.receive(messageFrame(4));
  socket.receive(messageFrame(5));
  socket.pong();
  await joining;
  assert.deepEqual(places(), [1, 2, 3, 4, 5]);
});

test('who is banned is told why, and what he wanted to say is rejected', async () => {
  const socket = await joined(1);
  const sending = channel.send('hello');
  const base = { channel_id: CHANNEL_ID, expires_at: null, timestamp: '2026-01-31T12:00:00.000Z' };
  socket.receive({ type: 'moderation', ...base, action: 'banned', reason: 'spam' });
  socket.receive({ type: 'left', channel_id: CHANNEL_ID, code: 4003 });
  assert.equal((await failure(sending)).code, 'BANNED');
  const status = channel.status.get();
  assert.ok(status.state === 'ended' && status.moderation?.reason === 'spam');
  assert.equal((await failure(channel.send('again'))).code, 'NOT_JOINED');
});

test('a closed channel ends with its own code', async () => {
  const socket = await joined(1);
  socket.receive({ type: 'left', channel_id: CHANNEL_ID, code: 4004 });
  const status = channel.status.get();
  assert.ok(status.state === 'ended' && status.error.code === 'CHANNEL_CLOSED');
});

test('a message shows at once, and turns into the stored one under its id', async () => {
  const socket = await joined(1);
  const sending = channel.send('hello');
  const [frame] = socket.take('message');
  assert.deepEqual(outgoing(), ['hello sending']);
  assert.equal(channel.timeline.get().outgoing[0]?.id, frame?.message_id);
  let changes = 0;
  mock.timers.tick(100);
  mock.timers.tick(100);
  channel.timeline.subscribe(() => {
    changes++;
    // Never both, never neither.
    assert.deepEqual([places(), outgoing()], [[1, 2], []]);
  });
  socket.receive(messageFrame(2, frame?.message_id, 'hello'));
  const result = await sending;
  assert.ok(result.status === 'sent' && result.message.seq === 2);
  mock.timers.tick(16);
  assert.equal(changes, 1);
});

test('what waits is sent after the resume, under the same id, in the order in which it was written', async () => {
  const socket = await joined(0);
  const sending = [channel.send('one'), channel.send('two')];
  const ids = socket.take('message').map(({ message_id }) => message_id);
  socket.end(1006);
  sending.push(channel.send('three'));
  assert.deepEqual(outgoing(), ['one queued', 'two queued', 'three queued']);
  mock.timers.tick(30_000);
  await settled();
  const second = FakeSocket.last;
  second.open();
  // The first one had been stored.
  second.receive(subscribedFrame(1, true));
  second.receive(messageFrame(1, ids[0], 'one'));
  assert.deepEqual(second.take('message'), []);
  second.pong();
  const sent = second.take('message');
  assert.deepEqual(
    sent.map(({ content }) => content),
    ['two', 'three'],
  );
  assert.equal(sent[0]?.message_id, ids[1]);
  for (const [index, { message_id }] of sent.entries()) second.receive(messageFrame(index + 2, message_id));
  const results = await Promise.all(sending);
  assert.deepEqual(
    results.map((result) => result.status === 'sent' && result.message.seq),
    [1, 2, 3],
  );
  assert.deepEqual(outgoing(), []);
});

test('a repeated message is acknowledged with its first place, and not shown a second time', async () => {
  const socket = await joined(3);
  const sending = channel.send('text 2', { messageId: idOf(2).toUpperCase() });
  assert.equal(socket.take('message')[0]?.message_id, idOf(2));
  socket.receive(messageFrame(2));
  const result = await sending;
  assert.ok(result.status === 'sent' && result.message.seq === 2);
  assert.deepEqual([places(), outgoing()], [[1, 2, 3], []]);
});

test('a refusal rejects with its code and wait; the message stays, and can be tried again or discarded', async () => {
  const socket = await joined(0);
  const first = failure(channel.send('one'));
  const second = failure(channel.send('two'));
  const [one, two] = socket.take('message');
  socket.receive(errorFrame('RATE_LIMITED', one?.message_id, 1500));
  socket.receive(errorFrame('MUTED', two?.message_id));
  assert.deepEqual([(await first).code, (await first).retryAfterMs], ['RATE_LIMITED', 1500]);
  assert.equal((await second).code, 'MUTED');
  assert.deepEqual(outgoing(), ['one failed', 'two failed']);
  channel.discard(two?.message_id ?? '');
  const again = channel.retry(one?.message_id ?? '');
  assert.deepEqual(outgoing(), ['one sending']);
  const [repeated] = socket.take('message');
  assert.equal(repeated?.message_id, one?.message_id);
  socket.receive(messageFrame(1, repeated?.message_id));
  assert.equal((await again).status, 'sent');
  assert.equal((await failure(channel.retry('unknown'))).code, 'NOT_FOUND');
});

test('with waitWhenLimited the wait is kept, and those behind it wait too', async () => {
  const socket = await joined(0);
  const sending = channel.send('one', { waitWhenLimited: true });
  const [one] = socket.take('message');
  socket.receive(errorFrame('SLOW_MODE', one?.message_id, 5000));
  const behind = channel.send('two');
  mock.timers.tick(4999);
  assert.deepEqual(socket.take('message'), []);
  mock.timers.tick(1);
  const sent = socket.take('message');
  assert.deepEqual(
    sent.map(({ content }) => content),
    ['one', 'two'],
  );
  for (const [index, { message_id }] of sent.entries()) socket.receive(messageFrame(index + 1, message_id));
  assert.equal((await sending).status, 'sent');
  assert.equal((await behind).status, 'sent');
});

test('what the server cannot store right now is sent again by itself', async () => {
  const socket = await joined(0);
  const sending = channel.send('one');
  const ids = new Set<string | undefined>();
  for (let round = 0; round < 4; round++) {
    const [frame] = socket.take('message');
    ids.add(frame?.message_id);
    socket.receive(errorFrame('UNAVAILABLE', frame?.message_id));
    mock.timers.tick(30_000);
    // The connection is asked whether it is alive.
    socket.pong();
  }
  const [frame] = socket.take('message');
  ids.add(frame?.message_id);
  assert.equal(ids.size, 1);
  socket.receive(messageFrame(1, frame?.message_id));
  assert.equal((await sending).status, 'sent');
});

test('a held message waits for a moderator, who lets it through or refuses it', async () => {
  const socket = await joined(0);
  const sending = [channel.send('one'), channel.send('two')];
  const ids = socket.take('message').map(({ message_id = '' }) => message_id);
  const base = { channel_id: CHANNEL_ID, timestamp: '2026-01-31T12:00:00.000Z' };
  for (const message_id of ids) socket.receive({ type: 'message_held', ...base, message_id, rule: 'links' } as never);
  assert.deepEqual(await Promise.all(sending), [
    { status: 'held', id: ids[0] },
    { status: 'held', id: ids[1] },
  ]);
  assert.deepEqual(outgoing(), ['one held', 'two held']);
  socket.receive(messageFrame(1, ids[0], 'one'));
  const reviewed = { type: 'message_reviewed', ...base, message_id: ids[1], decision: 'reject', reason: 'advertising' };
  socket.receive(reviewed as never);
  assert.deepEqual([places(), outgoing()], [[1], ['two failed']]);
  const { error } = channel.timeline.get().outgoing[0] ?? {};
  assert.deepEqual([error?.code, error?.message], ['BLOCKED_CONTENT', 'advertising']);
});

test('a message whose fate is not known is not rejected by a limit', async () => {
  const socket = await joined(0);
  const sending = channel.send('one');
  const [one] = socket.take('message');
  const second = await cut();
  // Too far behind to tell whether it was stored.
  second.receive(subscribedFrame(5000, false, 5001));
  second.pong();
  assert.equal(second.take('message')[0]?.message_id, one?.message_id);
  second.receive(errorFrame('RATE_LIMITED', one?.message_id, 3000));
  assert.deepEqual(outgoing(), ['one queued']);
  mock.timers.tick(3000);
  assert.equal(second.take('message').length, 1);
  // It was stored long before.
  second.receive(messageFrame(17, one?.message_id));
  const result = await sending;
  assert.ok(result.status === 'sent' && result.message.seq === 17);
  assert.deepEqual([places(), outgoing()], [[], []]);
});

test('a few are on their way at a time, and a bounded number waits', async () => {
  const socket = await joined(0);
  const sending = Array.from({ length: 100 }, (_, index) => channel.send(`text ${index}`));
  assert.equal((await failure(channel.send('one too many'))).code, 'OUTBOX_FULL');
  assert.equal(socket.take('message').length, 16);
  const ids = channel.timeline.get().outgoing.map(({ id }) => id);
  for (const [index, id] of ids.entries()) socket.receive(messageFrame(index + 1, id));
  const results: SendResult[] = await Promise.all(sending);
  assert.deepEqual(
    results.map((result) => result.status === 'sent' && result.message.seq),
    ids.map((_, index) => index + 1),
  );
  // The list keeps what it was told to.
  assert.deepEqual(places(), [96, 97, 98, 99, 100]);
  assert.ok(channel.timeline.get().hasOlder);
});

test('a queued message can be taken back; one on its way is not sent again', async () => {
  const socket = await joined(0);
  const taking = new AbortController();
  const sending = channel.send('on its way', { signal: taking.signal });
  socket.end(1006);
  const waiting = channel.send('waits', { signal: taking.signal });
  taking.abort(new Error('taken back'));
  await assert.rejects(sending, { message: 'taken back' });
  await assert.rejects(waiting, { message: 'taken back' });
  assert.deepEqual(outgoing(), []);
  await assert.rejects(channel.send('late', { signal: taking.signal }), { message: 'taken back' });
});

test('typing is sent now and then, and others are seen for a while', async () => {
  const socket = await joined(0);
  channel.typing();
  mock.timers.tick(1999);
  channel.typing();
  assert.equal(socket.take('typing').length, 1);
  mock.timers.tick(1);
  channel.typing();
  assert.equal(socket.take('typing').length, 1);
  const bob = { user_id: 'bob-id', username: 'bob' };
  socket.receive({ type: 'typing', channel_id: CHANNEL_ID, ...bob, timestamp: '2026-01-31T12:00:00.000Z' });
  const first = channel.typists.get();
  assert.deepEqual(first, [bob]);
  socket.receive({ type: 'typing', channel_id: CHANNEL_ID, ...bob, timestamp: '2026-01-31T12:00:00.000Z' });
  assert.equal(channel.typists.get(), first);
  mock.timers.tick(6000);
  assert.deepEqual(channel.typists.get(), []);
});

test('errors that belong to no message are events', async () => {
  const socket = await joined(0);
  const errors: string[] = [];
  channel.on('error', ({ code }) => errors.push(`channel ${code}`));
  client.on('error', ({ code }) => errors.push(`client ${code}`));
  socket.receive(errorFrame('INVALID_CHANNEL_ID'));
  socket.receive({ ...errorFrame('UNAUTHORIZED'), channel_id: null } as never);
  assert.deepEqual(errors, ['channel INVALID_CHANNEL_ID', 'client UNAUTHORIZED']);
});

test('a listener that throws does not keep others from hearing', async () => {
  const socket = await joined(0);
  const thrown: unknown[] = [];
  mock.method(globalThis, 'queueMicrotask', (report: () => void) => {
    try {
      report();
    } catch (error) {
      thrown.push(error);
    }
  });
  const heard: string[] = [];
  const unsubscribe = channel.on('message', () => {
    throw new Error('of the application');
  });
  const listening = new AbortController();
  channel.on('message', ({ message }) => heard.push(message.content), { signal: listening.signal });
  socket.receive(messageFrame(1));
  unsubscribe();
  socket.receive(messageFrame(2));
  listening.abort();
  socket.receive(messageFrame(3));
  assert.deepEqual(heard, ['text 1', 'text 2']);
  assert.equal(thrown.length, 1);
});

test('close rejects everything that waits', async () => {
  await joined(0);
  const sending = failure(channel.send('one'));
  const joining = failure(client.channel(idOf(1)).join());
  client.close();
  assert.equal((await sending).code, 'CLOSED');
  assert.equal((await joining).code, 'CLOSED');
  assert.equal((await failure(client.ready())).code, 'CLOSED');
  assert.equal((await failure(client.rest.getChannel(CHANNEL_ID))).code, 'NETWORK');
});

test('ready waits for the connection, for as long as is wanted', async () => {
  await client.ready();
  FakeSocket.last.end(1006);
  const waiting = new AbortController();
  const ready = client.ready({ signal: waiting.signal });
  waiting.abort(new Error('enough'));
  await assert.rejects(ready, { message: 'enough' });
  const again = client.ready();
  client.reconnect();
  await settled();
  FakeSocket.last.open();
  await again;
});
