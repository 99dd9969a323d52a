import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { ConfigError, type Environment, readConfig } from './config.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const PRIVATE = pem(ed25519.privateKey, 'pkcs8');
const PUBLIC = publicPem(ed25519.publicKey);

function pem(key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1'): string {
  return String(key.export({ type, format: 'pem' } as { type: 'pkcs8'; format: 'pem' }));
}

function publicPem(key: KeyObject): string {
  return String(key.export({ type: 'spki', format: 'pem' }));
}

/** The message with which an environment is refused. */
function refusal(env: Environment): string {
  let message: string | null = null;
  assert.throws(
    () => readConfig(env),
    (error) => {
      if (!(error instanceof ConfigError)) return false;
      message = error.message;
      return true;
    },
    JSON.stringify(env),
  );
  return message ?? '';
}

test('without any variable every value is the documented default', () => {
  assert.partialDeepStrictEqual(readConfig({}), {
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: null,
    workers: 1,
    databasePoolSize: 10,
    dataDir: './data',
    redisUrl: null,
    key: { kind: 'development' },
    jwtIssuer: null,
    jwtAudience: null,
    websocketOrigins: ['http://localhost:5173', 'http://localhost:3000'],
    corsOrigins: ['http://localhost:5173', 'http://localhost:3000'],
    rateLimitPerMinute: 20,
    rateLimitBurst: 20,
    messageMaxChars: 500,
    historyOnJoin: 50,
    messageRetentionDays: null,
    trustProxy: false,
    maxConnectionsPerAddress: 1000,
    maxFailuresPerAddress: 300,
    logLevel: 'info',
    metricsToken: null,
    metricsChannelLabel: true,
    tracing: null,
  });
});

test('empty variables count as not set', () => {
  const names = [
    'HOST',
    'PORT',
    'DATABASE_URL',
    'REDIS_URL',
    'REDIS_HOST',
    'JWT_PRIVATE_KEY',
    'JWT_JWKS_URL',
    'TRUST_PROXY',
  ];
  assert.deepEqual(readConfig(Object.fromEntries(names.map((name) => [name, ' ']))), readConfig({}));
});

for (const [name, text, field, value] of [
  ['PORT', '0', 'port', 0],
  ['PORT', '65535', 'port', 65_535],
  ['HOST', 'localhost', 'host', 'localhost'],
  ['HOST', '::1', 'host', '::1'],
  ['HOST', '127.0.0.2', 'host', '127.0.0.2'],
  [
    'DATABASE_URL',
    'postgres://u:p@db:5432/chat?sslmode=require',
    'databaseUrl',
    'postgres://u:p@db:5432/chat?sslmode=require',
  ],
  ['DATABASE_URL', 'postgresql://db/chat', 'databaseUrl', 'postgresql://db/chat'],
  [
    'DATABASE_URL',
    'postgresql:///chat?host=/var/run/postgresql',
    'databaseUrl',
    'postgresql:///chat?host=/var/run/postgresql',
  ],
  ['DATABASE_URL', 'postgres://u:p@a:5432,b/chat', 'databaseUrl', 'postgres://u:p@a:5432,b/chat'],
  ['DATABASE_POOL_SIZE', '3', 'databasePoolSize', 3],
  ['DATA_DIR', 'memory://', 'dataDir', 'memory://'],
  ['DATA_DIR', ' /var/lib/hubbub ', 'dataDir', '/var/lib/hubbub'],
  ['REDIS_URL', 'redis://localhost:6379', 'redisUrl', 'redis://localhost:6379'],
  ['REDIS_URL', 'rediss://u:p@r:6380/2', 'redisUrl', 'rediss://u:p@r:6380/2'],
  ['REDIS_HOST', 'r.internal', 'redisUrl', 'redis://r.internal:6379/0'],
  ['REDIS_HOST', '10.0.0.7', 'redisUrl', 'redis://10.0.0.7:6379/0'],
  ['REDIS_HOST', '::1', 'redisUrl', 'redis://[::1]:6379/0'],
  ['JWT_ISSUER', 'https://id.example.com/', 'jwtIssuer', 'https://id.example.com/'],
  ['JWT_AUDIENCE', 'chat', 'jwtAudience', 'chat'],
  ['CHAT_RATE_LIMIT_PER_MINUTE', '0', 'rateLimitPerMinute', 0],
  ['CHAT_RATE_LIMIT_PER_MINUTE', '120', 'rateLimitPerMinute', 120],
  ['CHAT_RATE_LIMIT_BURST', '5', 'rateLimitBurst', 5],
  ['CHAT_MESSAGE_MAX_CHARS', '2000', 'messageMaxChars', 2000],
  ['CHAT_HISTORY_ON_JOIN', '0', 'historyOnJoin', 0],
  ['MESSAGE_RETENTION_DAYS', '30', 'messageRetentionDays', 30],
  ['LOG_LEVEL', 'silent', 'logLevel', 'silent'],
  ['MAX_CONNECTIONS_PER_ADDRESS', '0', 'maxConnectionsPerAddress', 0],
  ['MAX_FAILURES_PER_ADDRESS', '5', 'maxFailuresPerAddress', 5],
  ['METRICS_TOKEN', 'secret', 'metricsToken', 'secret'],
  ['METRICS_CHANNEL_LABEL', 'off', 'metricsChannelLabel', false],
  ['TRUST_PROXY', 'off', 'trustProxy', false],
  ['TRUST_PROXY', 'false', 'trustProxy', false],
  ['TRUST_PROXY', '2', 'trustProxy', 2],
  ['TRUST_PROXY', '10.0.0.0/8, ::1', 'trustProxy', ['10.0.0.0/8', '::1']],
  ['TRUST_PROXY', 'loopback', 'trustProxy', ['loopback']],
] as const) {
  test(`${name}=${text} is understood`, () => {
    assert.deepEqual(readConfig({ [name]: text })[field], value);
  });
}

for (const [name, text, allowed] of [
  ['PORT', '-1', '0 to 65535'],
  ['PORT', '65536', '0 to 65535'],
  ['PORT', '80a', '0 to 65535'],
  ['PORT', '8e3', '0 to 65535'],
  ['PORT', '80.5', '0 to 65535'],
  ['PORT', '0x50', '0 to 65535'],
  ['HOST', '0.0.0.0', 'loopback'],
  ['HOST', '::', 'loopback'],
  ['HOST', '192.168.1.5', 'loopback'],
  ['HOST', 'example.com', 'loopback'],
  ['HOST', '127.0.0.1.evil.net', 'loopback'],
  ['DATABASE_URL', 'mysql://db/chat', 'postgres://'],
  ['DATABASE_URL', 'db/chat', 'postgres://'],
  ['DATABASE_URL', 'postgres://a,b:port/chat', 'host[:5432][,host[:5432]]'],
  ['DATABASE_POOL_SIZE', '0', '1 to 1000'],
  ['REDIS_URL', 'http://localhost', 'redis://'],
  ['REDIS_URL', 'localhost:6379', 'redis://'],
  ['JWT_JWKS_URL', 'ftp://id/jwks', 'https://'],
  ['JWT_JWKS_URL', '/jwks.json', 'https://'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'app.example.com', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'https://*', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'https://a.example.com/path', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'https://a.*.example.com', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', '*example.com', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'ftp://example.com', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'http://localhost:99999', '*.example.com'],
  ['WEBSOCKET_ALLOWED_ORIGINS', 'https://[bad', '*.example.com'],
  ['CORS_ALLOWED_ORIGINS', 'null', '*.example.com'],
  ['CORS_ALLOWED_ORIGINS', 'https://a.test b.test', '*.example.com'],
  ['CHAT_RATE_LIMIT_PER_MINUTE', '-1', '0 to'],
  ['CHAT_RATE_LIMIT_PER_MINUTE', 'off', '0 to'],
  ['CHAT_MESSAGE_MAX_CHARS', '0', '1 to'],
  ['CHAT_HISTORY_ON_JOIN', '1001', '0 to 1000'],
  ['MESSAGE_RETENTION_DAYS', '0', '1 to 36500'],
  ['LOG_LEVEL', 'loud', 'trace, debug, info'],
  ['METRICS_CHANNEL_LABEL', 'maybe', 'on, off'],
  ['TRUST_PROXY', 'true', 'hops'],
  ['TRUST_PROXY', 'proxy.example.com', 'hops'],
  ['TRUST_PROXY', '-1', 'hops'],
  ['TRUST_PROXY', '999.1.1.1', 'hops'],
  ['TRUST_PROXY', '10.0.0.0/99', 'hops'],
  ['TRUST_PROXY', 'cafe', 'hops'],
  ['OTEL_SDK_DISABLED', 'yes', 'true, false'],
  ['OTEL_TRACES_EXPORTER', 'zipkin', 'otlp, none'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', 'http://'],
] as const) {
  test(`${name}=${text} is refused with a sentence that says what was found and what is allowed`, () => {
    const message = refusal({ [name]: text });
    assert.ok(message.startsWith(`${name}: `), message);
    assert.ok(message.includes(JSON.stringify(text)), message);
    assert.ok(message.includes(allowed), message);
    assert.ok(message.endsWith('.') && !message.includes('\n'), message);
  });
}

test('once a key is configured it listens on all addresses, or on any that is asked for', () => {
  for (const key of [
    { JWT_PRIVATE_KEY: PRIVATE },
    { JWT_PUBLIC_KEY: PUBLIC },
    { JWT_JWKS_URL: 'https://id.test/jwks' },
  ]) {
    assert.equal(readConfig(key).host, '0.0.0.0');
    assert.equal(readConfig({ ...key, HOST: '192.168.1.5' }).host, '192.168.1.5');
  }
});

test('workers ask for a database that several processes can use', () => {
  const DATABASE_URL = 'postgres://db/chat';
  assert.equal(readConfig({ HUBBUB_WORKERS: '1' }).workers, 1);
  assert.equal(readConfig({ HUBBUB_WORKERS: '3', DATABASE_URL }).workers, 3);
  assert.equal(readConfig({ HUBBUB_WORKERS: 'auto', DATABASE_URL }).workers, Math.min(64, availableParallelism()));
  assert.equal(readConfig({ HUBBUB_WORKERS: 'auto' }).workers, 1);
  assert.match(
    refusal({ HUBBUB_WORKERS: '3' }),
    /^HUBBUB_WORKERS: found "3", .*DATABASE_URL.*embedded database.*one process/,
  );
  for (const found of ['0', '65', '-1', '2.5', 'all']) {
    assert.match(refusal({ HUBBUB_WORKERS: found, DATABASE_URL }), /^HUBBUB_WORKERS: found .* from 1 to 64\.$/);
  }
});

test('connections to the database are enough for every worker, and not more than are asked for', () => {
  const DATABASE_URL = 'postgres://db/chat';
  assert.equal(readConfig({ HUBBUB_WORKERS: '2', DATABASE_URL }).databasePoolSize, 10);
  assert.equal(readConfig({ HUBBUB_WORKERS: '8', DATABASE_URL }).databasePoolSize, 40);
  assert.equal(readConfig({ HUBBUB_WORKERS: '8', DATABASE_URL, DATABASE_POOL_SIZE: '16' }).databasePoolSize, 16);
});

test('keys of the three algorithms are read in each of their PEM forms, with real newlines or escaped ones', () => {
  for (const [text, key] of [
    [pem(rsa.privateKey, 'pkcs8'), rsa.privateKey],
    [pem(rsa.privateKey, 'pkcs1'), rsa.privateKey],
    [pem(p256.privateKey, 'pkcs8'), p256.privateKey],
    [pem(p256.privateKey, 'sec1'), p256.privateKey],
    [PRIVATE, ed25519.privateKey],
  ] as const) {
    for (const written of [text, text.trim(), text.replaceAll('\n', '\\n'), text.replaceAll('\n', '\r\n')]) {
      const config = readConfig({ JWT_PRIVATE_KEY: written });
      assert.ok(config.key.kind === 'private');
      assert.ok(config.key.privateKey.equals(createPrivateKey(pem(key, 'pkcs8'))));
    }
  }
});

test('public keys are read in each of their PEM forms', () => {
  const pkcs1 = String(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }));
  for (const [text, key] of [
    [publicPem(rsa.publicKey), rsa.publicKey],
    [pkcs1, rsa.publicKey],
    [publicPem(p256.publicKey), p256.publicKey],
    [PUBLIC.replaceAll('\n', '\\n'), ed25519.publicKey],
  ] as const) {
    const config = readConfig({ JWT_PUBLIC_KEY: text });
    assert.ok(config.key.kind === 'public' && config.key.publicKey.type === 'public');
    assert.ok(config.key.publicKey.equals(key));
  }
});

test('keys that are too weak, or for other algorithms, are refused by name of what is allowed', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const x25519 = generateKeyPairSync('x25519').privateKey;
  const ed448 = generateKeyPairSync('ed448').privateKey;
  for (const key of [weak, p384, x25519, ed448]) {
    assert.match(refusal({ JWT_PRIVATE_KEY: pem(key, 'pkcs8') }), /^JWT_PRIVATE_KEY: .*RS256.*ES256.*EdDSA/);
  }
  assert.match(refusal({ JWT_PRIVATE_KEY: PUBLIC }), /^JWT_PRIVATE_KEY: /);
});

test('no part of a key stands in a message', () => {
  for (const name of ['JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEY']) {
    for (const text of [
      'hunter2-is-no-pem',
      PRIVATE.replace('PRIVATE', 'SECRET'),
      PRIVATE.slice(0, 80),
      `-----BEGIN PRIVATE KEY-----\nhunter2-is-no-pem\n-----END PRIVATE KEY-----`,
    ]) {
      const message = refusal({ [name]: text });
      assert.ok(!message.includes('hunter2') && !message.includes(PRIVATE.slice(40, 60)), message);
    }
  }
});

test('only one source of keys may be set, and the message names those that are', () => {
  const message = refusal({ JWT_PRIVATE_KEY: PRIVATE, JWT_JWKS_URL: 'https://id.test/jwks' });
  assert.match(message, /JWT_PRIVATE_KEY/);
  assert.match(message, /JWT_JWKS_URL/);
  assert.ok(!message.includes(PRIVATE.slice(40, 60)));
  refusal({ JWT_PRIVATE_KEY: PRIVATE, JWT_PUBLIC_KEY: PUBLIC });
});

for (const [name, text] of [
  ['DATABASE_URL', 'mysql://chat:hunter2@db/chat'],
  ['DATABASE_URL', 'postgres://chat:hunter2@db:port/chat'],
  ['DATABASE_URL', 'postgres://chat:hun/hunter2@db:port/chat'],
  ['DATABASE_URL', 'postgres://chat:p@hunter2@db:port/chat'],
  ['DATABASE_URL', 'chat:hunter2@db/chat'],
  ['DATABASE_URL', 'postgres://chat:p@hunter2@a:5432,b/chat'],
  ['DATABASE_URL', 'postgres://chat:hunter2@a,b/chat?target_session_attrs=any'],
  ['DATABASE_URL', 'mysql://db/chat?user=chat&password=hunter2'],
  ['REDIS_URL', ':hunter2@localhost:6379'],
  ['REDIS_URL', 'redis://:hunter2@localhost:port'],
  ['REDIS_URL', 'redis+sentinel://:hun/hunter2@a:1,b:2'],
] as const) {
  test(`the password in ${name}=${text.replace('hunter2', '...')} stands in no message`, () => {
    const message = refusal({ [name]: text });
    assert.ok(message.startsWith(`${name}: `), message);
    assert.ok(!message.includes('hunter2'), message);
  });
}

test('the parts of a Redis address become its URL, with a password of any characters', () => {
  const config = readConfig({
    REDIS_HOST: 'r.internal',
    REDIS_PORT: '6380',
    REDIS_PASSWORD: 'p@ss:w/rd#%20?',
    REDIS_DB: '3',
    REDIS_TLS: 'true',
  });
  assert.ok(config.redisUrl !== null);
  const url = new URL(config.redisUrl);
  assert.deepEqual(
    [url.protocol, url.hostname, url.port, decodeURIComponent(url.password), url.pathname],
    ['rediss:', 'r.internal', '6380', 'p@ss:w/rd#%20?', '/3'],
  );
});

test('bad parts of a Redis address are refused, each by its name', () => {
  for (const [name, text] of [
    ['REDIS_PORT', '0'],
    ['REDIS_PORT', 'x'],
    ['REDIS_DB', '-1'],
    ['REDIS_TLS', 'maybe'],
  ] as const) {
    assert.ok(refusal({ REDIS_HOST: 'r.internal', [name]: text }).startsWith(`${name}: `));
  }
});

test('a Redis host that is none is refused, never silently replaced', () => {
  for (const text of ['r.internal:6379', 'redis://r.internal', 'r internal', 'r/internal', 'user@r.internal']) {
    assert.ok(refusal({ REDIS_HOST: text }).startsWith('REDIS_HOST: '), text);
  }
});

test('a Redis URL and a Redis host exclude each other', () => {
  assert.match(refusal({ REDIS_HOST: 'r', REDIS_URL: 'redis://r' }), /REDIS_URL/);
});

test('Sentinel and Cluster URLs keep all their hosts', () => {
  for (const text of [
    'redis+sentinel://:pw@a:26379,b:26379/main',
    'redis+sentinel://a/main/2',
    'redis+cluster://u:pw@a:6379,b:6379',
    'redis+cluster://a',
  ]) {
    assert.equal(readConfig({ REDIS_URL: text }).redisUrl, text);
  }
  assert.match(refusal({ REDIS_URL: 'redis+sentinel://a:26379,b:26379' }), /^REDIS_URL: .*master-name/);
});

test('origins are a comma list with room for spaces and a last slash', () => {
  const config = readConfig({
    WEBSOCKET_ALLOWED_ORIGINS:
      ' https://app.example.com/ , *.example.org,https://*.example.net:8443,, http://[::1]:80 ',
    CORS_ALLOWED_ORIGINS: 'https://cors.test',
  });
  assert.deepEqual(config.websocketOrigins, [
    'https://app.example.com',
    '*.example.org',
    'https://*.example.net:8443',
    'http://[::1]:80',
  ]);
  assert.deepEqual(config.corsOrigins, ['https://cors.test']);
});

test('* lets everyone in only as long as no key is configured', () => {
  assert.deepEqual(readConfig({ WEBSOCKET_ALLOWED_ORIGINS: '*' }).websocketOrigins, ['*']);
  for (const name of ['WEBSOCKET_ALLOWED_ORIGINS', 'CORS_ALLOWED_ORIGINS']) {
    assert.match(refusal({ [name]: '*', JWT_PUBLIC_KEY: PUBLIC }), new RegExp(`^${name}: found "\\*"`));
    refusal({ [name]: 'https://app.example.com,*', JWT_PUBLIC_KEY: PUBLIC });
  }
});

test('traces are on where there is somewhere to send them to, unless they are switched off', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
  const protobuf = { protocol: 'http/protobuf' };
  for (const env of [
    { OTEL_EXPORTER_OTLP_ENDPOINT },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector:4318/v1/traces' },
    { OTEL_TRACES_EXPORTER: 'otlp' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'always_off' },
  ]) {
    assert.deepEqual(readConfig(env).tracing, protobuf, JSON.stringify(env));
  }
  for (const env of [
    { OTEL_SERVICE_NAME: 'chat' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' },
  ]) {
    assert.equal(readConfig(env).tracing, null, JSON.stringify(env));
  }
  const json = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
  assert.deepEqual(readConfig(json).tracing, { protocol: 'http/json' });
  const both = { ...json, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' };
  assert.deepEqual(readConfig(both).tracing, protobuf);
});

test('what OpenTelemetry would pass over in silence is refused where traces are on', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
  assert.match(
    refusal({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'jaeger_remote' }),
    /^OTEL_TRACES_SAMPLER: found "jaeger_remote", .*parentbased_traceidratio/,
  );
  assert.match(
    refusal({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    /^OTEL_EXPORTER_OTLP_PROTOCOL: found "grpc", .*http\/protobuf, http\/json/,
  );
  for (const OTEL_TRACES_SAMPLER_ARG of ['', '1.1', '1%', '-0.1', '2', '.', 'half']) {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG };
    assert.match(refusal(env), /^OTEL_TRACES_SAMPLER_ARG: found .* from 0 to 1/);
  }
});
