import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanToken, subjectOf } from './token.js';

function token(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
}

test('a token is taken as it is pasted: with line breaks, blanks, and the word before it', () => {
  const plain = token({ sub: 'AbC' });
  assert.equal(cleanToken(` Bearer ${plain.slice(0, 9)}\n${plain.slice(9)} \n`), plain);
  assert.equal(subjectOf(plain), 'abc');
});

test('what is no token is none', () => {
  for (const text of ['', 'abc', 'a.b', 'a.b.c', 'e30.e30.c2ln', token({ sub: 5 }), `${token({ sub: 'x' })}.more`]) {
    assert.equal(cleanToken(text), null, text);
  }
});
