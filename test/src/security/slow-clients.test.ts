/** Clients that keep a socket busy by saying nothing, or very little at a time. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { withTimeout } from '../support/wait.js';

/** Time for the headers of a request, and for all of it; the server looks every two seconds. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 15_000;
/** What a busy machine may add. */
const SLACK_MS = 15_000;
const DRIP_MS = 200;

let pair: Pair;
let token: string;
before(async () => {
  pair = await startPair('embedded');
  token = await pair.token('ada');
});
after(() => pair.stop());

/**
 * Sends `head` at once and `rest` a byte at a time, until the server ends the socket.
 *
 * @returns what the server said
 * @throws when it bears this for longer than `limitMs`
 */
async function drip(head: string, rest: string, limitMs: number): Promise<string> {
  const socket: Socket = connect(Number(new URL(pair.at(0).url).port), '127.0.0.1');
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(said)));
  if (head !== '') socket.write(head);
  const dripping = (async () => {
    let at = 0;
    for await (const _ of setInterval(DRIP_MS)) {
      if (socket.destroyed) return;
      if (at < rest.length) socket.write(rest.charAt(at++));
    }
  })();
  try {
    return await withTimeout(ended, limitMs, () => `The server bore it for ${limitMs} ms`);
  } finally {
    socket.destroy();
    await dripping;
  }
}

const headers = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n`;
const FILLER = `X-Filler: ${'x'.repeat(1000)}`;

describe('the server ends a socket', { concurrency: true }, () => {
  test('that connects and says nothing', async () => {
    assert.match(await drip('', '', HEADERS_MS + SLACK_MS), /^(HTTP\/1\.1 408 |$)/);
  });

  test('whose headers come a byte at a time', async () => {
    const said = await drip(headers(['GET /healthz HTTP/1.1', 'Host: x']), FILLER, HEADERS_MS + SLACK_MS);
    assert.match(said, /^HTTP\/1\.1 408 [\s\S]*"code":"INVALID_REQUEST"/);
  });

  test('whose upgrade to a WebSocket never ends', async () => {
    const upgrade = ['GET /ws/chat HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'];
    assert.match(await drip(headers(upgrade), FILLER, HEADERS_MS + SLACK_MS), /^HTTP\/1\.1 408 /);
  });

  test('whose body comes a byte at a time', async () => {
    const request = [
      'POST /api/v1/chat/channels HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      'Content-Length: 2000',
    ];
    const said = await drip(`${headers(request)}\r\n{"name": "`, 'x'.repeat(1000), REQUEST_MS + SLACK_MS);
    assert.match(said, /^HTTP\/1\.1 408 /);
  });

  test('that was refused its upgrade and stays', async () => {
    const upgrade = [
      'GET /ws/chat HTTP/1.1',
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    assert.match(await drip(`${headers(upgrade)}\r\n`, FILLER, SLACK_MS), /^HTTP\/1\.1 401 /);
  });

  test('while others are served', async () => {
    const bodies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        api(pair.at(0).url, token).get('/api/v1/chat/channels', {
          expect: 200,
          headers: { 'x-request-id': `r${index}` },
        }),
      ),
    );
    assert.equal(bodies.length, 20);
  });
});
