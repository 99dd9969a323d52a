import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDatabaseUrl } from './database-url.js';

test('one host is one server, and it may be one that only reads', () => {
  for (const url of ['postgres://u:p@db:5432/chat?sslmode=require', 'postgresql:///chat?host=/var/run/postgresql']) {
    assert.deepEqual(parseDatabaseUrl(url), { urls: [url], mustWrite: false });
  }
});

test('of several hosts each has the user, password, database and parameters, and one that takes writes is wanted', () => {
  assert.deepEqual(parseDatabaseUrl('postgres://u:p%2C@a:5432,[::1]:5433,c/chat?sslmode=require'), {
    urls: [
      'postgres://u:p%2C@a:5432/chat?sslmode=require',
      'postgres://u:p%2C@[::1]:5433/chat?sslmode=require',
      'postgres://u:p%2C@c/chat?sslmode=require',
    ],
    mustWrite: true,
  });
});

test('a comma in a password or a parameter does not make several hosts', () => {
  for (const url of ['postgres://u:p,q@db/chat', 'postgres://db/chat?options=-c%20a=b,c']) {
    assert.deepEqual(parseDatabaseUrl(url), { urls: [url], mustWrite: false });
  }
});

test('target_session_attrs asks for a server that takes writes, and is not passed on', () => {
  for (const target of ['read-write', 'primary']) {
    assert.deepEqual(parseDatabaseUrl(`postgres://db/chat?target_session_attrs=${target}`), {
      urls: ['postgres://db/chat'],
      mustWrite: true,
    });
  }
});

for (const url of [
  'postgres://a,/chat',
  'postgres://,a/chat',
  'postgres://a:1,b:port/chat',
  'postgres://u:p@q@a,b/chat',
  'postgres://a,b/chat?target_session_attrs=any',
  'postgres://a/chat?target_session_attrs=standby',
  'mysql://a,b/chat',
]) {
  test(`${url} is refused`, () => {
    assert.throws(() => parseDatabaseUrl(url));
  });
}
