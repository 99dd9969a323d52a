import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import type { ClientFrame } from '@hubbub/protocol/frames.js';
import { Sender } from './sender.js';

/** A sender over a connection that the test switches on and off. */
function setUp() {
  const sent: ClientFrame[] = [];
  const line = { isOpen: true };
  const sender = new Sender({
    channelId: 'c',
    transmit: (frame) => {
      if (line.isOpen) sent.push(frame);
      return line.isOpen;
    },
    onChange: () => undefined,
  });
  const states = () => sender.drafts.map(({ state }) => state);
  const firstId = () => sender.drafts[0]?.id ?? assert.fail('nothing is on its way');
  return { sender, sent, line, states, firstId };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
});

test('a message is on its way until it is acknowledged', () => {
  const { sender, sent, states, firstId } = setUp();
  sender.say('hello');
  assert.deepEqual(states(), ['sending']);
  assert.deepEqual(sent, [{ type: 'message', channel_id: 'c', content: 'hello', message_id: firstId() }]);
  sender.acknowledge(firstId());
  assert.deepEqual(states(), []);
});

test('what is written without a connection is sent with the next one, in its order', () => {
  const { sender, sent, line, states } = setUp();
  line.isOpen = false;
  for (const text of ['one', 'two']) sender.say(text);
  assert.deepEqual(states(), ['queued', 'queued']);
  line.isOpen = true;
  sender.connected();
  assert.deepEqual(
    sent.map((frame) => frame.type === 'message' && frame.content),
    ['one', 'two'],
  );
});

test('what a lost connection may not have brought is sent again under the same id', () => {
  const { sender, sent, states } = setUp();
  sender.say('hello');
  sender.disconnected();
  assert.deepEqual(states(), ['queued']);
  sender.connected();
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
});

test('a refused message waits for the user and is tried again under the same id', () => {
  const { sender, sent, states, firstId } = setUp();
  sender.say('hello');
  sender.refuse(firstId(), 'RATE_LIMITED', 'Too fast.');
  assert.deepEqual(
    sender.drafts.map(({ state, problem, canRetry }) => [state, problem, canRetry]),
    [['failed', 'Too fast.', true]],
  );
  sender.disconnected();
  sender.connected();
  assert.deepEqual(states(), ['failed']);
  sender.retry(firstId());
  assert.deepEqual(sent[0], sent[1]);
});

test('a message that will not be taken as it is cannot be tried again, and its text is given back', () => {
  const { sender, states, firstId } = setUp();
  sender.say('much too long');
  sender.refuse(firstId(), 'MESSAGE_TOO_LONG', 'Too long.');
  assert.equal(sender.drafts[0]?.canRetry, false);
  assert.equal(sender.discard(firstId()), 'much too long');
  assert.deepEqual(states(), []);
});

test('a message that is not acknowledged in time has failed, and a late acknowledgement still counts', () => {
  const { sender, states, firstId } = setUp();
  sender.say('hello');
  mock.timers.tick(15_000);
  assert.deepEqual(states(), ['failed']);
  sender.acknowledge(firstId());
  assert.deepEqual(states(), []);
});

test('a refusal that comes after the acknowledgement changes nothing', () => {
  const { sender, states, firstId } = setUp();
  sender.say('hello');
  const id = firstId();
  sender.acknowledge(id);
  sender.refuse(id, 'RATE_LIMITED', 'Too fast.');
  assert.deepEqual(states(), []);
});

test('too many messages are not taken, and closing gives the unsent texts back', () => {
  const { sender, line } = setUp();
  line.isOpen = false;
  for (let i = 0; i < 50; i++) assert.equal(sender.say(`${i}`), true);
  assert.equal(sender.say('one more'), false);
  assert.equal(sender.close().length, 50);
});
