import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './checker.js';
import type { StoredAction } from './run-record.js';
import { ADA, assertBreaks, BOB, happyStory, Story } from './story.js';

test('a message that has a place after the commit of its author’s ban is found, and one before it or after its end is not', () => {
  const story = new Story().joined(0, ADA, 0, 0).stored('a', 1).stored('b', 2).sent(1, 'a').sent(2, 'b');
  for (const kind of ['ban', 'timeout', 'mute'] as const) {
    const banned = (head: number, more: readonly StoredAction[] = [], expiresAtMs: number | null = null) => {
      const { stored } = story.record();
      const actions = [{ ch: 0, c: ADA, kind, head, expiresAtMs }, ...more];
      return check(story.record({ stored: { ...stored, actions } })).filter(({ rule }) => rule === 'moderation');
    };
    const lifted: StoredAction = {
      ch: 0,
      c: ADA,
      kind: kind === 'mute' ? 'unmute' : 'unban',
      head: 1,
      expiresAtMs: null,
    };
    assert.match(
      banned(1)[0]?.text ?? '',
      new RegExp(`message b .*has place 2 .*his ${kind} was committed at place 1`),
    );
    assert.equal(banned(0).length, 2);
    assert.deepEqual(banned(2), [], 'after all that he wrote');
    assert.equal(banned(0, [lifted]).length, 1, 'lifted before the second one');
    assert.equal(
      banned(0, [{ ...lifted, kind: kind === 'mute' ? 'unban' : 'unmute' }]).length,
      2,
      'another thing was lifted',
    );
    assert.equal(banned(0, [], 4).length, 1, 'over by the time of the second one');
    assert.equal(
      banned(0, [
        { ...lifted, head: 0 },
        { ...lifted, kind, head: 1 },
      ]).length,
      1,
      'banned again',
    );
  }
});

test('who goes on hearing after he was banned is found, and what came before is his', () => {
  const story = (bannedAtMs: number) => {
    const made = new Story().joined(0, ADA, 0, 0).joined(0, BOB, 0, 0).stored('a', 1).sent(9000, 'a');
    made.events.push({
      k: 'moderated',
      t: bannedAtMs,
      c: 2,
      ch: 0,
      target: BOB,
      action: 'ban',
      sentMs: 1,
      status: 200,
    });
    return made.got(9010, ADA, 'a', 1).got(9020, BOB, 'a', 1);
  };
  assertBreaks(story(2), 'moderation', /client 1 got place 1 of channel 0 9018 ms after he was banned/);
  assert.deepEqual(check(story(5000).record()), []);
  assert.deepEqual(check(story(2).fault(100, 8000).record()), []);
});

test('who is refused because of a ban is no fault, unless he is stored, or was not banned', () => {
  const refused = (sentMs: number, t: number) => {
    const made = new Story().joined(0, ADA, 0, 0).sent(100, 'a').error(110, 'a', 'FORBIDDEN');
    const action = { k: 'moderated', c: BOB, ch: 0, target: ADA, status: 200 } as const;
    made.events.push({ ...action, t: sentMs + 5, action: 'ban', sentMs });
    made.events.push({ ...action, t, action: 'unban', sentMs: t - 5 });
    return made;
  };
  assert.deepEqual(check(refused(90, 200).record()), []);
  assertBreaks(refused(20, 80), 'refusal', /refused with FORBIDDEN, and nothing is wrong/);
  assertBreaks(refused(90, 200).stored('a', 1), 'refusal', /refused with FORBIDDEN for good, and is stored/);
  const kept = (code: string) => {
    const made = refused(90, 200);
    made.events.push({ k: 'refused', t: 150, c: ADA, i: 0, status: 403, code });
    return made;
  };
  assert.deepEqual(check(kept('FORBIDDEN').record()), []);
  assertBreaks(kept('UNAUTHORIZED'), 'odd', /refused the upgrade with 403/);
});

test('an audit trail that does not hold is found', () => {
  const story = happyStory();
  const { stored } = story.record();
  assertBreaks(story.record({ stored: { ...stored, trail: 'row 7' } }), 'trail', /row 7/);
});
