/** Texts that are written to take long to look at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Policy } from './policy.js';

/** The longest message that can be configured, and what it may take: a backtracking search would take minutes. */
const CHARS = 100_000;
const MAX_CPU_MS = 2000;

const outcome = 'refuse';
const policy = new Policy({
  version: 1,
  shield: null,
  rules: {
    words: {
      list: [...Array.from({ length: 999 }, (_, index) => `${'a'.repeat(1 + (index % 90))}b${index}`), 'zz*'],
      outcome,
    },
    links: { allow: 'listed', hosts: ['example.com'], outcome },
    repeated_characters: { max: CHARS, outcome },
    capitals: { max_percent: 100, outcome },
    mentions: { max: CHARS, outcome },
  },
});

for (const [what, unit, end] of [
  ['one letter again and again', 'a', 'c'],
  ['letters with spaces between', 'a ', 'c'],
  ['letters in disguise', '4', 'c'],
  ['marks on one letter', '\u0301', 'c'],
  ['full stops after a link', '.', 'x'],
  ['signs that end a link', ')_*.', 'x'],
  ['schemes without an end', 'h', '://'],
  ['colons', ':', '//'],
  ['labels of a host', 'a.', 'a'],
  ['characters without a width', '\u200b', 'c'],
  ['mentions', '@', 'c'],
] as const) {
  test(`${what} is looked at in no time`, () => {
    const text = `https://example.com/${unit.repeat(CHARS / unit.length)}${end}`.slice(0, CHARS);
    const started = process.cpuUsage();
    policy.check(text);
    policy.check(`a.b/${text}`);
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1000 < MAX_CPU_MS, `${(user + system) / 1000} ms`);
  });
}
