/** The place where the server is to listen, and who is there already. */
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Config } from '../../config.js';
import { printable } from '../printable.js';
import { type Finding, failure, ok, warning } from './finding.js';

const SUBJECT = 'port';
const ASK_TIMEOUT_MS = 2000;
/** State of a socket that listens, in /proc/net/tcp. */
const LISTENING = '0A';

export async function examinePort({ host, port }: Config): Promise<Finding> {
  const place = `${host}:${port}`;
  const code = await tryToListen(host, port);
  if (code === null) return ok(SUBJECT, port === 0 ? `${host}, any free port` : `${place} is free`);
  if (code === 'EACCES') {
    return failure(
      SUBJECT,
      `${place}: this user may not listen there`,
      'Set PORT to 1024 or above, and let nginx take 443.',
    );
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return failure(
      SUBJECT,
      `${host} is no address of this machine`,
      'Set HOST to one that it has, or 0.0.0.0 for all.',
    );
  }
  if (code !== 'EADDRINUSE') return failure(SUBJECT, `${place}: ${code}`, 'Set HOST and PORT to another place.');
  const holder = holderOf(port);
  const by = holder === null ? 'another process' : holder;
  if (await isHubbub(host, port)) {
    return warning(
      SUBJECT,
      `${place}: a Hubbub serves there (${by})`,
      'That is right while it runs. A second one needs another PORT.',
    );
  }
  return failure(SUBJECT, `${place} is taken by ${by}`, 'End that, or set PORT to a free one (0: any).');
}

/** @returns null when it went well, else the code of the error */
async function tryToListen(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

async function isHubbub(host: string, port: number): Promise<boolean> {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const name = reachable.includes(':') ? `[${reachable}]` : reachable;
  try {
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
    const response = await fetch(`http://${name}:${port}/api/v1/chat/health`, { signal, redirect: 'error' });
    const body = await response.json();
    return typeof body === 'object' && body !== null && 'active_channels' in body;
  } catch {
    return false;
  }
}

/**
 * The process that listens on a port, as Linux tells it to those who may look.
 *
 * @returns its name and id; null when it cannot be found out
 */
function holderOf(port: number): string | null {
  try {
    const sockets = new Set(
      ['tcp', 'tcp6'].flatMap((table) => listenersOf(readFileSync(`/proc/net/${table}`, 'utf8'), port)),
    );
    const pid = readdirSync('/proc').find((entry) => /^\d+$/.test(entry) && holdsOneOf(entry, sockets));
    return pid === undefined ? null : `${printable(readFileSync(`/proc/${pid}/comm`, 'utf8').trim())}, process ${pid}`;
  } catch {
    return null;
  }
}

/** Inodes of the sockets that listen on a port. Columns: https://docs.kernel.org/networking/proc_net_tcp.html */
function listenersOf(table: string, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(ending) === true && state === LISTENING)
    .map((columns) => `socket:[${columns[9]}]`);
}

function holdsOneOf(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    // Of another user, or ended meanwhile.
    return false;
  }
}
