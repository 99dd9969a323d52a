import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitLinks } from './links.js';

function links(text: string): string[] {
  const pieces = splitLinks(text);
  assert.equal(pieces.map((piece) => piece.text).join(''), text, 'no character may be lost');
  return pieces.flatMap(({ href }) => href ?? []);
}

test('web addresses become links and the text around them stays', () => {
  assert.deepEqual(splitLinks('see https://a.example/x?y=1#z now'), [
    { text: 'see ' },
    { text: 'https://a.example/x?y=1#z', href: 'https://a.example/x?y=1#z' },
    { text: ' now' },
  ]);
  assert.deepEqual(links('http://a.example HTTPS://B.example'), ['http://a.example', 'HTTPS://B.example']);
});

test('punctuation after an address belongs to the sentence', () => {
  assert.deepEqual(links('Is it https://a.example/x?'), ['https://a.example/x']);
  assert.deepEqual(links('(https://a.example/x).'), ['https://a.example/x']);
  assert.deepEqual(links('https://a.example/x_(y), then'), ['https://a.example/x_(y)']);
  assert.deepEqual(links('<https://a.example/>'), ['https://a.example/']);
});

test('nothing but http and https becomes a link', () => {
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://a.example',
    'a.example',
    'https://',
    'http://?x',
  ]) {
    assert.deepEqual(links(text), [], text);
  }
});

test('an address ends where invisible characters could disguise it', () => {
  assert.deepEqual(links('https://a.example/\u202egpj.exe'), ['https://a.example/']);
  assert.deepEqual(links('https://a.example/\u200bx'), ['https://a.example/']);
});
