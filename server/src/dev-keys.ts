import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SiteRole } from '@hubbub/protocol/rest.js';
import { SignJWT } from 'jose';
import { algorithmOf } from './auth.js';

/** Any constant UUID: the namespace of user ids made from names. */
const USER_NAMESPACE = Buffer.from('9b1f3c5e7d204a6fb8d3e0f1c2a59476', 'hex');
const KEY_FILE = 'development-key.pem';

/**
 * The key of development mode, made at the first start and kept beside the embedded database, so that tokens outlive a
 * restart.
 *
 * @param dataDir `memory://…`: the key is kept nowhere
 */
export function loadDevelopmentKey(dataDir: string): KeyObject {
  const make = () => generateKeyPairSync('ed25519').privateKey;
  if (dataDir.startsWith('memory://')) return make();
  const file = join(dataDir, KEY_FILE);
  try {
    return createPrivateKey(readFileSync(file));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const key = make();
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return key;
}

/** The user id of a name: the same name always gives the same id (a version 5 UUID, RFC 9562). */
export function userIdOf(username: string): string {
  const hash = createHash('sha1').update(USER_NAMESPACE).update(username).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export interface MintOptions {
  readonly username: string;
  readonly role: SiteRole;
  /** Lifetime in seconds. */
  readonly ttlSeconds: number;
  readonly issuer: string | null;
  readonly audience: string | null;
}

/** A signed token for a user of the given name. */
export async function mintToken(
  key: KeyObject,
  options: MintOptions,
): Promise<{ token: string; userId: string; expiresAt: Date }> {
  const userId = userIdOf(options.username);
  const expiresAt = new Date((Math.floor(Date.now() / 1000) + options.ttlSeconds) * 1000);
  const jwt = new SignJWT({ username: options.username, role: options.role })
    .setProtectedHeader({ alg: algorithmOf(key) })
    .setSubject(userId)
    .setIssuedAt()
    .setJti(randomUUID())
    .setExpirationTime(expiresAt);
  if (options.issuer !== null) jwt.setIssuer(options.issuer);
  if (options.audience !== null) jwt.setAudience(options.audience);
  return { token: await jwt.sign(key), userId, expiresAt };
}
