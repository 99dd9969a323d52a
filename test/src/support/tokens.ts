/**
 * Access tokens as a host application makes them, and those that must be refused. Made with node:crypto alone, so that a
 * mistake in the server's JWT library cannot hide here.
 */
import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { recordSecret } from './run-records.js';

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

/** Claims of a token; JSON leaves an undefined one out. */
export type Claims = Readonly<Record<string, unknown>>;

const LIFETIME_SECONDS = 3600;

/** A key pair of a host application. */
export class TokenKey {
  readonly algorithm: Algorithm;
  /** PKCS#8 PEM, as `JWT_PRIVATE_KEY` takes it. */
  readonly privatePem: string;
  /** SPKI PEM, as `JWT_PUBLIC_KEY` takes it. */
  readonly publicPem: string;
  readonly #privateKey: KeyObject;

  /** Makes a new key: RSA of 2048 bits, P-256, or Ed25519. Default RS256. */
  constructor(algorithm: Algorithm = 'RS256') {
    const { privateKey, publicKey } = generatePair(algorithm);
    this.algorithm = algorithm;
    this.#privateKey = privateKey;
    this.privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    recordSecret(this.privatePem);
    this.publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /** A token with exactly these claims. */
  sign(claims: Claims): string {
    const input = signingInput(this.algorithm, claims);
    const token = `${input}.${this.#signature(input).toString('base64url')}`;
    recordSecret(token);
    return token;
  }

  #signature(input: string): Buffer {
    const data = Buffer.from(input);
    if (this.algorithm === 'EdDSA') return sign(null, data, this.#privateKey);
    return sign('sha256', data, { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
  }
}

/** The user id that a name always has in these tests: a UUID made from its hash. */
export function userId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  // Version 8 (RFC 9562: free use), variant 10.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Claims of a valid token of the user `name`, good for an hour. `extra` adds to them or replaces them. */
export function userClaims(name: string, extra: Claims = {}): Claims {
  return { sub: userId(name), username: name, exp: nowSeconds() + LIFETIME_SECONDS, ...extra };
}

/** The user id that a token bears. */
export function subjectOf(token: string): string {
  const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  if (typeof claims === 'object' && claims !== null && 'sub' in claims && typeof claims.sub === 'string') {
    return claims.sub;
  }
  throw new Error('The token has no subject');
}

/**
 * Tokens that a server which trusts `key` must refuse, by what is wrong with them.
 *
 * @param issuer what the server demands as `iss`; absent when it does not look at it
 */
export function badTokens(key: TokenKey, issuer?: string): Record<string, string> {
  const good = userClaims('mallory', issuer === undefined ? {} : { iss: issuer });
  const [header, , signature] = key.sign(good).split('.');
  const unsigned = signingInput('none', good);
  const hmac = signingInput('HS256', good);
  return {
    'not a token': 'not-a-token',
    'three empty parts': '..',
    expired: key.sign({ ...good, exp: nowSeconds() - 60 }),
    'without exp': key.sign({ ...good, exp: undefined }),
    'exp as a string': key.sign({ ...good, exp: 'tomorrow' }),
    'not valid yet': key.sign({ ...good, nbf: nowSeconds() + LIFETIME_SECONDS }),
    'alg none, unsigned': `${unsigned}.`,
    'alg none, with a signature': `${unsigned}.${signature}`,
    'HS256 keyed with the public key': `${hmac}.${createHmac('sha256', key.publicPem).update(hmac).digest('base64url')}`,
    'signed by another key': new TokenKey(key.algorithm).sign(good),
    'claims exchanged after signing': `${header}.${encode({ ...good, role: 'admin' })}.${signature}`,
    'signature left out': `${key.sign(good).split('.').slice(0, 2).join('.')}.`,
    'without sub': key.sign({ ...good, sub: undefined }),
    'sub that is no UUID': key.sign({ ...good, sub: 'ada' }),
    'sub that is a number': key.sign({ ...good, sub: 42 }),
    'unknown role': key.sign({ ...good, role: 'emperor' }),
    ...(issuer === undefined
      ? {}
      : {
          'wrong issuer': key.sign({ ...good, iss: 'https://elsewhere.example' }),
          'without issuer': key.sign({ ...good, iss: undefined }),
        }),
  };
}

function generatePair(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('ed25519');
}

function signingInput(alg: string, claims: Claims): string {
  return `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`;
}

function encode(value: Claims): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
