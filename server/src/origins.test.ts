import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOriginAllowed } from './origins.js';

const HOST = 'chat.example.org';

for (const [entry, origin, allowed] of [
  ['https://app.example.com', 'https://app.example.com', true],
  ['https://app.example.com', 'HTTPS://APP.EXAMPLE.COM', true],
  ['https://app.example.com', 'https://app.example.com:443', true],
  ['https://APP.example.com', 'https://app.example.com', true],
  ['https://app.example.com', 'http://app.example.com', false],
  ['https://app.example.com', 'https://app.example.com:8443', false],
  ['https://app.example.com', 'https://example.com', false],
  ['https://app.example.com', 'https://x.app.example.com', false],
  ['https://app.example.com', 'https://app.example.com.evil.net', false],
  ['http://localhost:5173', 'http://localhost:5173', true],
  ['http://localhost:5173', 'http://localhost:3000', false],
  ['http://localhost:5173', 'http://localhost', false],
  ['http://localhost:5173', 'http://127.0.0.1:5173', false],
  ['*.example.com', 'https://example.com', true],
  ['*.example.com', 'https://app.example.com', true],
  ['*.example.com', 'http://a.b.example.com', true],
  ['*.example.com', 'https://app.example.com:8443', true],
  ['*.Example.COM', 'https://app.example.com', true],
  ['*.example.com', 'https://fakeexample.com', false],
  ['*.example.com', 'https://example.com.evil.net', false],
  ['*.example.com', 'https://evil.net/?.example.com', false],
  ['*.example.com', 'https://example.com@evil.net', false],
  ['*.example.com', 'https://examplexcom', false],
  ['*.example.com', 'https://com', false],
  ['https://*.example.com', 'https://app.example.com', true],
  ['https://*.example.com', 'https://example.com', true],
  ['https://*.example.com', 'http://app.example.com', false],
  ['https://*.example.com', 'https://fakeexample.com', false],
  ['*.example.com:8443', 'https://app.example.com:8443', true],
  ['*.example.com:8443', 'https://app.example.com', false],
  ['*', 'https://anything.test', true],
  ['*', 'null', false],
] as const) {
  test(`${entry} ${allowed ? 'lets in' : 'keeps out'} ${origin}`, () => {
    assert.equal(isOriginAllowed(origin, HOST, [entry]), allowed);
  });
}

test('an origin needs only one entry of several', () => {
  const entries = ['http://localhost:5173', '*.example.com'];
  assert.equal(isOriginAllowed('http://localhost:5173', HOST, entries), true);
  assert.equal(isOriginAllowed('https://example.com', HOST, entries), true);
  assert.equal(isOriginAllowed('https://example.net', HOST, entries), false);
  assert.equal(isOriginAllowed('https://example.net', HOST, []), false);
});

test("the server's own origin is allowed, on its own port alone", () => {
  assert.equal(isOriginAllowed('http://127.0.0.1:8080', '127.0.0.1:8080', []), true);
  assert.equal(isOriginAllowed('https://chat.example.org', 'Chat.Example.Org', []), true);
  assert.equal(isOriginAllowed('http://[::1]:8080', '[::1]:8080', []), true);
  assert.equal(isOriginAllowed('http://127.0.0.1:8081', '127.0.0.1:8080', []), false);
  assert.equal(isOriginAllowed('http://127.0.0.1', '127.0.0.1:8080', []), false);
  assert.equal(isOriginAllowed('https://x.chat.example.org', HOST, []), false);
});

test('without a known host there is no own origin', () => {
  assert.equal(isOriginAllowed('https://chat.example.org', null, []), false);
});

test('the null origin, opaque origins and what is no origin are kept out', () => {
  for (const origin of [
    'null',
    '',
    ' ',
    'example.com',
    'file:///etc/passwd',
    'data:text/html,x',
    'about:blank',
    '//x',
  ]) {
    assert.equal(isOriginAllowed(origin, HOST, ['*', '*.example.com', 'https://example.com']), false, origin);
  }
});
