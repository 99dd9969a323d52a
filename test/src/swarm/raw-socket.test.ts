import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { until } from '../support/wait.js';
import { RawSocket } from './raw-socket.js';

const SIZES = [0, 1, 7, 125, 126, 127, 300, 65_535, 65_536, 70_000, 3];

function frame(payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  const header = Buffer.alloc(length < 65_536 ? 4 : 10);
  header[0] = 0x81;
  header[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) header.writeUInt16BE(length, 2);
  else header.writeUInt32BE(length, 6);
  return Buffer.concat([header, payload]);
}

/** Text whose every byte depends on its place, so that a shifted frame shows. */
function payloadOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => 0x20 + ((size + index) % 90)));
}

async function serve(onSocket: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.once('data', () => onSocket(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

for (const chunk of [1, 2, 3, 5, 11, 130, 4096, 1_000_000]) {
  test(`frames that come in pieces of ${chunk} bytes are found whole`, { timeout: 60_000 }, async (t) => {
    const sizes = chunk === 1 ? SIZES.filter((size) => size < 1000) : SIZES;
    const bytes = Buffer.concat([
      Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
      ...sizes.map((size) => frame(payloadOf(size))),
    ]);
    const { server, url } = await serve((socket) => {
      void (async () => {
        for (let at = 0; at < bytes.length; at += chunk) {
          socket.write(bytes.subarray(at, at + chunk));
          // Each piece in a packet of its own, as far as that can be had without waiting for long.
          if (chunk < 4096 && at < 2000) await nextTurn();
        }
      })();
    });
    const found: string[] = [];
    const raw = await RawSocket.open(url, 'token', (input, start, end) => {
      found.push(input.toString('latin1', start, end));
    });
    t.after(() => {
      raw.close();
      server.close();
    });
    await until(() => found.length === sizes.length, { message: 'all frames' });
    assert.deepEqual(
      found,
      sizes.map((size) => payloadOf(size).toString('latin1')),
    );
  });
}

test('the end of the connection before the upgrade is an error, and so is a refusal', async (t) => {
  const { server, url } = await serve((socket) => socket.end());
  const refusing = await serve((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n{"code":"FORBIDDEN"}'));
  t.after(() => {
    server.close();
    refusing.server.close();
  });
  await assert.rejects(
    RawSocket.open(url, 'token', () => {}),
    /ended before the upgrade/,
  );
  await assert.rejects(
    RawSocket.open(refusing.url, 'token', () => {}),
    /403 Forbidden.*FORBIDDEN/s,
  );
});

test('a close by the server is seen with its code', async (t) => {
  const { server, url } = await serve((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    socket.end(Buffer.from([0x88, 2, 0x0f, 0xa8]));
  });
  let closed = false;
  const options = { onClose: () => (closed = true) };
  const raw = await RawSocket.open(url, 'token', () => {}, options);
  t.after(() => server.close());
  await until(() => closed, { message: 'the end of the connection' });
  assert.equal(raw.closeCode, 4008);
});
