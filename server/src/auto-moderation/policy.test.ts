import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AutoModeration, ShieldProfile } from '@hubbub/protocol/auto-moderation.js';
import { gistOf, Policy } from './policy.js';

function policy(rules: AutoModeration, shield: ShieldProfile | null = null): Policy {
  return new Policy({ version: 1, rules, shield });
}

const SHIELD: ShieldProfile = {
  slow_mode_seconds: 0,
  posting: 'everyone',
  minimum_membership_minutes: 0,
  block_links: false,
  hold_all: false,
};

test('without rules nothing is stopped', () => {
  const none = policy({});
  assert.equal(none.isEmpty, true);
  assert.equal(none.check('ANYTHING at https://example.com'), null);
});

test('of several rules the gravest outcome decides, whatever their order', () => {
  const several = policy({
    words: { list: ['spam'], outcome: 'hold' },
    capitals: { max_percent: 50, outcome: 'refuse' },
    mentions: { max: 0, outcome: 'timeout', timeout_minutes: 7 },
  });
  assert.equal(several.check('spam')?.rule, 'words');
  assert.equal(several.check('SPAM AND MORE OF IT')?.rule, 'capitals');
  assert.deepEqual(several.check('SPAM AND MORE OF IT @ada'), {
    rule: 'mentions',
    outcome: 'timeout',
    timeoutMinutes: 7,
    match: null,
  });
});

test('a word is named to moderators as the list has it', () => {
  assert.equal(
    policy({ words: { list: ['Bad Word'], outcome: 'refuse' } }).check('such a BAD... wörd')?.match,
    'Bad Word',
  );
});

test('runs of one character are measured in characters, also of diacritics and of what has no width', () => {
  const { check } = bind(policy({ repeated_characters: { max: 5, outcome: 'refuse' } }));
  for (const text of ['hellooooo', '!!!!!', '😂😂😂😂😂', 'noon', 'naïve', 'a\n\n\nb', '👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿 x', 'ååååå']) {
    assert.equal(check(text), false, text);
  }
  for (const text of [
    'helloooooo',
    'OoOoOo',
    '!!!!!!',
    '😂😂😂😂😂😂',
    'a\n\n\n\n\n\nb',
    `z${'\u0301\u0302'.repeat(3)}`,
    `a${'\u200b'.repeat(6)}b`,
    'a\u200ba\u200ba\u200ba\u200ba\u200ba',
  ]) {
    assert.equal(check(text), true, JSON.stringify(text));
  }
});

test('capitals are a share of the letters that have case, in messages that are long enough', () => {
  const { check } = bind(policy({ capitals: { max_percent: 70, outcome: 'refuse' } }));
  for (const text of [
    'OK',
    'LOL NASA',
    'Hello World, How Are You',
    '你好你好你好你好你好你好',
    'ABCDEFG abc',
    '1234567890!!!',
    'ÜBER den dächern',
  ]) {
    assert.equal(check(text), false, text);
  }
  for (const text of ['STOP SHOUTING', 'ПЕРЕСТАНЬ КРИЧАТЬ', 'ÄÖÜÄÖÜÄÖÜÄ', 'ABCDEFGH ab'])
    assert.equal(check(text), true, text);
});

test('mentions are counted, mail addresses are none', () => {
  const { check } = bind(policy({ mentions: { max: 2, outcome: 'refuse' } }));
  for (const text of ['@ada @bob', 'a@b.com c@d.com e@f.com', '@ @ @ @', 'hi']) assert.equal(check(text), false, text);
  for (const text of ['@ada @bob @eve', '@ada,@bob,@eve', '(@ada)(@bob)(@éve)']) assert.equal(check(text), true, text);
});

test('the shield holds everything, and takes links away whatever the rules allow', () => {
  const held = policy({ words: { list: ['spam'], outcome: 'refuse' } }, { ...SHIELD, hold_all: true });
  assert.deepEqual([held.check('hello')?.rule, held.check('hello')?.outcome], ['shield', 'hold']);
  assert.deepEqual([held.check('spam')?.rule, held.check('spam')?.outcome], ['words', 'refuse']);
  const linkless = policy(
    { links: { allow: 'listed', hosts: ['example.com'], outcome: 'hold' } },
    { ...SHIELD, block_links: true },
  );
  assert.deepEqual(
    [linkless.check('https://example.com')?.rule, linkless.check('https://example.com')?.outcome],
    ['links', 'hold'],
  );
  assert.equal(policy({}, { ...SHIELD, block_links: true }).check('example.com')?.outcome, 'refuse');
  assert.equal(policy({}, SHIELD).isEmpty, true);
});

test('texts that differ in case, diacritics and spaces alone have one gist', () => {
  assert.equal(gistOf('Buy  NOW'), gistOf('buy nów'));
  assert.notEqual(gistOf('buy now'), gistOf('buy new'));
  assert.notEqual(gistOf('😀'), gistOf('😁'));
});

function bind(of: Policy): { check: (text: string) => boolean } {
  return { check: (text) => of.check(text) !== null };
}
