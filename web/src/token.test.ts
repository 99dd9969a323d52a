import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session, type SessionStore } from './session.js';
import { bearerProtocol, cleanToken, readIdentity } from './token.js';

const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

function token(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'EdDSA' })}.${encode(claims)}.c2lnbmF0dXJl`;
}

function memoryStore(): SessionStore {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

test('a token names its user: display name, else user name, else the id', () => {
  const exp = 2_000_000_000;
  const named = { sub: ID.toUpperCase(), exp, username: 'ada', display_name: 'Ada Žižek 你好' };
  assert.deepEqual(readIdentity(token(named)), { userId: ID, name: 'Ada Žižek 你好', expiresAtMs: exp * 1000 });
  assert.equal(readIdentity(token({ sub: ID, exp, username: 'ada' }))?.name, 'ada');
  assert.equal(readIdentity(token({ sub: ID, exp }))?.name, 'user-6f9619ff');
});

test('what is no token, or names nobody, gives null', () => {
  for (const text of ['', 'x', 'a.b.c', token({ sub: ID }), token({ exp: 1 })]) assert.equal(readIdentity(text), null);
});

test('a pasted token may come with white space and the word Bearer', () => {
  assert.equal(cleanToken('  Bearer aa.b_b.c-c\n'), 'aa.b_b.c-c');
  assert.equal(cleanToken('aa.b\nb.cc'), 'aa.bb.cc');
  assert.equal(cleanToken('aa.bb'), null);
});

test('the subprotocol carries the token as base64url without padding', () => {
  const carried = bearerProtocol('eyJ.a-_.x~?>');
  assert.match(carried, /^auth\.bearer\.[\w-]+$/);
  assert.equal(Buffer.from(carried.slice('auth.bearer.'.length), 'base64url').toString(), 'eyJ.a-_.x~?>');
});

test('a session survives a reload and ends with the sign-out', () => {
  const store = memoryStore();
  assert.equal(Session.restore(store), null);
  const session = Session.begin(store, token({ sub: ID, exp: 1, username: 'ada' }), 'ada');
  assert.equal(Session.restore(store)?.token, session?.token);
  assert.equal(Session.restore(store)?.devName, 'ada');
  session?.end();
  assert.equal(Session.restore(store), null);
});

test('a fresh token must name the same user', () => {
  const session = Session.begin(memoryStore(), token({ sub: ID, exp: 1 }), null);
  assert.equal(session?.replaceToken(token({ sub: ID, exp: 2 })), true);
  assert.equal(session?.replaceToken(token({ sub: ID.replace('6', '7'), exp: 3 })), false);
  assert.equal(session?.token, token({ sub: ID, exp: 2 }));
});
