/** REST requests: on every described route, from such as are right to such as are hardly HTTP. */
import type { Random } from '../torture/random.js';
import { mutateObject, mutateText } from './json-mutator.js';
import { fittingValue, type Known, type Operation, type Parameter } from './operations.js';
import { ODD_KEYS, type Pools } from './pools.js';
import { mutateToken } from './token-mutator.js';

export interface RestCast {
  readonly operations: readonly Operation[];
  readonly tokens: readonly string[];
  readonly known: Known;
}

export interface RestRequest {
  readonly method: string;
  readonly bytes: Buffer;
}

type Header = [name: string, value: string];

const CONTENT_TYPES = [
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/json, text/html',
  'x/y',
  '/',
  '',
];
const ODD_HEADERS: readonly Header[] = [
  ['X-Request-Id', '../../../\u00ff'],
  ['X-Request-Id', 'x'.repeat(5000)],
  ['X-Forwarded-For', '1.2.3.4, "><script>, ::1'],
  ['Origin', 'http://localhost:5173'],
  ['Origin', 'http://evil.example'],
  ['Origin', 'null'],
  ['Cookie', '__proto__=1; access_token=; ; ='],
  ['Cookie', `access_token=${'%'.repeat(2000)}`],
  ['Range', 'bytes=5-1,-'],
  ['If-None-Match', '*'],
  ['If-Modified-Since', 'yesterday'],
  ['Accept', 'x/y;q=2'],
  ['Accept-Encoding', 'gzip;q=0, br, *;q=0'],
  ['Accept-Language', '*'.repeat(1000)],
  ['Content-Encoding', 'gzip'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['Access-Control-Request-Method', 'PATCH'],
  ['Expect', '100-continue'],
  ['Referer', '\u00e9\u0080'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
];
const ODD_PARTS = [
  '',
  '.',
  '..',
  '%2e%2e%2f',
  '%00',
  '%ff',
  '%C0%AF',
  '%zz',
  '%',
  '%ED%A0%80',
  '*',
  '__proto__',
  'constructor',
  'null',
  '00000000-0000-0000-0000-000000000000',
  "';--",
  'a'.repeat(300),
  'a'.repeat(8200),
  '%F0%9F%98%80',
  '1e400',
  '0',
];
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'QUERY',
  'LOCK',
  'PURGE',
];
/** Past the largest body that the server takes, in bytes. */
const LARGE_BODY_BYTES = 70_000;

/** A request that is HTTP, so that an answer must come and others may follow on its connection. */
export function makeRequest(random: Random, cast: RestCast, pools: Pools, host: string): RestRequest {
  const operation = random.pick(cast.operations);
  let { method } = operation;
  // What deletes and moderates would leave nothing to fuzz, were it as frequent as the rest.
  if (method === 'DELETE' && random.chance(0.8)) method = 'GET';
  const change = random.weighted({ none: 12, path: 15, query: 20, body: 35, header: 15, method: 5, token: 8 });
  if (change === 'method') method = random.pick(METHODS);
  const target = targetOf(random, operation, cast, pools, change);
  const headers: Header[] = [['Host', host]];
  const token =
    change === 'token' ? mutateToken(random, cast.tokens, random.pick(pools.text)) : random.pick(cast.tokens);
  if (change !== 'token' || random.chance(0.9)) headers.push(carrier(random, token, change === 'token'));
  if (change === 'header') headers.push(random.pick(ODD_HEADERS), random.pick(ODD_HEADERS));
  const body = bodyOf(random, operation, cast, pools, change);
  if (body !== null) {
    const isOdd = (change === 'header' || change === 'method') && random.chance(0.15);
    headers.push(['Content-Type', isOdd ? random.pick(CONTENT_TYPES) : 'application/json']);
  }
  return { method, bytes: encode(random, method, target, headers, body) };
}

/** A request that may be no HTTP at all: the end of its connection. */
export function makeBroken(random: Random, cast: RestCast, pools: Pools, host: string): Buffer {
  const text = makeRequest(random, cast, pools, host).bytes.toString('latin1');
  const at = random.int(0, text.length - 1);
  const head = (line: string) => Buffer.from(text.replace('\r\n', `\r\n${line}\r\n`), 'latin1');
  switch (random.int(0, 8)) {
    case 0:
      return Buffer.from(text.slice(0, at), 'latin1');
    case 1:
      return head(
        random.pick([
          'Content-Length: -1',
          'Content-Length: 1e3',
          'Content-Length: 99999999999999999999',
          'Content-Length: 5',
        ]),
      );
    case 2:
      return head(
        random.pick(['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding:\tchunked ']),
      );
    case 3:
      return head(`X-Large: ${'a'.repeat(random.int(10_000, 100_000))}`);
    case 4:
      return head(
        random.pick([' folded', 'no colon', ': no name', 'X\u0000: y', 'X: \u0000', 'Host: other', 'Expect: more']),
      );
    case 5:
      return Buffer.from(
        text.replace('HTTP/1.1', random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 ', 'JUNK', ''])),
        'latin1',
      );
    case 6:
      return Buffer.from(
        text.replace(' /', random.pick([' ', '  /', ' http://other/', ' \u00e9/', ' //', ' *', ' /\u0000', '\t/'])),
        'latin1',
      );
    case 7:
      return Buffer.from(random.pick(pools.bytes));
    default:
      return Buffer.from(text.slice(0, at) + String.fromCharCode(random.int(0, 255)) + text.slice(at + 1), 'latin1');
  }
}

function carrier(random: Random, token: string, anyCarrier: boolean): Header {
  if (!anyCarrier || random.chance(0.7)) return ['Authorization', `Bearer ${token}`];
  return random.chance(0.5) ? ['Cookie', `access_token=${token}`] : ['Authorization', `Basic ${token}`];
}

function targetOf(random: Random, operation: Operation, { known }: RestCast, pools: Pools, change: string): string {
  const values = (each: Parameter) => String(fittingValue(random, each.schema, each.name, known));
  let path = operation.path;
  for (const each of operation.parameters.filter(({ where }) => where === 'path')) {
    const odd = change === 'path' && random.chance(0.6);
    path = path.replace(`{${each.name}}`, odd ? oddPart(random, pools) : spelled(random, values(each)));
  }
  if (random.chance(0.2)) path = path.replace('/api/v1/', '/api/');
  if (change === 'path' && random.chance(0.4)) path = changedPath(random, path);
  const query = operation.parameters
    .filter(({ where }) => where === 'query')
    .filter(() => random.chance(0.5))
    .map((each) => `${each.name}=${encodeURIComponent(values(each))}`);
  if (change === 'query') {
    const names = [
      ...operation.parameters.filter(({ where }) => where === 'query').map(({ name }) => name),
      ...ODD_KEYS,
    ];
    for (let left = random.int(1, 3); left > 0; left--) {
      query.push(
        `${encodeURIComponent(random.pick(names))}${random.pick(['=', '=', '=', '[]=', '', '=='])}${oddPart(random, pools)}`,
      );
    }
  }
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

function spelled(random: Random, value: string): string {
  return encodeURIComponent(random.chance(0.2) ? value.toUpperCase() : value);
}

function oddPart(random: Random, pools: Pools): string {
  if (random.chance(0.5)) return random.pick(ODD_PARTS);
  const text = random.chance(0.5) ? random.pick(pools.text) : random.pick(pools.values).slice(0, 500);
  return encodeURIComponent(text.toWellFormed());
}

function changedPath(random: Random, path: string): string {
  const at = random.int(1, path.length);
  const insertion = random.pick(['/', '//', '%2f', '%', ';a=b', '#', '\\', '/../', '.', '%0d%0a', '|']);
  return random.chance(0.5) ? path.slice(0, at) + insertion + path.slice(at) : `${path}${insertion}`;
}

/** @returns null when none is sent */
function bodyOf(
  random: Random,
  operation: Operation,
  { known }: RestCast,
  pools: Pools,
  change: string,
): Buffer | null {
  if (operation.body === null)
    return change === 'body' && random.chance(0.2) ? Buffer.from(random.pick(pools.json)) : null;
  const value = fittingValue(random, operation.body, 'body', known);
  const object = typeof value === 'object' && value !== null ? value : {};
  if (change !== 'body') return random.chance(0.98) ? Buffer.from(JSON.stringify(object)) : null;
  switch (random.weighted({ object: 70, json: 12, text: 6, bytes: 5, empty: 3, large: 0.5 })) {
    case 'object':
      return Buffer.from(mutateObject(random, object, pools));
    case 'json':
      return Buffer.from(random.pick(pools.json));
    case 'text':
      return Buffer.from(mutateText(random, JSON.stringify(object), pools));
    case 'bytes':
      return Buffer.from(random.pick(pools.bytes));
    case 'empty':
      return Buffer.alloc(0);
    case 'large':
      return Buffer.from(JSON.stringify({ ...object, content: 'x'.repeat(LARGE_BODY_BYTES) }));
  }
}

function encode(
  random: Random,
  method: string,
  target: string,
  headers: readonly Header[],
  body: Buffer | null,
): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const chunked = body !== null && random.chance(0.1);
  const framing =
    body === null ? '' : chunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${body.length}\r\n`;
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}${framing}\r\n`, 'latin1');
  if (body === null) return head;
  if (!chunked) return Buffer.concat([head, body]);
  const chunk = body.length === 0 ? [] : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')];
  return Buffer.concat([head, ...chunk, Buffer.from('0\r\n\r\n')]);
}
