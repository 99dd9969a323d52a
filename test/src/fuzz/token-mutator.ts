/** Tokens that nobody may get in with, most of them made from one that somebody may. */
import { createHmac } from 'node:crypto';
import type { Random } from '../torture/random.js';

/** A token's three parts, none of which is a secret to this test. */
type Parts = [header: string, claims: string, signature: string];

/** @param tokens valid ones. @param text anything. Now and then the result may be valid all the same */
export function mutateToken(random: Random, tokens: readonly string[], text: string): string {
  const token = random.pick(tokens);
  const [header = '', claims = '', signature = ''] = token.split('.');
  const parts: Parts = [header, claims, signature];
  switch (random.int(0, 11)) {
    case 0:
      return replaced(random, token);
    case 1:
      return token.slice(0, random.int(0, token.length - 1));
    case 2:
      return base64(random, random.int(1, 400));
    case 3:
      return [0, 1, 2].map(() => base64(random, random.int(0, 100))).join('.');
    case 4:
      // Large, but within what Node takes of headers in all.
      return token + base64(random, random.int(1000, 9000));
    case 5:
      return [encode({ alg: random.pick(['none', 'None', 'NONE', '']), typ: 'JWT' }), claims, ''].join('.');
    case 6: {
      const input = `${encode({ alg: 'HS256', typ: 'JWT' })}.${claims}`;
      return `${input}.${createHmac('sha256', random.pick(['', 'secret', header]))
        .update(input)
        .digest('base64url')}`;
    }
    case 7:
      return [header, changedClaims(random, claims), signature].join('.');
    case 8:
      return random.shuffle(parts).join('.');
    case 9:
      return [header, random.pick(tokens).split('.')[1], random.pick(tokens).split('.')[2]].join('.');
    case 10:
      return [
        encode({ ...decode(header), kid: random.pick(['../../key', '', 7]), crit: ['exp'] }),
        claims,
        signature,
      ].join('.');
    default:
      return Buffer.from(text).toString(random.pick(['base64', 'base64url', 'hex']));
  }
}

/** Whether two tokens are one, read as leniently as a decoder may: the last character of base64 has bits to spare. */
export function isSameToken(token: string, other: string): boolean {
  const [header, claims, signature = '', ...more] = token.split('.');
  const [otherHeader, otherClaims, otherSignature = ''] = other.split('.');
  if (more.length > 0 || header !== otherHeader || claims !== otherClaims) return false;
  return Buffer.from(signature, 'base64').equals(Buffer.from(otherSignature, 'base64'));
}

function replaced(random: Random, text: string): string {
  const at = random.int(0, text.length - 1);
  return text.slice(0, at) + random.pick(['A', 'z', '-', '.', '=', '+', '!']) + text.slice(at + 1);
}

function changedClaims(random: Random, claims: string): string {
  const change = random.pick([
    { role: 'admin' },
    { exp: 0 },
    { exp: 1e300 },
    { sub: '00000000-0000-0000-0000-000000000000' },
    { sub: null },
    { username: '\u0000' },
  ]);
  return encode({ ...decode(claims), ...change });
}

function base64(random: Random, bytes: number): string {
  return Buffer.from(Array.from({ length: bytes }, () => random.int(0, 255))).toString('base64url');
}

function decode(part: string): object {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  return typeof value === 'object' && value !== null ? value : {};
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
