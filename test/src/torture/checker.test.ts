import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './checker.js';
import { contentOf, digestOf } from './content.js';
import { ADA, assertBreaks, BOB, happyStory, SIZE, Story } from './story.js';

test('a run in which all went well breaks nothing', () => {
  assert.deepEqual(check(happyStory().record()), []);
});

test('a hole, a place taken twice and a wrong head of the stored sequence are found', () => {
  assertBreaks(new Story().sent(1, 'b').stored('b', 2), 'database', /place 1 is missing/);
  assertBreaks(new Story().sent(1, 'a').stored('a', 1).changed(1), 'database', /place 1 is taken twice/);
  const story = new Story().sent(1, 'a').stored('a', 1);
  assertBreaks(story.record({ stored: { ...story.record().stored, heads: [2] } }), 'database', /last_seq is 2/);
});

test('a message that is stored twice, by nobody, for another or with another text is found', () => {
  assertBreaks(happyStory().stored('a', 4), 'database', /stored twice/);
  assertBreaks(happyStory().stored('x', 4), 'database', /sent by nobody/);
  assertBreaks(new Story().sent(1, 'a', BOB).stored('a', 1, ADA), 'disagreement', /is stored for client 0/);
  const story = new Story().sent(1, 'a');
  story.messages.push({ ch: 0, seq: 1, id: 'a', c: ADA, d: 'other', deleted: false, atMs: 1 });
  assertBreaks(story, 'content', /another text/);
});

test('a message that was acknowledged and is not stored is lost', () => {
  assertBreaks(new Story().joined(0, ADA, 0, 0).sent(1, 'a').got(2, ADA, 'a', 1), 'lost', /not in the database/);
  const posted = new Story().sent(1, 'a', ADA, null);
  posted.events.push({ k: 'posted', t: 2, c: ADA, ch: 0, id: 'a', seq: 1, status: 201 });
  assertBreaks(posted, 'lost', /REST answered message a with 201/);
});

test('another seq than the stored one, and another kind of place, are disagreements', () => {
  const seq = new Story().stored('a', 1).joined(0, ADA, 0, 0).sent(1, 'a').got(2, ADA, 'a', 2);
  assertBreaks(seq, 'disagreement', /stored is 0\/1/);
  const kind = new Story().changed(1).joined(0, ADA, 0, 0);
  kind.events.push({ k: 'got', t: 1, c: ADA, conn: 1, ch: 0, seq: 1, type: 'channel_deleted' });
  assertBreaks(kind, 'disagreement', /got channel_deleted/);
});

test('a delivered text that is not the stored one is found', () => {
  const story = new Story().stored('a', 1).sent(1, 'a').joined(0, ADA, 0, 0);
  story.events.push({ k: 'got', t: 2, c: ADA, conn: 1, ch: 0, seq: 1, type: 'message', id: 'a', d: 'other' });
  assertBreaks(story, 'content', /got another text/);
});

test('a deleted message has its text before, none after, and never another one', () => {
  const story = (d: string, deleted = true) => {
    const run = new Story().sent(1, 'a').joined(0, ADA, 0, 0).got(2, ADA, 'a', 1).joined(5, BOB, 0, 1);
    run.messages.push({
      ch: 0,
      seq: 1,
      id: 'a',
      c: ADA,
      d: digestOf(deleted ? '' : contentOf('a', SIZE)),
      deleted,
      atMs: 1,
    });
    run.head = 1;
    run.events.push(
      { k: 'erased', t: 4, c: ADA, id: 'a', status: 200 },
      { k: 'got', t: 6, c: BOB, conn: 1, ch: 0, seq: 1, type: 'message', id: 'a', d },
    );
    return run;
  };
  assert.deepEqual(check(story(digestOf('')).record()), []);
  assertBreaks(story('other'), 'content', /client 1 got another text/);
  assertBreaks(story(digestOf(''), false), 'content', /client 1 got another text/);
  assertBreaks(story(digestOf(''), false), 'lost', /deletion of message a was acknowledged/);
});

test('a place that is left out, or comes again, or comes without a subscription is found', () => {
  const two = () => new Story().stored('a', 1).stored('b', 2).sent(1, 'a').sent(2, 'b');
  assertBreaks(two().joined(0, BOB, 0, 0).got(3, BOB, 'b', 2), 'gap', /got place 2 .* 1 had to come next/);
  assertBreaks(two().joined(0, BOB, 0, 0).got(3, BOB, 'a', 1).got(4, BOB, 'a', 1), 'double', /got place 1 .* and 2/);
  assertBreaks(two().got(3, BOB, 'a', 1), 'resume', /without being subscribed/);
  const otherConnection = two().joined(0, BOB, 0, 0).got(3, BOB, 'a', 1, 2);
  assertBreaks(otherConnection, 'resume', /without being subscribed/);
});

test('an answer to a message that was sent again is no double, and one to a message sent once is', () => {
  const once = () => new Story().stored('a', 1).stored('b', 2).joined(0, ADA, 0, 0).sent(1, 'a').sent(2, 'b');
  const again = once().sent(2.5, 'a').got(3, ADA, 'a', 1).got(3, ADA, 'b', 2).got(4, ADA, 'a', 1).end(ADA);
  assert.deepEqual(check(again.record()), []);
  const early = once().sent(2.5, 'b').got(3, ADA, 'b', 2).got(3, ADA, 'a', 1).got(4, ADA, 'b', 2).end(ADA);
  assert.deepEqual(check(early.record()), []);
  assertBreaks(once().got(3, ADA, 'a', 1).got(3, ADA, 'b', 2).got(4, ADA, 'a', 1), 'double', /got place 1/);
});

test('a page leaves out changes up to its end, and nothing else', () => {
  const story = () => new Story().stored('a', 1).changed(2).stored('b', 3).changed(4).sent(1, 'a').sent(2, 'b');
  const fine = story().joined(5, BOB, null, 3, 1).got(5, BOB, 'a', 1).got(5, BOB, 'b', 3).gotChange(6, BOB, 4).end(BOB);
  assert.deepEqual(check(fine.record()), []);
  assertBreaks(story().joined(5, BOB, null, 3, 1).got(5, BOB, 'b', 3), 'gap', /got place 3/);
  const live = story().joined(5, BOB, null, 1, 1).got(5, BOB, 'a', 1).got(6, BOB, 'b', 3);
  assertBreaks(live, 'gap', /got place 3 .* and 2/);
});

test('a resume that is answered with less than it may ask for is found', () => {
  const story = () => new Story().stored('a', 1).sent(1, 'a');
  assertBreaks(story().joined(5, BOB, 0, 1, 1), 'resume', /missed only 1/);
  assertBreaks(story().joined(5, BOB, 9, 1, 1), 'resume', /has gone back/);
  assertBreaks(story().joined(5, BOB, null, 1), 'resume', /nothing to recover/);
});

test('a refused message that is stored, and a good one that is refused, are found', () => {
  assertBreaks(new Story().bad(1, 'a', 'EMPTY_MESSAGE').stored('a', 1), 'refusal', /is stored/);
  assertBreaks(new Story().bad(1, 'a', 'EMPTY_MESSAGE').error(2, 'a', 'MUTED'), 'refusal', /refused with MUTED/);
  assertBreaks(new Story().sent(1, 'a').error(2, 'a', 'MUTED'), 'refusal', /nothing is wrong with it/);
  assert.deepEqual(check(new Story().bad(1, 'a', 'EMPTY_MESSAGE').error(2, 'a', 'EMPTY_MESSAGE').record()), []);
  assert.deepEqual(check(new Story().sent(1, 'a').error(2, 'a', 'UNAVAILABLE').record()), []);
});

test('a message that was sent after another was seen has to be behind it', () => {
  const story = new Story()
    .stored('b', 1, BOB)
    .stored('a', 2)
    .joined(0, ADA, 0, 0)
    .sent(1, 'a')
    .got(5, ADA, 'a', 2)
    .sent(6, 'b', BOB)
    .got(7, ADA, 'b', 1);
  assertBreaks(story, 'order', /a \(place 2\) was acknowledged before b \(place 1\) was sent/);
});

test('messages of one connection keep their order, unless one was sent again', () => {
  const story = () => new Story().stored('b', 1).stored('a', 2).sent(1, 'a').sent(2, 'b');
  assertBreaks(story(), 'order', /sent a \(place 2\) before b \(place 1\)/);
  assert.deepEqual(check(story().sent(3, 'a').record()), []);
});

test('someone who waits while nothing is broken is late, and who waits out a fault is not', () => {
  const story = () =>
    new Story().stored('a', 1).joined(0, ADA, 0, 0).joined(0, BOB, 0, 0).sent(1, 'a').got(2, ADA, 'a', 1);
  assertBreaks(story().got(9000, BOB, 'a', 1), 'late', /client 1 .* waited 8998 ms for place 1/);
  assert.deepEqual(check(story().fault(1, 8000).got(9000, BOB, 'a', 1).record()), []);
  const stalled = story()
    .got(9000, BOB, 'a', 1)
    .record({ stalls: [{ fromMs: 1, toMs: 8000 }] });
  assert.deepEqual(check(stalled), []);
  assertBreaks(story().fault(1, 2000).got(12_000, BOB, 'a', 1), 'late', /6000 ms of it with nothing broken/);
  assertBreaks(story().end(BOB, 0), 'late', /at the end without it/);
});

test('who stands still, has left or has lost his connection waits for nothing', () => {
  const story = () =>
    new Story().stored('a', 1).joined(0, ADA, 0, 0).joined(0, BOB, 0, 0).sent(1, 'a').got(2, ADA, 'a', 1);
  const frozen = story();
  frozen.events.push({ k: 'freeze', t: 1, c: BOB, conn: 1 }, { k: 'thaw', t: 9000, c: BOB, conn: 1 });
  assert.deepEqual(check(frozen.got(9001, BOB, 'a', 1).record()), []);
  const left = story();
  left.events.push({ k: 'leave', t: 1, c: BOB, conn: 1, ch: 0 }, { k: 'odd', t: 9000, c: ADA, text: 'later' });
  assert.deepEqual(
    check(left.record()).filter(({ rule }) => rule === 'late'),
    [],
  );
  assert.deepEqual(
    check(story().closed(3, BOB).joined(9000, BOB, 0, 1, null, 2).got(9001, BOB, 'a', 1, 2).record()),
    [],
  );
});

test('at the end everyone has everything, and every message was answered', () => {
  assertBreaks(new Story().stored('a', 1).sent(1, 'a').end(ADA, 0), 'behind', /place 0 .* its head is 1/);
  assertBreaks(new Story().end(ADA, null), 'behind', /could not get into channel 0/);
  const story = new Story().sent(1, 'a');
  story.events.push({ k: 'unanswered', t: 2, c: ADA, ch: 0, id: 'a' });
  assertBreaks(story, 'unanswered', /message a of client 0/);
});

test('what only a faulty server does is found', () => {
  const story = new Story();
  story.events.push(
    { k: 'odd', t: 1, c: ADA, text: 'a frame of an unknown type' },
    { k: 'refused', t: 2, c: ADA, i: 1, status: 500, code: 'INTERNAL' },
    { k: 'refused', t: 3, c: ADA, i: 1, status: 503, code: 'UNAVAILABLE' },
    { k: 'err', t: 4, c: ADA, conn: 1, ch: 0, id: null, code: 'INTERNAL' },
  );
  const fault = { t: 5, instance: 1, rule: 'instance-exit', text: 'by itself: exit code 1' } as const;
  const found = check(story.record({ instanceFaults: [fault], rssBytes: [1, 2 ** 30] }));
  assert.deepEqual(
    found.map(({ rule, text }) => `${rule}: ${text}`),
    [
      'odd: client 0: a frame of an unknown type',
      'odd: client 0: instance 1 refused the upgrade with 500 INTERNAL',
      'odd: client 0 was answered INTERNAL',
      'instance-exit: instance 1: by itself: exit code 1',
      'memory: instance 1 took 1024 MiB, at most 640 are allowed',
    ],
  );
});
