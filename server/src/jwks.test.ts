import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { exportJWK, type JWTHeaderParameters, jwtVerify, SignJWT } from 'jose';
import { remoteKeys } from './jwks.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

/** A server of keys. @returns its address, and the paths that were asked for */
async function listen(t: TestContext, answer: (path: string, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    answer(url, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`), asked };
}

async function verify(url: URL, header: Partial<JWTHeaderParameters> = {}): Promise<unknown> {
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'EdDSA', ...header }).sign(privateKey);
  return await jwtVerify(token, remoteKeys(url));
}

async function keySet(padding = ''): Promise<string> {
  return JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), x5t: padding }] });
}

describe('a key set', { concurrency: true }, () => {
  test('is asked of the configured address alone, whatever the token names', async (t) => {
    const body = await keySet();
    const { url, asked } = await listen(t, (_path, response) => response.end(body));
    const elsewhere = await listen(t, (_path, response) => response.end(body));
    await verify(url, { jku: elsewhere.url.href, x5u: elsewhere.url.href, jwk: await exportJWK(publicKey) });
    assert.deepEqual(asked, ['/jwks.json']);
    assert.deepEqual(elsewhere.asked, []);
  });

  test('is not looked for where the answer redirects to', async (t) => {
    const body = await keySet();
    const { url, asked } = await listen(t, (path, response) => {
      if (path === '/jwks.json') response.writeHead(302, { location: '/metadata' }).end();
      else response.end(body);
    });
    await assert.rejects(verify(url), /Expected 200 OK/);
    assert.deepEqual(asked, ['/jwks.json']);
  });

  test('of 200 KiB is read, one of 300 KiB is not', async (t) => {
    const bodies = [await keySet('x'.repeat(200 * 1024)), await keySet('x'.repeat(300 * 1024))];
    const { url } = await listen(t, (_path, response) => response.end(bodies.shift()));
    await verify(url);
    await assert.rejects(verify(url), /larger than 262144 bytes/);
  });

  test('that goes on without end is given up', async (t) => {
    const { url } = await listen(t, (_path, response) => {
      const chunk = Buffer.alloc(16 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await assert.rejects(verify(url), /larger than 262144 bytes/);
  });

  test('that comes a byte at a time is given up after five seconds', async (t) => {
    const { url } = await listen(t, (_path, response) => {
      const drip = setInterval(() => response.write(' '), 200);
      response.once('close', () => clearInterval(drip));
    });
    await assert.rejects(verify(url), /timed out|timeout/i);
  });
});
