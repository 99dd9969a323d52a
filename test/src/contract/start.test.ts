/** Starting: settings that are taken, and those that are refused with a sentence. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { HubbubProcess } from '../support/hubbub.js';
import { cleanEnvironment } from '../support/processes.js';
import { api } from '../support/rest.js';
import { badTokens, TokenKey, userClaims } from '../support/tokens.js';
import { assertRefused, V1 } from './stage.js';

const MAIN = resolve(import.meta.dirname, '../../../server/dist/main.js');
const START_TIMEOUT_MS = 30_000;
const SECRET = 's3cret-of-mine';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts Hubbub with settings that it has to refuse, and waits for its end. */
function start(env: Readonly<Record<string, string>>): Promise<Ended> {
  return new Promise((settle) => {
    const settings = cleanEnvironment({ PORT: '0', DATA_DIR: 'memory://', ...env });
    execFile(process.execPath, [MAIN], { env: settings, timeout: START_TIMEOUT_MS }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      settle({ code, stdout, stderr });
    });
  });
}

/** Settings that cannot be used, with the variable that the sentence must name. */
function refusals(key: TokenKey): [string, Record<string, string>][] {
  const JWT_PRIVATE_KEY = key.privatePem;
  return [
    ['PORT', { PORT: 'http' }],
    ['PORT', { PORT: '70000' }],
    ['HOST', { HOST: '0.0.0.0' }],
    ['HUBBUB_WORKERS', { HUBBUB_WORKERS: '2' }],
    ['HUBBUB_WORKERS', { HUBBUB_WORKERS: 'many' }],
    ['HUBBUB_WORKERS', { HUBBUB_WORKERS: '0' }],
    ['DATABASE_URL', { HUBBUB_WORKERS: '2', DATABASE_URL: `postgres://me:${SECRET}@127.0.0.1:9/chat` }],
    ['DATABASE_URL', { DATABASE_URL: `mysql://me:${SECRET}@localhost/chat` }],
    ['DATABASE_URL', { DATABASE_URL: `postgres://me:${SECRET}@127.0.0.1:9/chat` }],
    ['REDIS_URL', { REDIS_URL: `http://:${SECRET}@localhost` }],
    ['REDIS_PORT', { REDIS_HOST: 'localhost', REDIS_PORT: 'x' }],
    ['REDIS_TLS', { REDIS_HOST: 'localhost', REDIS_TLS: 'perhaps' }],
    ['REDIS_HOST', { REDIS_HOST: 'localhost', REDIS_URL: 'redis://localhost' }],
    ['JWT_PRIVATE_KEY', { JWT_PRIVATE_KEY: SECRET }],
    ['JWT_PUBLIC_KEY', { JWT_PRIVATE_KEY, JWT_PUBLIC_KEY: key.publicPem }],
    ['JWT_JWKS_URL', { JWT_JWKS_URL: 'ftp://example.com/keys' }],
    ['WEBSOCKET_ALLOWED_ORIGINS', { JWT_PRIVATE_KEY, WEBSOCKET_ALLOWED_ORIGINS: '*' }],
    ['CORS_ALLOWED_ORIGINS', { JWT_PRIVATE_KEY, CORS_ALLOWED_ORIGINS: 'http://localhost:3000,*' }],
    ['WEBSOCKET_ALLOWED_ORIGINS', { WEBSOCKET_ALLOWED_ORIGINS: 'https://*' }],
    ['CHAT_RATE_LIMIT_PER_MINUTE', { CHAT_RATE_LIMIT_PER_MINUTE: '-5' }],
    ['CHAT_RATE_LIMIT_BURST', { CHAT_RATE_LIMIT_BURST: 'many' }],
    ['CHAT_MESSAGE_MAX_CHARS', { CHAT_MESSAGE_MAX_CHARS: '0' }],
    ['CHAT_HISTORY_ON_JOIN', { CHAT_HISTORY_ON_JOIN: '1.5' }],
    ['TRUST_PROXY', { TRUST_PROXY: 'everyone' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
  ];
}

describe('a start with a value that cannot be used', () => {
  test('ends with code 1 and one sentence on standard error that names the variable', async () => {
    const cases = refusals(new TokenKey());
    const work = async () => {
      for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
        const [variable, env] = next;
        const { code, stdout, stderr } = await start(env);
        const what = `${variable} ${JSON.stringify(env).slice(0, 80)}\n${stderr}\n${stdout}`;
        assert.equal(code, 1, what);
        assert.match(stderr, new RegExp(`\\b${variable}\\b`), what);
        assert.equal(stderr.trim().split('\n').length, 1, what);
        assert.ok(!stderr.includes(SECRET) && !stdout.includes(SECRET), what);
        assert.doesNotMatch(stderr, /\n {4}at |PRIVATE KEY/, what);
        assert.ok(!stdout.includes('Hubbub is ready'), what);
      }
    };
    await Promise.all([work(), work()]);
  });

  test('a port or a data directory that is in use is named, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hubbub-data-'));
    const running = await HubbubProcess.start({ DATA_DIR: folder });
    try {
      const port = await start({ PORT: new URL(running.url).port });
      assert.equal(port.code, 1);
      assert.match(port.stderr, /^PORT\b.*\n?$/);
      const data = await start({ DATA_DIR: folder });
      assert.equal(data.code, 1);
      assert.match(data.stderr, /\bDATA_DIR\b/);
      assert.equal(data.stderr.trim().split('\n').length, 1, data.stderr);
      await api(running.url).get('/readyz', { expect: 200 });
    } finally {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

test('keys of every kind are taken, as PKCS#8 with real or written line breaks, or the public half alone', async () => {
  const es = new TokenKey('ES256');
  const ed = new TokenKey('EdDSA');
  const settings: [TokenKey, Record<string, string>][] = [
    [es, { JWT_PRIVATE_KEY: es.privatePem.replaceAll('\n', '\\n') }],
    [ed, { JWT_PUBLIC_KEY: ed.publicPem }],
  ];
  for (const [key, setting] of settings) {
    const env = { ...setting, HOST: '127.0.0.1', DATA_DIR: 'memory://', JWT_ISSUER: 'me', JWT_AUDIENCE: 'hubbub' };
    const server = await HubbubProcess.start(env);
    try {
      const claims = { iss: 'me', aud: ['hubbub', 'others'] };
      const list = (token: string) => api(server.url, token).get(`${V1}/channels`);
      assert.equal((await list(key.sign(userClaims('ada', claims)))).status, 200);
      assertRefused(await list(key.sign(userClaims('ada', { ...claims, aud: 'others' }))), 401, 'UNAUTHORIZED');
      assertRefused(await list(key.sign(userClaims('ada', { iss: 'me' }))), 401, 'UNAUTHORIZED');
      assertRefused(await list(key.sign(userClaims('ada', { aud: 'hubbub' }))), 401, 'UNAUTHORIZED');
      for (const bad of Object.values(badTokens(key, 'me'))) assertRefused(await list(bad), 401, 'UNAUTHORIZED');
    } finally {
      await server.stop();
    }
  }
});
