/** Answers to WebSocket upgrades, and upgrades by hand for headers that no proper client would send. */
import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { withTimeout } from './wait.js';

const TIMEOUT_MS = 10_000;

export interface UpgradeAnswer {
  /** 101 when the server agreed; the connection is then closed at once. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed when it is JSON, else the text; undefined when there is none. */
  readonly body: unknown;
}

/** The server refused the upgrade, with an HTTP answer. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;
  readonly headers: UpgradeAnswer['headers'];
  /** The REST error, parsed. */
  readonly body: unknown;

  constructor(answer: UpgradeAnswer) {
    super(`The server refused the upgrade with ${answer.status}: ${JSON.stringify(answer.body)}`);
    this.status = answer.status;
    this.headers = answer.headers;
    this.body = answer.body;
  }
}

/**
 * Asks for a WebSocket upgrade and tells the answer.
 *
 * @param url `http:` or `ws:` URL
 * @param headers beside those of a correct upgrade, or in their place
 * @throws when the server does not answer within ten seconds
 */
export async function requestUpgrade(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<UpgradeAnswer> {
  const outgoing = request(url.replace(/^ws/, 'http'), {
    agent: false,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      ...headers,
    },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', resolve);
    outgoing.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    outgoing.end();
  });
  try {
    const response = await withTimeout(answer, TIMEOUT_MS, () => `${url} did not answer the upgrade`);
    return await readAnswer(response);
  } finally {
    outgoing.destroy();
  }
}

/** Reads a response to an upgrade to its end. */
export async function readAnswer(response: IncomingMessage): Promise<UpgradeAnswer> {
  const status = response.statusCode ?? 0;
  const body = status === 101 ? '' : await text(response);
  return { status, headers: response.headers, body: parseBody(body, response.headers['content-type']) };
}

/** A response's body: parsed when it is JSON, else the text; undefined when there is none. */
export function parseBody(body: string, contentType: string | null | undefined): unknown {
  if (body === '') return undefined;
  return contentType?.startsWith('application/json') ? JSON.parse(body) : body;
}
