/** The hooks, rendered by react-dom into happy-dom, against a server that the test plays. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, mock, test } from 'node:test';
import { Window } from 'happy-dom';
import { act, createElement, type ReactNode, StrictMode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { type Client, connect } from '../client.js';
import {
  CHANNEL_ID,
  errorFrame,
  FakeSocket,
  idOf,
  messageFrame,
  settled,
  subscribedFrame,
  tokenOf,
} from '../fake-socket.js';
import { type Messages, useChannel, useConnection, useMessages, usePresence, useTyping } from './index.js';

const page = new Window();
let client: Client;
let root: Root;
let requests: string[];

before(() => {
  const { document } = page;
  Object.assign(globalThis, { window: page, document, IS_REACT_ACT_ENVIRONMENT: true });
});

after(async () => {
  for (const name of ['window', 'document', 'IS_REACT_ACT_ENVIRONMENT']) Reflect.deleteProperty(globalThis, name);
  await page.happyDOM.close();
});

beforeEach(async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
  FakeSocket.made.length = 0;
  requests = [];
  client = connect({
    url: 'http://server',
    getToken: () => tokenOf({ sub: idOf(1) }),
    WebSocket: FakeSocket,
    fetch: async (url) => {
      requests.push(new URL(String(url)).pathname.replace(`/api/v1/chat/channels/${CHANNEL_ID}`, ''));
      return answerTo(String(url));
    },
  });
  const place = page.document.createElement('div');
  page.document.body.append(place);
  // The two libraries' types of an element do not know each other.
  root = createRoot(place as unknown as Element);
  await settled();
  FakeSocket.last.open();
});

afterEach(async () => {
  await act(async () => root.unmount());
  client.close();
  mock.timers.reset();
});

function answerTo(url: string): Response {
  if (url.includes('/presence')) {
    const entry = { user_id: 'bob-id', username: 'bob', status: 'online', last_seen: '2026-01-31T12:00:00.000Z' };
    return Response.json({ online: [entry], count: 1 });
  }
  if (url.includes('/messages')) return Response.json({ messages: [{ ...messageOf(1) }], cursor: null, limit: 50 });
  return Response.json({ id: CHANNEL_ID, name: 'general' });
}

function messageOf(seq: number): object {
  const {
    message_id: id,
    timestamp,
    type: _,
    ...rest
  } = messageFrame(seq) as Extract<ReturnType<typeof messageFrame>, { type: 'message' }>;
  return { ...rest, id, is_deleted: false, created_at: timestamp, updated_at: timestamp };
}

async function render(element: ReactNode): Promise<void> {
  await act(async () => root.render(element));
}

/** Lets the server say something, and React draw it. */
async function say(...frames: Parameters<FakeSocket['receive']>[0][]): Promise<void> {
  await act(async () => {
    for (const frame of frames) FakeSocket.last.receive(frame);
    FakeSocket.last.pong();
    await settled();
    mock.timers.tick(20);
  });
}

function text(): string {
  return page.document.body.textContent ?? '';
}

let drawn = 0;
let messages: Messages;

function Room(): ReactNode {
  drawn++;
  const { channel, status, info } = useChannel(client, CHANNEL_ID);
  messages = useMessages(channel);
  const list = messages.messages.map(({ content }) => content);
  const waiting = messages.outgoing.map(({ content, state }) => `${content} ${state}`);
  return `${useConnection(client).state} ${info?.name ?? '?'} ${status.state}: ${[...list, ...waiting].join(', ')}`;
}

function People(): ReactNode {
  const channel = client.channel(CHANNEL_ID);
  const { count, users } = usePresence(channel);
  const { typists, typing } = useTyping(channel);
  typing();
  return ` | ${count} online: ${users.map(({ username }) => username)}; typing: ${typists.map(({ username }) => username)}`;
}

test('a channel is joined while a component uses it, also in StrictMode', async () => {
  await render(createElement(StrictMode, null, createElement(Room)));
  mock.timers.tick(1);
  assert.equal(FakeSocket.last.take('join').length, 1);
  assert.equal(FakeSocket.last.take('leave').length, 0);
  await say(subscribedFrame(1, false, 1), messageFrame(1));
  assert.equal(text(), 'online general joined: text 1');
  // A second component, and then the first one is gone.
  await render(createElement(StrictMode, null, createElement(Room, { key: 'another' })));
  mock.timers.tick(1);
  assert.deepEqual([FakeSocket.last.take('join').length, FakeSocket.last.take('leave').length], [0, 0]);
  await render(null);
  mock.timers.tick(1);
  assert.equal(FakeSocket.last.take('leave').length, 1);
  assert.equal(client.channel(CHANNEL_ID).status.get().state, 'idle');
});

test('a component is drawn again when something it shows has changed, and only then', async () => {
  await render(createElement(Room));
  await say(subscribedFrame(1, false, 1), messageFrame(1));
  const before = drawn;
  await say({ type: 'typing', channel_id: CHANNEL_ID, user_id: 'b', username: 'bob', timestamp: '' });
  await say({ type: 'presence_count', channel_id: CHANNEL_ID, online: 7 });
  assert.equal(drawn, before);
  await say(messageFrame(2));
  assert.equal(drawn, before + 1);
});

test('a message shows while it is on its way, fails, is tried again, and is stored', async () => {
  await render(createElement(Room));
  await say(subscribedFrame(0, false));
  let failed: Promise<unknown> = Promise.resolve();
  await act(async () => {
    failed = assert.rejects(messages.send('hello'), { code: 'SLOW_MODE', retryAfterMs: 10 });
    mock.timers.tick(20);
  });
  assert.equal(text(), 'online general joined: hello sending');
  const id = FakeSocket.last.take('message')[0]?.message_id ?? '';
  await say(errorFrame('SLOW_MODE', id, 10));
  await failed;
  assert.equal(text(), 'online general joined: hello failed');
  let stored: Promise<unknown> = Promise.resolve();
  await act(async () => {
    stored = messages.retry(id);
    mock.timers.tick(20);
  });
  await say(messageFrame(1, id, 'hello'));
  await stored;
  assert.equal(text(), 'online general joined: hello');
});

test('older messages come before those that are there', async () => {
  await render(createElement(Room));
  await say(subscribedFrame(2, false, 2), messageFrame(2));
  assert.ok(messages.hasOlder);
  await act(async () => {
    assert.equal(await messages.loadOlder(), 1);
    mock.timers.tick(20);
    await settled();
  });
  assert.equal(text(), 'online general joined: text 1, text 2');
  assert.equal(messages.hasOlder, false);
});

test('a message that is on its way when the component goes is waited for', async () => {
  await render(createElement(Room));
  await say(subscribedFrame(0, false));
  const sending = messages.send('last words');
  await render(null);
  mock.timers.tick(20);
  assert.equal(FakeSocket.last.take('leave').length, 0);
  const id = FakeSocket.last.take('message')[0]?.message_id ?? '';
  await say(messageFrame(1, id));
  await sending;
  mock.timers.tick(20);
  assert.equal(FakeSocket.last.take('leave').length, 1);
});

test('who is there and who types; names are asked for only where they are shown', async () => {
  await render(createElement(Room));
  await say(subscribedFrame(0, false));
  assert.ok(!requests.includes('/presence'));
  await render([createElement(Room, { key: 'room' }), createElement(People, { key: 'people' })]);
  await say({ type: 'typing', channel_id: CHANNEL_ID, user_id: 'bob-id', username: 'bob', timestamp: '' });
  assert.ok(requests.includes('/presence'));
  assert.ok(text().endsWith('| 1 online: bob; typing: bob'), text());
  assert.equal(FakeSocket.last.take('typing').length, 1);
});
