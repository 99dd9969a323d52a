/** Requests for an upgrade: valid ones, changed ones, and a second opinion on which of them may be granted. */
import type { Random } from '../torture/random.js';
import { mutateText } from './json-mutator.js';
import type { Pools } from './pools.js';
import { isSameToken, mutateToken } from './token-mutator.js';

export interface UpgradeCast {
  readonly channelIds: readonly string[];
  readonly tokens: readonly string[];
}

interface Parts {
  method: string;
  path: string;
  version: string;
  headers: [name: string, value: string][];
}

export interface Upgrade {
  readonly bytes: Buffer;
  /** `valid`: must be granted; `unsure`: some reading of it is valid; `invalid`: must be refused. */
  readonly verdict: 'valid' | 'unsure' | 'invalid';
}

const ORIGINS = ['http://localhost:5173', 'http://localhost:3000'];
const ODD_TEXTS = [
  '',
  ' ',
  '*',
  'null',
  '%00',
  '%zz',
  '0',
  '-1',
  '1e3',
  '\u00ff\u00fe',
  'a'.repeat(3000),
  ',',
  ';',
  '=',
];

/** @param host the instance's `Host` */
export function makeUpgrade(random: Random, cast: UpgradeCast, pools: Pools, host: string): Upgrade {
  const parts = validParts(random, cast, host);
  const changes = random.chance(0.1) ? 0 : random.int(1, 3);
  for (let left = changes; left > 0; left--) change(random, parts, cast, pools);
  let bytes = encode(parts);
  if (changes > 0 && random.chance(0.15)) bytes = Buffer.from(changeBytes(random, bytes.toString('latin1')), 'latin1');
  const verdict = changes === 0 ? 'valid' : mayBeGranted(bytes.toString('latin1'), cast, host) ? 'unsure' : 'invalid';
  return { bytes, verdict };
}

function validParts(random: Random, cast: UpgradeCast, host: string): Parts {
  const id = random.pick(cast.channelIds);
  const path = random.pick([
    `/api/v1/chat/channels/${id}/ws`,
    `/api/chat/channels/${id.toUpperCase()}/ws?last_seq=0`,
    `/ws/chat/${id}?last_seq=${random.int(0, 1e6)}`,
    '/ws/chat',
    `/ws/chat?channel_id=${id}`,
    '/api/v1/chat/ws',
  ]);
  return {
    method: 'GET',
    path,
    version: 'HTTP/1.1',
    headers: [
      ['Host', host],
      ['Upgrade', random.pick(['websocket', 'WebSocket'])],
      ['Connection', random.pick(['Upgrade', 'keep-alive, Upgrade'])],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['Sec-WebSocket-Version', '13'],
      ...carried(random, random.pick(cast.tokens)),
    ],
  };
}

/** The headers that carry a token, in one of the ways that there are. */
function carried(random: Random, token: string): [string, string][] {
  const origin = random.pick(ORIGINS);
  const protocol = `auth.bearer.${Buffer.from(token).toString(random.pick(['base64', 'base64url']))}`;
  return random.pick<[string, string][]>([
    [['Authorization', `Bearer ${token}`]],
    [
      ['Authorization', `bearer  ${token}`],
      ['Origin', origin],
    ],
    [['Sec-WebSocket-Protocol', protocol]],
    [
      ['Sec-WebSocket-Protocol', `hubbub.v1, ${protocol}`],
      ['Origin', origin],
    ],
    [
      ['Cookie', `theme=dark; access_token=${token}`],
      ['Origin', origin],
    ],
  ]);
}

function change(random: Random, parts: Parts, cast: UpgradeCast, pools: Pools): void {
  const { headers } = parts;
  const at = random.int(0, Math.max(0, headers.length - 1));
  const [name = 'X', value = ''] = headers[at] ?? [];
  const odd = () => (random.chance(0.5) ? random.pick(ODD_TEXTS) : headerText(random.pick(pools.text)));
  switch (random.int(0, 9)) {
    case 0:
      parts.method = random.pick(['POST', 'HEAD', 'get', 'PUT', 'OPTIONS', 'CONNECT', 'PRI', 'G\u00cbT', '']);
      break;
    case 1:
      parts.version = random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'http/1.1', '', 'HTTP/1.1 ']);
      break;
    case 2:
      parts.path = mutateText(random, parts.path, pools).replace(/[\s\u0100-\uffff]/g, '%20');
      break;
    case 3:
      parts.path = `${parts.path.split('?', 1)[0]}?${random.pick(['last_seq', 'channel_id', 'token', 'x'])}=${encodeURIComponent(odd())}`;
      break;
    case 4:
      parts.path = parts.path.replace(/[0-9a-fA-F-]{36}/, () =>
        random.pick(['', '..', '%2e%2e', 'x', crypto.randomUUID(), odd()]),
      );
      break;
    case 5:
      headers.splice(at, 1);
      break;
    case 6:
      headers.push([name, random.chance(0.5) ? value : odd()]);
      break;
    case 7:
      headers.splice(-1, 2, ...carried(random, mutateToken(random, cast.tokens, random.pick(pools.text))));
      break;
    case 8:
      headers.push([
        'Origin',
        random.pick(['http://evil.example', 'null', 'http://localhost:5173.evil.example', odd()]),
      ]);
      break;
    default:
      headers[at] = [name, random.chance(0.5) ? odd() : headerText(mutateText(random, value, pools))];
  }
}

function changeBytes(random: Random, text: string): string {
  const at = random.int(0, text.length - 1);
  switch (random.int(0, 5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.replaceAll('\r\n', random.pick(['\n', '\r', '\r\n\r\n', '\r\n ']));
    case 2:
      return text.replace(': ', random.pick([' : ', ':', '', '\t:', ': \u0000']));
    case 3:
      return `${text.slice(0, -2)}X-Large: ${'a'.repeat(random.int(10_000, 40_000))}\r\n\r\n`;
    case 4:
      return `${text.slice(0, -2)}${random.pick(['Content-Length: 10', 'Transfer-Encoding: chunked', 'Content-Length: -1', 'Expect: 100-continue'])}\r\n\r\n`;
    default:
      return text.slice(0, at) + String.fromCharCode(random.int(0, 255)) + text.slice(at + 1);
  }
}

function headerText(text: string): string {
  return text.replace(/[\r\n]/g, ' ');
}

function encode({ method, path, version, headers }: Parts): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} ${version}\r\n${lines.join('')}\r\n`, 'latin1');
}

/** Whether any reading of a request makes it one that has a right to the upgrade. Headers that repeat count as each. */
function mayBeGranted(text: string, cast: UpgradeCast, host: string): boolean {
  const [first = '', ...lines] = text.split(/\r\n|\n|\r/);
  const [, target = ''] = /^\s*GET (\S+) HTTP\/1\.1\s*$/.exec(first) ?? [];
  const values = (name: string) =>
    lines
      .filter((line) => line.toLowerCase().replace(/\s*:/, ':').startsWith(`${name}:`))
      .map((line) => line.slice(line.indexOf(':') + 1).trim());
  if (!isKnownPath(target, cast.channelIds)) return false;
  if (!values('upgrade').some((value) => /websocket/i.test(value))) return false;
  if (!values('sec-websocket-version').includes('13')) return false;
  if (!values('sec-websocket-key').some((value) => /^[\w+/]{22}==$/.test(value))) return false;
  const origins = values('origin');
  const allowed = (origin: string) =>
    URL.canParse(origin) && [...ORIGINS, `http://${host}`].includes(new URL(origin).origin);
  if (origins.length > 0 && !origins.some(allowed)) return false;
  const offered = [
    ...values('authorization').map((value) => value.replace(/^bearer\s+/i, '')),
    ...values('sec-websocket-protocol')
      .flatMap((value) => value.split(','))
      .map((value) => Buffer.from(value.trim().replace('auth.bearer.', ''), 'base64').toString('latin1')),
    ...values('cookie')
      .flatMap((value) => value.split(';'))
      .map((value) => value.trim().replace(/^access_token\s*=\s*"?/, '')),
  ];
  return offered.some((token) => cast.tokens.some((known) => isSameToken(token.trim(), known)));
}

function isKnownPath(target: string, channelIds: readonly string[]): boolean {
  const [, path = '', query = ''] = /^([^?]*)\??(.*)$/.exec(target) ?? [];
  const parameters = new URLSearchParams(query);
  const bare = (id: string) => id.replaceAll('-', '').toLowerCase();
  const known = (id: string) => channelIds.some((channelId) => bare(channelId) === bare(id));
  if (!/^\d*$/.test(parameters.get('last_seq') ?? '') || parameters.get('last_seq') === '') return false;
  const [, one, other] = /^(?:\/api(?:\/v1)?\/chat\/channels\/([^/]+)\/ws|\/ws\/chat\/([^/]+))$/.exec(path) ?? [];
  const id = one ?? other;
  if (id !== undefined) return known(id);
  if (!['/ws/chat', '/api/v1/chat/ws', '/api/chat/ws'].includes(path)) return false;
  return parameters.get('channel_id') === null || known(parameters.get('channel_id') ?? '');
}
