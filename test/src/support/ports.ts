import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that Linux (32768) and macOS (49152) give to outgoing connections, see {@link freePort}. */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;
const PORT_ATTEMPTS = 100;

/**
 * A TCP port of 127.0.0.1 that nobody uses. It is taken from below the range of outgoing connections: a server that is
 * stopped and started again on its port would otherwise now and then find it taken by one.
 *
 * @throws when none is found
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
  throw new Error('No free TCP port was found on 127.0.0.1');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
