import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalHost, hasForbiddenLink, hostsIn } from './links.js';

function hosts(text: string): (string | null)[] {
  return [...hostsIn(text)];
}

test('links with a scheme, with www, and bare ones are found', () => {
  for (const [text, host] of [
    ['see https://example.com/a?b#c', 'example.com'],
    ['HTTP://EXAMPLE.COM', 'example.com'],
    ['ftp://files.example.org', 'files.example.org'],
    ['(www.example.anything)', 'www.example.anything'],
    ['example.com', 'example.com'],
    ['visit example.com.', 'example.com'],
    ['go to t.me/abc now', 't.me'],
    ['discord.gg/xyz', 'discord.gg'],
    ['bbc.co.uk', 'bbc.co.uk'],
    ['spam.ru!', 'spam.ru'],
    ['//evil.com/x', 'evil.com'],
    ['https://user:pass@evil.com:8080/', 'evil.com'],
    ['https://good.com@evil.com', 'evil.com'],
    ['https://evil.com\\@good.com', 'evil.com'],
    ['https:////evil.com', 'evil.com'],
    ['https://evil。com', 'evil.com'],
    ['evil．com', 'evil.com'],
    ['https://1.2.3.4/x', '1.2.3.4'],
    ['http://2130706433', '127.0.0.1'],
    ['https://[::1]/', '[::1]'],
    ['https://%65vil.com', 'evil.com'],
    ['https://пример.рф', 'xn--e1afmkfd.xn--p1ai'],
    ['пример.рф', 'xn--e1afmkfd.xn--p1ai'],
    ['e\u200bxample.com', 'example.com'],
    ['[a](https://example.com)', 'example.com)'.slice(0, -1)],
  ] as const) {
    assert.deepEqual(hosts(text), [host], text);
  }
  assert.deepEqual(hosts('a.com and https://b.com/c.com d.com'), ['a.com', 'b.com', 'd.com']);
});

test('what only looks like a link is none', () => {
  for (const text of [
    'e.g. this',
    'i.e. that',
    'node.js and main.py',
    'lib.rs',
    'README.md',
    'done.It works',
    'version 1.2.3',
    '3.14',
    '...',
    'hello.World',
    'ada@example.com',
    'and/or',
    'src/index.ts',
    'a.b',
    'U.S.A.',
    'wait...what',
    'yes.no',
    'p.s.',
    'Mr.Smith',
    'tell.me',
    '://',
    'C://',
    'half.',
    '.com',
    'time 10.30',
  ])
    assert.deepEqual(
      hosts(text).filter((host) => host !== null && host !== ''),
      [],
      text,
    );
});

test('a listed host allows itself and its subdomains, on borders of labels', () => {
  const rule = { hosts: new Set(['example.com', 'xn--e1afmkfd.xn--p1ai']) };
  for (const text of [
    'https://example.com',
    'a.b.example.com/x',
    'EXAMPLE.com',
    'https://example.com.',
    'пример.рф',
    'no link',
    'https://example.com:8443/x@evil.com',
  ]) {
    assert.equal(hasForbiddenLink(text, rule), false, text);
  }
  for (const text of [
    'fakeexample.com',
    'https://example.com.evil.org',
    'example.community.org',
    'https://example.com@evil.com',
    'https://evil.com/example.com',
    'https://evil.com?x=example.com',
    'https://evil.com#example.com',
    'https://example.com evil.com',
    'https://exa mple.com evil.ru',
    'http://',
    'https://exam%ple.com',
    'https://examplе.com',
    'javascript://example.com.evil.org',
  ])
    assert.equal(hasForbiddenLink(text, rule), true, text);
});

test('without a list every link is one too many, and so are very many allowed ones', () => {
  assert.equal(hasForbiddenLink('example.com', { hosts: null }), true);
  assert.equal(hasForbiddenLink('none', { hosts: null }), false);
  const allowed = { hosts: new Set(['a.com']) };
  assert.equal(hasForbiddenLink('a.com '.repeat(20), allowed), false);
  assert.equal(hasForbiddenLink('a.com '.repeat(21), allowed), true);
});

test('hosts of a list are brought into one form, and what is no host is refused', () => {
  assert.equal(canonicalHost('Example.COM'), 'example.com');
  assert.equal(canonicalHost('пример.рф'), 'xn--e1afmkfd.xn--p1ai');
  for (const text of [
    '',
    'https://example.com',
    'example.com/path',
    'example',
    'a b.com',
    '*.example.com',
    'example.com:80',
    '[::1]',
    'user@example.com',
    'example.com?x',
    'example.com#x',
  ]) {
    assert.equal(canonicalHost(text), null, text);
  }
});

test('texts that are made to be slow are not', () => {
  const started = performance.now();
  for (const text of [
    '.'.repeat(500),
    'a.'.repeat(250),
    '://'.repeat(166),
    'http://'.repeat(70),
    'a'.repeat(500),
    '@a.com'.repeat(80),
    'a.com/'.repeat(80),
  ]) {
    for (let time = 0; time < 10; time++) for (const _ of hostsIn(text));
  }
  assert.ok(performance.now() - started < 3000, `${performance.now() - started} ms`);
});
