import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { badTokens, subjectOf, TokenKey, userClaims, userId } from './tokens.js';

test('a name has one user id, a UUID', () => {
  assert.equal(userId('ada'), userId('ada'));
  assert.notEqual(userId('ada'), userId('grace'));
  assert.match(userId('ada'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
});

for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
  test(`a token signed by ${algorithm} is verified by the public key`, () => {
    const key = new TokenKey(algorithm);
    const token = key.sign(userClaims('ada', { role: 'admin' }));
    const [header = '', payload = '', signature = ''] = token.split('.');
    assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).alg, algorithm);
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    assert.equal(claims.username, 'ada');
    assert.equal(claims.role, 'admin');
    assert.ok(claims.exp > Date.now() / 1000);
    assert.equal(subjectOf(token), userId('ada'));
    const publicKey = { key: createPublicKey(key.publicPem), dsaEncoding: 'ieee-p1363' } as const;
    const data = Buffer.from(`${header}.${payload}`);
    const hash = algorithm === 'EdDSA' ? null : 'sha256';
    assert.ok(verify(hash, data, publicKey, Buffer.from(signature, 'base64url')));
  });
}

test('bad tokens all differ, and those about the issuer come when there is one', () => {
  const key = new TokenKey('ES256');
  const plain = badTokens(key);
  assert.equal(new Set(Object.values(plain)).size, Object.keys(plain).length);
  const extra = Object.keys(badTokens(key, 'https://issuer.example')).filter((name) => !(name in plain));
  assert.deepEqual(extra, ['wrong issuer', 'without issuer']);
});
