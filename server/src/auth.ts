import { createPublicKey, type KeyObject } from 'node:crypto';
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import { SITE_ROLES, type SiteRole } from '@hubbub/protocol/rest.js';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { KeyConfig } from './config.js';
import { ExpiredToken, HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import { remoteKeys } from './jwks.js';

interface AuthOptions {
  readonly key: Exclude<KeyConfig, { kind: 'development' }>;
  readonly issuer: string | null;
  readonly audience: string | null;
  /** Makes or updates the user's row; called when the token says something new about him. */
  readonly rememberUser: (identity: Identity) => Promise<void>;
  /** @throws HubbubError when the token is revoked or the user suspended */
  readonly assertValid: (identity: Identity) => void;
}

const MAX_NAME_CHARS = 100;
const MAX_URL_CHARS = 2000;
const MAX_REMEMBERED = 50_000;
const CLOCK_TOLERANCE_SECONDS = 5;
/** The last instant that a Date can hold. */
const MAX_DATE_MS = 8.64e15;

/** Verifies tokens. The algorithm is fixed by the key, never by the token (RFC 8725, section 3.1). */
export class Auth {
  readonly #options: AuthOptions;
  readonly #getKey: JWTVerifyGetKey;
  readonly #algorithms: string[];
  /** What was last remembered of a user, so that his row is written only when something changed. */
  readonly #remembered = new Map<string, string>();

  constructor(options: AuthOptions) {
    this.#options = options;
    const { key } = options;
    if (key.kind === 'jwks') {
      this.#getKey = remoteKeys(key.url);
      // Each key of the set has a type, and a type has one algorithm of these.
      this.#algorithms = ['RS256', 'ES256', 'EdDSA'];
    } else {
      const publicKey = key.kind === 'private' ? createPublicKey(key.privateKey) : key.publicKey;
      this.#getKey = () => publicKey;
      this.#algorithms = [algorithmOf(publicKey)];
    }
  }

  /**
   * @returns who the token stands for; his row exists then
   * @throws HubbubError `UNAUTHORIZED` with a sentence that says what is wrong; `UNAVAILABLE` when the key set or storage
   *     is away
   */
  async authenticate(token: string): Promise<Identity> {
    const identity = toIdentity(await this.#verify(token));
    this.#options.assertValid(identity);
    const { userId, username, displayName, avatarUrl, role } = identity;
    const said = JSON.stringify([username, displayName, avatarUrl, role]);
    if (this.#remembered.get(userId) !== said) {
      await this.#options.rememberUser(identity);
      // Something may have been done to him while his row was written.
      this.#options.assertValid(identity);
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(userId, said);
    }
    return identity;
  }

  /** Forgets what was remembered of a user: his row was changed by other hands. */
  forget(userId: string): void {
    this.#remembered.delete(userId);
  }

  /** The same of all users. */
  forgetAll(): void {
    this.#remembered.clear();
  }

  async #verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#getKey, {
        algorithms: this.#algorithms,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        ...(this.#options.issuer === null ? {} : { issuer: this.#options.issuer }),
        ...(this.#options.audience === null ? {} : { audience: this.#options.audience }),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new ExpiredToken(error);
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw unauthorized(`The access token's claim "${error.claim}" is missing or not acceptable`, error);
      }
      const keysAway =
        error instanceof errors.JWKSTimeout ||
        error instanceof errors.JWKSInvalid ||
        !(error instanceof errors.JOSEError) ||
        error.code === 'ERR_JOSE_GENERIC';
      if (keysAway) {
        throw new HubbubError('UNAVAILABLE', 'The key set for access tokens cannot be read right now', {
          cause: error,
        });
      }
      throw unauthorized('The access token is not valid', error);
    }
  }
}

/** The one JWS algorithm for a key (RFC 7518, RFC 8037). */
export function algorithmOf(key: KeyObject): 'RS256' | 'ES256' | 'EdDSA' {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  return key.asymmetricKeyType === 'ec' ? 'ES256' : 'EdDSA';
}

function toIdentity(payload: JWTPayload): Identity {
  // jose types the claim as a string and does not check it.
  const subject: unknown = payload.sub;
  const userId = typeof subject === 'string' ? canonicalUuid(subject) : null;
  if (userId === null) throw unauthorized('The access token\'s claim "sub" must be a UUID');
  return {
    userId,
    username: textClaim(payload, 'username', MAX_NAME_CHARS) ?? `user-${userId.slice(0, 8)}`,
    displayName: textClaim(payload, 'display_name', MAX_NAME_CHARS),
    avatarUrl: textClaim(payload, 'avatar_url', MAX_URL_CHARS),
    role: roleClaim(payload),
    tokenId: typeof payload.jti === 'string' ? payload.jti : null,
    issuedAtMs: typeof payload.iat === 'number' ? payload.iat * 1000 : null,
    expiresAtMs: Math.min((payload.exp ?? 0) * 1000, MAX_DATE_MS),
  };
}

function textClaim(payload: JWTPayload, name: string, maxChars: number): string | null {
  const value = payload[name];
  if (value === undefined || value === null || value === '') return null;
  const usable =
    typeof value === 'string' && value.length <= maxChars && value.isWellFormed() && !/\p{Cc}/u.test(value);
  if (!usable) {
    throw unauthorized(`The access token's claim "${name}" must be a text of at most ${maxChars} characters`);
  }
  return value;
}

function roleClaim(payload: JWTPayload): SiteRole {
  if (payload.role === undefined) return 'user';
  const role = SITE_ROLES.find((each) => each === payload.role);
  if (role === undefined) throw unauthorized(`The access token's claim "role" must be one of ${SITE_ROLES.join(', ')}`);
  return role;
}

function unauthorized(message: string, cause?: unknown): HubbubError {
  return new HubbubError('UNAUTHORIZED', message, { cause });
}
