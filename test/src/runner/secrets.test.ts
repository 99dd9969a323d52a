import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Child, cleanEnvironment } from '../support/processes.js';
import { RECORDS_VARIABLE } from '../support/run-records.js';
import { TokenKey, userClaims } from '../support/tokens.js';
import { checkRecords, findSecrets } from './secrets.js';

const key = new TokenKey('ES256');
const token = key.sign(userClaims('ada'));
const password = randomBytes(12).toString('hex');
const logged = (fields: object) => JSON.stringify({ level: 30, time: '2026-01-01T00:00:00.000Z', ...fields });
const signature = token.split('.')[2] ?? '';

for (const [what, line, expected] of [
  ['a token', logged({ path: `/api/v1/chat/channels/${token}` }), /logged a token:/],
  ['a token that nobody told of', logged({ token: new TokenKey('EdDSA').sign(userClaims('bob')) }), /logged a token:/],
  ['the signature of a token', logged({ msg: `token ends with ${signature}` }), /a part of a token/],
  ['half of a signature', logged({ msg: `x${signature.slice(23, 23 + 40)}` }), /a part of a token/],
  [
    'a token as a subprotocol',
    logged({ header: `auth.bearer.${Buffer.from(token).toString('base64url')}` }),
    /a token in base64/,
  ],
  ['a private key', logged({ err: key.privatePem }), /a private key/],
  ['a line of a private key', logged({ err: key.privatePem.split('\n')[1] }), /a key or password/],
  ['a password in an address', `Error: connect postgres://hubbub:${password}@db/hubbub`, /a key or password/],
] as const) {
  test(`${what} in a line of the log is found`, () => {
    const leaks = findSecrets([logged({ msg: 'request' }), line], [token, key.privatePem, password]);
    assert.equal(leaks.length, 1);
    assert.match(leaks[0] ?? '', expected);
  });
}

test('what every line holds is no secret', () => {
  const line = logged({
    request_id: 'f4f1e0b8-5bb5-4c4e-8f5a-3a0f3b1f0a11',
    path: '/api/v1/chat/channels/f4f1e0b8-5bb5-4c4e-8f5a-3a0f3b1f0a11/messages',
    msg: 'request',
    hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  });
  assert.deepEqual(findSecrets([line], [token, key.privatePem, password]), []);
});

test('a secret too short to be told from other texts is refused, not passed over', () => {
  assert.throws(() => findSecrets([], ['abc']), /less than 8 characters/);
});

function recordsFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-records-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('the records of a folder are read, with their secrets', (t) => {
  const folder = recordsFolder(t);
  writeFileSync(join(folder, '1.log'), `${logged({ msg: 'one' })}\n${logged({ msg: signature })}\n`);
  writeFileSync(join(folder, '2.secrets'), `${JSON.stringify(token)}\n`);
  const { lines, secrets, leaks } = checkRecords(folder, [password]);
  assert.deepEqual({ lines, secrets, leaks: leaks.length }, { lines: 2, secrets: 2, leaks: 1 });
});

test('every key and token that a test makes is recorded, and so is what its servers say', async (t) => {
  const folder = recordsFolder(t);
  const support = (name: string) => JSON.stringify(new URL(`../support/${name}.js`, import.meta.url));
  const code = `
    import { TokenKey, userClaims } from ${support('tokens')};
    import { recordLog } from ${support('run-records')};
    const token = new TokenKey('EdDSA').sign(userClaims('ada'));
    recordLog('a line');
    recordLog('said at the end: ' + token.split('.')[2]);
  `;
  const child = await Child.start(process.execPath, ['--input-type=module', '-e', code], {
    env: cleanEnvironment({ [RECORDS_VARIABLE]: folder }),
  });
  assert.equal((await child.exited).code, 0, child.tail);
  const { lines, secrets, leaks } = checkRecords(folder);
  assert.deepEqual({ lines, secrets }, { lines: 2, secrets: 2 });
  assert.match(leaks.join(), /a part of a token: said at the end/);
});
