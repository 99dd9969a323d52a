import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCredentials, selectSubprotocol } from './credentials.js';
import { HubbubError } from './errors.js';

// Its base64 has a + and a / and needs padding.
const TOKEN = 'eyJ.a~?>.b';
const BASE64 = Buffer.from(TOKEN).toString('base64');
const BASE64URL = Buffer.from(TOKEN).toString('base64url');

const isUnauthorized = (error: unknown) => error instanceof HubbubError && error.code === 'UNAUTHORIZED';

test('the token is taken from the bearer header, whatever the case of the scheme', () => {
  for (const authorization of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN}`]) {
    assert.deepEqual(readCredentials({ authorization }), { token: TOKEN, carrier: 'header' });
  }
});

test('the token is taken from the subprotocol in base64 and base64url, padded and not', () => {
  assert.ok(BASE64.endsWith('=') && BASE64 !== BASE64URL);
  const encodings = new Set([BASE64, BASE64.replaceAll('=', ''), BASE64URL]);
  const padding = '='.repeat((4 - (BASE64URL.length % 4)) % 4);
  encodings.add(`${BASE64URL}${padding}`);
  for (const encoded of encodings) {
    const credentials = readCredentials({}, ['hubbub.v1', `auth.bearer.${encoded}`]);
    assert.deepEqual(credentials, { token: TOKEN, carrier: 'subprotocol' }, encoded);
  }
});

test('the token is taken from the cookie among others', () => {
  for (const cookie of [`access_token=${TOKEN}`, `a=1; access_token=${TOKEN}; b=2`]) {
    assert.deepEqual(readCredentials({ cookie }), { token: TOKEN, carrier: 'cookie' }, cookie);
  }
});

test('the header comes before the subprotocol, and that before the cookie', () => {
  const cookie = 'access_token=of-cookie';
  const subprotocols = [`auth.bearer.${BASE64URL}`];
  assert.equal(readCredentials({ authorization: 'Bearer of-header', cookie }, subprotocols).token, 'of-header');
  assert.equal(readCredentials({ cookie }, subprotocols).carrier, 'subprotocol');
  assert.equal(readCredentials({ authorization: 'Basic eDp5', cookie }).carrier, 'cookie');
});

test('without a token there is nobody', () => {
  for (const headers of [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: 'Bearer a b' },
    { authorization: `Token ${TOKEN}` },
    { cookie: '' },
    { cookie: 'access_token=' },
    { cookie: `refresh_token=${TOKEN}` },
    { cookie: `x_access_token=${TOKEN}` },
  ]) {
    assert.throws(() => readCredentials(headers), isUnauthorized, JSON.stringify(headers));
  }
  for (const subprotocol of ['hubbub.v1', 'auth.bearer.', 'auth.bearer', 'auth.bearer.a b', 'auth.bearer.a===', 'x']) {
    assert.throws(() => readCredentials({}, [subprotocol]), isUnauthorized, subprotocol);
  }
});

test('the version is selected where it was offered, else the token comes back as it was sent', () => {
  assert.equal(selectSubprotocol(['hubbub.v1']), 'hubbub.v1');
  assert.equal(selectSubprotocol([`auth.bearer.${BASE64URL}`, 'hubbub.v1']), 'hubbub.v1');
  assert.equal(selectSubprotocol([`auth.bearer.${BASE64}`]), `auth.bearer.${BASE64}`);
  assert.equal(selectSubprotocol(['other', `auth.bearer.${BASE64URL}`]), `auth.bearer.${BASE64URL}`);
  assert.equal(selectSubprotocol(['other']), null);
  assert.equal(selectSubprotocol([]), null);
});
