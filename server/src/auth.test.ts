import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { Auth } from './auth.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';

const SUB = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const KEYS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
} as const;

type Algorithm = keyof typeof KEYS;
const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA'];

interface Checks {
  readonly issuer?: string;
  readonly audience?: string;
  readonly remembered?: Identity[];
}

function authOf(publicKey: KeyObject, { issuer, audience, remembered }: Checks = {}): Auth {
  return new Auth({
    assertValid: () => {},
    key: { kind: 'public', publicKey },
    issuer: issuer ?? null,
    audience: audience ?? null,
    rememberUser: (identity) => {
      remembered?.push(identity);
      return Promise.resolve();
    },
  });
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

/** A token that lapses in an hour, with the given claims put over it; undefined takes one away. */
function sign(claims: Record<string, unknown> = {}, algorithm: Algorithm = 'EdDSA', kid?: string): Promise<string> {
  const payload: Record<string, unknown> = { sub: SUB, exp: inSeconds(3600), ...claims };
  return new SignJWT(payload as JWTPayload)
    .setProtectedHeader({ alg: algorithm, ...(kid === undefined ? {} : { kid }) })
    .sign(KEYS[algorithm].privateKey);
}

const auth = authOf(KEYS.EdDSA.publicKey);

function isRefusal(code: string, pattern = /./): (error: unknown) => boolean {
  return (error) => error instanceof HubbubError && error.code === code && pattern.test(error.message);
}

async function assertRefused(token: string, pattern?: RegExp, by = auth): Promise<void> {
  await assert.rejects(by.authenticate(token), isRefusal('UNAUTHORIZED', pattern));
}

for (const algorithm of ALGORITHMS) {
  test(`a token signed with ${algorithm} stands for its user`, async () => {
    const exp = inSeconds(600);
    const token = await sign(
      {
        exp,
        iat: 1_700_000_000,
        jti: 'j1',
        username: 'ada',
        display_name: 'Ada',
        avatar_url: 'https://a.test/x',
        role: 'admin',
      },
      algorithm,
    );
    assert.deepEqual(await authOf(KEYS[algorithm].publicKey).authenticate(token), {
      userId: SUB,
      username: 'ada',
      displayName: 'Ada',
      avatarUrl: 'https://a.test/x',
      role: 'admin',
      tokenId: 'j1',
      issuedAtMs: 1_700_000_000_000,
      expiresAtMs: exp * 1000,
    });
  });

  test(`with a key for ${algorithm} no token of another key or algorithm passes`, async () => {
    const others = ALGORITHMS.filter((each) => each !== algorithm);
    for (const other of others) await assertRefused(await sign({}, other), /./, authOf(KEYS[algorithm].publicKey));
    const stranger = generateKeyPairSync('ed25519').publicKey;
    if (algorithm === 'EdDSA') await assertRefused(await sign(), /not valid/, authOf(stranger));
  });

  test(`the public key for ${algorithm} is no HMAC secret`, async () => {
    const { publicKey } = KEYS[algorithm];
    for (const secret of [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
    ]) {
      for (const alg of ['HS256', 'HS384', 'HS512']) {
        const token = await new SignJWT({ sub: SUB, exp: inSeconds(60) })
          .setProtectedHeader({ alg })
          .sign(Buffer.concat([Buffer.from(secret)]));
        await assertRefused(token, /not valid/, authOf(publicKey));
      }
    }
  });
}

test('the public half of a private key verifies', async () => {
  const own = new Auth({
    assertValid: () => {},
    key: { kind: 'private', privateKey: KEYS.EdDSA.privateKey },
    issuer: null,
    audience: null,
    rememberUser: () => Promise.resolve(),
  });
  assert.equal((await own.authenticate(await sign())).userId, SUB);
});

test('an RSA key verifies RS256 alone, not the other RSA algorithms', async () => {
  for (const alg of ['PS256', 'RS384', 'RS512']) {
    const token = await new SignJWT({ sub: SUB, exp: inSeconds(60) })
      .setProtectedHeader({ alg })
      .sign(KEYS.RS256.privateKey);
    await assertRefused(token, /not valid/, authOf(KEYS.RS256.publicKey));
  }
});

test('a token without a signature is refused, whatever its spelling of none', async () => {
  await assertRefused(new UnsecuredJWT({ sub: SUB }).setExpirationTime('1h').encode());
  const [, payload = ''] = (await sign()).split('.');
  for (const alg of ['none', 'None', 'NONE', '', 'nOnE']) {
    const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
    await assertRefused(`${header}.${payload}.`);
    await assertRefused(`${header}.${payload}`);
  }
});

test('a token whose claims were changed is refused', async () => {
  const [header, , signature] = (await sign()).split('.');
  const payload = Buffer.from(JSON.stringify({ sub: SUB, exp: inSeconds(60), role: 'admin' })).toString('base64url');
  await assertRefused(`${header}.${payload}.${signature}`, /not valid/);
});

test('a token without exp is refused, and one with an exp that is no number', async () => {
  await assertRefused(await sign({ exp: undefined }), /"exp"/);
  for (const exp of [null, String(inSeconds(60)), '', true, [inSeconds(60)]]) await assertRefused(await sign({ exp }));
});

test('an expired token is refused by that name, one within the tolerance of clocks is not', async () => {
  await assertRefused(await sign({ exp: inSeconds(-60) }), /expired/);
  await assertRefused(await sign({ exp: 0 }), /expired/);
  assert.equal((await auth.authenticate(await sign({ exp: inSeconds(-2) }))).userId, SUB);
});

test('a token that is not valid yet is refused', async () => {
  await assertRefused(await sign({ nbf: inSeconds(60) }), /"nbf"/);
});

test('issuer and audience are checked where they are configured, and only there', async () => {
  const strict = authOf(KEYS.EdDSA.publicKey, { issuer: 'https://id.test', audience: 'chat' });
  const good = { iss: 'https://id.test', aud: ['other', 'chat'] };
  assert.equal((await strict.authenticate(await sign(good))).userId, SUB);
  await assertRefused(await sign({ ...good, iss: 'https://evil.test' }), /"iss"/, strict);
  await assertRefused(await sign({ ...good, iss: undefined }), /"iss"/, strict);
  await assertRefused(await sign({ ...good, aud: 'other' }), /"aud"/, strict);
  await assertRefused(await sign({ ...good, aud: undefined }), /"aud"/, strict);
  assert.equal((await auth.authenticate(await sign({ iss: 'any', aud: 'any' }))).userId, SUB);
});

test('a sub in any spelling of a UUID is the same user', async () => {
  for (const sub of [SUB.toUpperCase(), SUB.replaceAll('-', '')]) {
    assert.equal((await auth.authenticate(await sign({ sub }))).userId, SUB);
  }
});

test('a sub that is no UUID is refused, also one that is no text', async () => {
  for (const sub of [undefined, '', 'ada', `${SUB}x`, 12345, null, true, [SUB], { id: SUB }]) {
    await assertRefused(await sign({ sub }), /"sub"/);
  }
});

test('the role is user unless the token says otherwise, and nothing but the three', async () => {
  assert.equal((await auth.authenticate(await sign())).role, 'user');
  for (const role of ['user', 'moderator', 'admin']) {
    assert.equal((await auth.authenticate(await sign({ role }))).role, role);
  }
  for (const role of ['', 'Admin', 'root', 'owner', 1, true, ['admin'], { admin: true }]) {
    await assertRefused(await sign({ role }), /"role"/);
  }
});

test('a user without a name is called after the first eight characters of his id', async () => {
  for (const username of [undefined, null, '']) {
    const identity = await auth.authenticate(await sign({ username, display_name: '', avatar_url: null }));
    assert.equal(identity.username, `user-${SUB.slice(0, 8)}`);
    assert.deepEqual([identity.displayName, identity.avatarUrl], [null, null]);
  }
});

test('names that are no text, too long, or hold control characters are refused', async () => {
  for (const claim of ['username', 'display_name', 'avatar_url']) {
    for (const value of [1, {}, ['x'], 'a\nb', 'a\u0000b', 'x'.repeat(2001)]) {
      await assertRefused(await sign({ [claim]: value }), new RegExp(`"${claim}"`));
    }
  }
});

test('what is no token is refused', async () => {
  for (const token of ['', '.', '..', 'a', 'a.b', 'a.b.c', 'a.b.c.d', 'null', '\u0000', '{}', 'x'.repeat(10_000)]) {
    await assertRefused(token, /not valid/);
  }
});

test('no text and no damaged token is anything but refused as not authorised', async () => {
  const good = await sign();
  const damaged = fc
    .tuple(fc.nat(good.length - 1), fc.string({ maxLength: 3 }))
    .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1));
  const parts = fc.array(fc.base64String(), { maxLength: 5 }).map((each) => each.join('.'));
  const header = fc.jsonValue().map((value) => {
    const [, ...rest] = good.split('.');
    return [Buffer.from(JSON.stringify(value)).toString('base64url'), ...rest].join('.');
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, parts, header, fc.string({ unit: 'binary' })), async (token) => {
      if (token === good) return;
      await auth.authenticate(token).then(
        // The last character of base64 has bits that say nothing, so such a change is none.
        () => assert.equal(token.slice(0, -1), good.slice(0, -1)),
        (error) => assert.ok(isRefusal('UNAUTHORIZED')(error), String(error)),
      );
    }),
    { numRuns: 300 },
  );
});

test('a user is remembered at his first token and when it says something new, not each time', async () => {
  const remembered: Identity[] = [];
  const watched = authOf(KEYS.EdDSA.publicKey, { remembered });
  await watched.authenticate(await sign({ username: 'ada' }));
  await watched.authenticate(await sign({ username: 'ada', exp: inSeconds(900) }));
  assert.equal(remembered.length, 1);
  await watched.authenticate(await sign({ username: 'ada', role: 'moderator' }));
  await watched.authenticate(await sign({ username: 'ada', sub: randomUUID() }));
  await watched.authenticate(await sign({ username: 'Ada' }));
  assert.deepEqual(
    remembered.map(({ username, role }) => [username, role]),
    [
      ['ada', 'user'],
      ['ada', 'moderator'],
      ['ada', 'user'],
      ['Ada', 'user'],
    ],
  );
});

test('a user who could not be remembered is tried again with his next token', async () => {
  let tries = 0;
  const failing = new Auth({
    assertValid: () => {},
    key: { kind: 'public', publicKey: KEYS.EdDSA.publicKey },
    issuer: null,
    audience: null,
    rememberUser: () => (++tries === 1 ? Promise.reject(new HubbubError('UNAVAILABLE')) : Promise.resolve()),
  });
  const token = await sign();
  await assert.rejects(failing.authenticate(token), isRefusal('UNAVAILABLE'));
  assert.equal((await failing.authenticate(token)).userId, SUB);
  assert.equal(tries, 2);
});

/** A key set on loopback whose answer the test decides. */
async function keySet(
  t: TestContext,
): Promise<{ auth: Auth; answer: (status: number, body: string) => void; server: Server }> {
  let status = 200;
  let body = '{"keys":[]}';
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const remote = new Auth({
    assertValid: () => {},
    key: { kind: 'jwks', url: new URL(`http://127.0.0.1:${port}/jwks.json`) },
    issuer: null,
    audience: null,
    rememberUser: () => Promise.resolve(),
  });
  return {
    auth: remote,
    answer: (newStatus, newBody) => {
      status = newStatus;
      body = newBody;
    },
    server,
  };
}

async function publicSet(...algorithms: Algorithm[]): Promise<string> {
  const keys = await Promise.all(
    algorithms.map(async (algorithm) => ({ ...(await exportJWK(KEYS[algorithm].publicKey)), kid: algorithm })),
  );
  return JSON.stringify({ keys });
}

test('with a key set each of its keys verifies by its own algorithm, and unknown ones do not', async (t) => {
  const { auth: remote, answer } = await keySet(t);
  answer(200, await publicSet('RS256', 'EdDSA'));
  for (const algorithm of ['RS256', 'EdDSA'] as const) {
    assert.equal((await remote.authenticate(await sign({}, algorithm, algorithm))).userId, SUB);
  }
  await assertRefused(await sign({}, 'ES256', 'ES256'), /not valid/, remote);
  await assertRefused(await sign({}, 'EdDSA', 'RS256'), /not valid/, remote);
  const hmac = await new SignJWT({ sub: SUB, exp: inSeconds(60) })
    .setProtectedHeader({ alg: 'HS256', kid: 'RS256' })
    .sign(Buffer.from(String(KEYS.RS256.publicKey.export({ type: 'spki', format: 'pem' }))));
  await assertRefused(hmac, /not valid/, remote);
});

// 401 would make every client throw its good token away while the identity provider restarts.
for (const [name, status, body] of [
  ['answers 503', 503, 'restarting'],
  ['answers with a page instead of keys', 200, '<html></html>'],
  ['answers with JSON that is no key set', 200, '{"error":"x"}'],
] as const) {
  test(`a key set that ${name} is not the token's fault`, async (t) => {
    const { auth: remote, answer } = await keySet(t);
    answer(status, body);
    await assert.rejects(remote.authenticate(await sign({}, 'EdDSA', 'EdDSA')), isRefusal('UNAVAILABLE'));
    answer(200, await publicSet('EdDSA'));
    assert.equal((await remote.authenticate(await sign({}, 'EdDSA', 'EdDSA'))).userId, SUB);
  });
}

test("a key set that cannot be reached is not the token's fault", async (t) => {
  const { auth: remote, server } = await keySet(t);
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(remote.authenticate(await sign({}, 'EdDSA', 'EdDSA')), isRefusal('UNAVAILABLE'));
});
