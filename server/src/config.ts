import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { MAX_RETENTION_DAYS } from '@hubbub/protocol/limits.js';
import { parseHosts } from './redis-connection.js';
import { parseDatabaseUrl } from './store/database-url.js';

/** Where verification keys come from. `development`: a key of Hubbub's own, tokens for the asking, loopback only. */
export type KeyConfig =
  | { readonly kind: 'development' }
  | { readonly kind: 'private'; readonly privateKey: KeyObject }
  | { readonly kind: 'public'; readonly publicKey: KeyObject }
  | { readonly kind: 'jwks'; readonly url: URL };

/** How traces leave, in OTLP. All else of them the OpenTelemetry SDK reads from the `OTEL_…` variables by itself. */
export interface TracingConfig {
  readonly protocol: (typeof TRACES_PROTOCOLS)[number];
}

export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Processes that serve the port together. */
  readonly workers: number;
  /** Null: the embedded database in `dataDir`. */
  readonly databaseUrl: string | null;
  /** Connections to PostgreSQL at most, of all workers together. */
  readonly databasePoolSize: number;
  /** Where the embedded database and the development key live; `memory://` for nowhere. */
  readonly dataDir: string;
  /** Null: a single instance, with its bus in the process. */
  readonly redisUrl: string | null;
  readonly key: KeyConfig;
  /** Null: not checked. */
  readonly jwtIssuer: string | null;
  readonly jwtAudience: string | null;
  readonly websocketOrigins: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Messages a minute a user; 0: no limit. */
  readonly rateLimitPerMinute: number;
  /** Messages a user may send at once; 0: no limit. */
  readonly rateLimitBurst: number;
  /** Longest message, in Unicode code points. */
  readonly messageMaxChars: number;
  /** Messages sent on a join. */
  readonly historyOnJoin: number;
  /** Days for which messages are kept at most; null: for ever. */
  readonly messageRetentionDays: number | null;
  /** Whose `X-Forwarded-For` is believed: false nobody's, a number of hops, or addresses. */
  readonly trustProxy: false | number | string[];
  /** WebSocket connections of one address to one process; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Requests a minute of one address without a valid token, or for what there is not; 0: no limit. */
  readonly maxFailuresPerAddress: number;
  /** Longest time over which the closes of a shutdown are spread, in milliseconds. */
  readonly drainWindowMs: number;
  readonly logLevel: string;
  /** Null: `/metrics` is open to all. */
  readonly metricsToken: string | null;
  /** False: one series for all channels together. */
  readonly metricsChannelLabel: boolean;
  /** Null: nothing is traced. */
  readonly tracing: TracingConfig | null;
}

/** A value of the environment that cannot be used; the message says which, what was found and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(variable: string, found: string, allowed: string) {
    super(`${variable}: found ${JSON.stringify(found)}, allowed is ${allowed}.`);
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ORIGINS = 'http://localhost:5173,http://localhost:3000';
const MAX_WORKERS = 64;
/** Connections to PostgreSQL that a worker has by default, where there are several. */
const POOL_SIZE_A_WORKER = 5;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const TRACES_PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const;
const ORIGIN = /^(\*|https?:\/\/(\*\.)?[^\s/*]+|\*\.[^\s/*]+)$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * The environment as a Config; nothing else reads it. An empty variable counts as not set.
 *
 * @throws ConfigError on the first value that cannot be used
 */
export function readConfig(env: Environment): Config {
  const read = new Reader(env);
  const key = readKey(read);
  const development = key.kind === 'development';
  const host = read.text('HOST') ?? (development ? '127.0.0.1' : '0.0.0.0');
  if (development && !LOOPBACK.test(host)) {
    throw new ConfigError(
      'HOST',
      host,
      'a loopback address (127.0.0.1, ::1, localhost) as long as no key is configured: anyone may take a token then; ' +
        'set JWT_PRIVATE_KEY, JWT_PUBLIC_KEY or JWT_JWKS_URL to listen on others',
    );
  }
  const databaseUrl = readDatabaseUrl(read);
  const workers = readWorkers(read, databaseUrl !== null);
  return {
    host,
    port: read.integer('PORT', 8080, 0, 65_535),
    workers,
    databaseUrl,
    databasePoolSize: read.integer('DATABASE_POOL_SIZE', Math.max(10, workers * POOL_SIZE_A_WORKER), 1, 1000),
    dataDir: read.text('DATA_DIR') ?? './data',
    redisUrl: readRedisUrl(read),
    key,
    jwtIssuer: read.text('JWT_ISSUER'),
    jwtAudience: read.text('JWT_AUDIENCE'),
    websocketOrigins: readOrigins(read, 'WEBSOCKET_ALLOWED_ORIGINS', development),
    corsOrigins: readOrigins(read, 'CORS_ALLOWED_ORIGINS', development),
    rateLimitPerMinute: read.integer('CHAT_RATE_LIMIT_PER_MINUTE', 20, 0, 1_000_000),
    rateLimitBurst: read.integer('CHAT_RATE_LIMIT_BURST', 20, 0, 1_000_000),
    messageMaxChars: read.integer('CHAT_MESSAGE_MAX_CHARS', 500, 1, 100_000),
    historyOnJoin: read.integer('CHAT_HISTORY_ON_JOIN', 50, 0, 1000),
    messageRetentionDays:
      read.text('MESSAGE_RETENTION_DAYS') === null
        ? null
        : read.integer('MESSAGE_RETENTION_DAYS', 1, 1, MAX_RETENTION_DAYS),
    trustProxy: readTrustProxy(read),
    maxConnectionsPerAddress: read.integer('MAX_CONNECTIONS_PER_ADDRESS', 1000, 0, 1_000_000),
    maxFailuresPerAddress: read.integer('MAX_FAILURES_PER_ADDRESS', 300, 0, 1_000_000),
    drainWindowMs: read.integer('DRAIN_SECONDS', 10, 0, 3600) * 1000,
    logLevel: read.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
    metricsToken: read.text('METRICS_TOKEN'),
    metricsChannelLabel: read.oneOf('METRICS_CHANNEL_LABEL', 'on', ['on', 'off']) === 'on',
    tracing: readTracing(read),
  };
}

class Reader {
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: string): string | null {
    const value = this.#env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new ConfigError(name, text, `a whole number from ${min} to ${max}`);
    }
    return value;
  }

  oneOf<const T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
    const text = this.text(name);
    if (text === null) return fallback;
    const found = allowed.find((each) => each === text);
    if (found === undefined) throw new ConfigError(name, text, `one of ${allowed.join(', ')}`);
    return found;
  }

  url(name: string, protocols: readonly string[]): URL | null {
    const text = this.text(name);
    if (text === null) return null;
    const allowed = `a URL that begins with ${protocols.map((each) => `${each}//`).join(' or ')}`;
    // A URL may hold a password, so what was found is shown without it.
    if (!URL.canParse(text)) throw new ConfigError(name, redactUrl(text), allowed);
    const url = new URL(text);
    if (!protocols.includes(url.protocol)) throw new ConfigError(name, redactUrl(text), allowed);
    return url;
  }
}

function readDatabaseUrl(read: Reader): string | null {
  const text = read.text('DATABASE_URL');
  try {
    if (text !== null) parseDatabaseUrl(text);
  } catch {
    const form = 'postgres://[user:password@]host[:5432][,host[:5432]]/database[?target_session_attrs=read-write]';
    throw new ConfigError('DATABASE_URL', redactUrl(text ?? ''), `of the form ${form}`);
  }
  return text;
}

function readWorkers(read: Reader, shared: boolean): number {
  const text = read.text('HUBBUB_WORKERS');
  if (text === 'auto') return shared ? Math.min(availableParallelism(), MAX_WORKERS) : 1;
  if (text !== null && !/^\d+$/.test(text)) {
    throw new ConfigError('HUBBUB_WORKERS', text, `auto (one a CPU) or a whole number from 1 to ${MAX_WORKERS}`);
  }
  const workers = read.integer('HUBBUB_WORKERS', 1, 1, MAX_WORKERS);
  if (workers > 1 && !shared) {
    throw new ConfigError(
      'HUBBUB_WORKERS',
      String(workers),
      '1 as long as DATABASE_URL is not set: the embedded database serves one process',
    );
  }
  return workers;
}

function readKey(read: Reader): KeyConfig {
  const privatePem = read.text('JWT_PRIVATE_KEY');
  const publicPem = read.text('JWT_PUBLIC_KEY');
  const jwks = read.url('JWT_JWKS_URL', ['https:', 'http:']);
  const set = [
    ['JWT_PRIVATE_KEY', privatePem],
    ['JWT_PUBLIC_KEY', publicPem],
    ['JWT_JWKS_URL', jwks],
  ].filter(([, value]) => value !== null);
  const [, second] = set;
  if (second !== undefined) {
    throw new ConfigError(String(second[0]), '(set)', `to set only one of ${set.map(([name]) => name).join(', ')}`);
  }
  if (privatePem !== null) {
    return { kind: 'private', privateKey: parseKey('JWT_PRIVATE_KEY', privatePem, createPrivateKey) };
  }
  if (publicPem !== null) return { kind: 'public', publicKey: parseKey('JWT_PUBLIC_KEY', publicPem, createPublicKey) };
  if (jwks !== null) return { kind: 'jwks', url: jwks };
  return { kind: 'development' };
}

function parseKey(variable: string, pem: string, parse: (pem: string) => KeyObject): KeyObject {
  const allowed = 'a PEM key for RS256 (RSA of 2048 bits or more), ES256 (P-256) or EdDSA (Ed25519)';
  let key: KeyObject;
  try {
    key = parse(pem.replaceAll('\\n', '\n'));
  } catch {
    throw new ConfigError(variable, '(a text that is no such key)', allowed);
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const usable =
    (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) ||
    (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') ||
    key.asymmetricKeyType === 'ed25519';
  if (!usable) throw new ConfigError(variable, `(a key of type ${key.asymmetricKeyType ?? 'unknown'})`, allowed);
  return key;
}

function readRedisUrl(read: Reader): string | null {
  const url = readRedisUrlForm(read);
  const host = read.text('REDIS_HOST');
  if (url !== null && host !== null) {
    throw new ConfigError('REDIS_HOST', host, 'to set either REDIS_URL or REDIS_HOST, not both');
  }
  if (url !== null) return url;
  if (host === null) return null;
  const tls = read.oneOf('REDIS_TLS', 'off', ['on', 'off', 'true', 'false']);
  const built = new URL(`${tls === 'on' || tls === 'true' ? 'rediss' : 'redis'}://localhost`);
  if (isIP(host) === 0 && !/^[a-z0-9]([a-z0-9_.-]*[a-z0-9])?\.?$/i.test(host)) {
    throw new ConfigError('REDIS_HOST', host, 'a host name or an address, without a port (REDIS_PORT)');
  }
  built.hostname = host.includes(':') ? `[${host}]` : host;
  built.port = String(read.integer('REDIS_PORT', 6379, 1, 65_535));
  built.password = encodeURIComponent(read.text('REDIS_PASSWORD') ?? '');
  built.pathname = `/${read.integer('REDIS_DB', 0, 0, 1_000_000)}`;
  return built.href;
}

function readRedisUrlForm(read: Reader): string | null {
  const text = read.text('REDIS_URL');
  const several = /^redis\+(sentinel|cluster):/.exec(text ?? '')?.[1];
  if (text === null || several === undefined) {
    return read.url('REDIS_URL', ['redis:', 'rediss:', 'redis+sentinel:', 'redis+cluster:'])?.href ?? null;
  }
  const form =
    several === 'sentinel'
      ? 'redis+sentinel://[user:password@]host:26379,host:26379/master-name[/db]'
      : 'redis+cluster://[user:password@]host:6379,host:6379';
  try {
    if (parseHosts(text, 0).path.length === 0 && several === 'sentinel') throw new Error('no master name');
  } catch {
    throw new ConfigError('REDIS_URL', redactUrl(text), `of the form ${form}`);
  }
  return text;
}

function readOrigins(read: Reader, name: string, development: boolean): string[] {
  const origins = (read.text(name) ?? DEFAULT_ORIGINS)
    .split(',')
    .map((each) => each.trim().replace(/\/$/, ''))
    .filter((each) => each !== '');
  for (const origin of origins) {
    if (!ORIGIN.test(origin) || (origin !== '*' && !URL.canParse(withoutWildcard(origin)))) {
      throw new ConfigError(name, origin, 'a comma list of origins like https://app.example.com or *.example.com');
    }
    if (origin === '*' && !development) {
      throw new ConfigError(name, origin, 'a list of origins; * only as long as no key is configured');
    }
  }
  return origins;
}

function withoutWildcard(origin: string): string {
  const host = origin.replace('*.', '');
  return host.includes('://') ? host : `https://${host}`;
}

/** The standard variables of OpenTelemetry. What the SDK would pass over in silence and go on without is looked at here. */
function readTracing(read: Reader): TracingConfig | null {
  if (read.oneOf('OTEL_SDK_DISABLED', 'false', ['true', 'false']) === 'true') return null;
  const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].map((name) =>
    read.url(name, ['http:', 'https:']),
  );
  const isNamed = endpoints.some((endpoint) => endpoint !== null);
  if (read.oneOf('OTEL_TRACES_EXPORTER', isNamed ? 'otlp' : 'none', ['otlp', 'none']) === 'none') return null;
  const sampler = read.oneOf('OTEL_TRACES_SAMPLER', 'parentbased_always_on', [
    ...SAMPLERS,
    ...SAMPLERS.map((each) => `parentbased_${each}` as const),
  ]);
  if (sampler.endsWith('traceidratio')) {
    const text = read.text('OTEL_TRACES_SAMPLER_ARG') ?? '';
    if (!/^[01]?(\.\d+)?$/.test(text) || text === '' || Number(text) > 1) {
      throw new ConfigError('OTEL_TRACES_SAMPLER_ARG', text, `a number from 0 to 1, the part that ${sampler} samples`);
    }
  }
  const protocol = read.oneOf('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf', TRACES_PROTOCOLS);
  return { protocol: read.oneOf('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', protocol, TRACES_PROTOCOLS) };
}

function isProxyAddress(text: string): boolean {
  if (/^(loopback|linklocal|uniquelocal)$/i.test(text)) return true;
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  return version !== 0 && rest.length === 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= most));
}

function readTrustProxy(read: Reader): Config['trustProxy'] {
  const text = read.text('TRUST_PROXY');
  if (text === null || text === 'off' || text === 'false') return false;
  if (/^\d+$/.test(text)) return Number(text);
  const addresses = text.split(',').map((each) => each.trim());
  if (!addresses.every(isProxyAddress)) {
    throw new ConfigError('TRUST_PROXY', text, 'off, a number of hops, or a comma list of addresses and networks');
  }
  return addresses;
}

/** A URL without user, password and query, to be shown. */
export function redactUrl(text: string): string {
  return text.replace(/^([a-z][a-z+]*:\/\/)?.*@/s, '$1***@').replace(/\?.*$/s, '?***');
}
