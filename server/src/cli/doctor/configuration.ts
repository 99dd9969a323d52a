/** The configuration: what it is, and what in it is right for trying out and wrong for real. */
import { type Config, type Environment, redactUrl } from '../../config.js';
import { fetchKeySet } from '../../jwks.js';
import { reasonOf } from '../../lifecycle.js';
import { type Finding, failure, ok, warning } from './finding.js';

const SUBJECT = 'configuration';

/** @param clean makes an error's text fit to be shown */
export async function* examineConfiguration(
  config: Config,
  env: Environment,
  clean: (text: string) => string,
): AsyncGenerator<Finding> {
  if (config.key.kind === 'development') {
    yield ok(SUBJECT, 'development mode: no key is configured, tokens are given for the asking, on loopback only');
    return;
  }
  yield ok(SUBJECT, `tokens are verified by ${KEYS[config.key.kind]}`);
  if (config.key.kind === 'jwks') yield await examineJwks(config.key.url, clean);
  for (const name of ['WEBSOCKET_ALLOWED_ORIGINS', 'CORS_ALLOWED_ORIGINS']) {
    if ((env[name]?.trim() ?? '') !== '') continue;
    yield warning(
      SUBJECT,
      `${name} is not set: pages of your application are refused`,
      `Set it, like ${name}=https://app.example.com`,
    );
  }
  if (config.metricsToken === null) {
    yield warning(
      SUBJECT,
      'METRICS_TOKEN is not set: whoever reaches the server reads /metrics',
      'Set it, or see that a proxy in front keeps /metrics to itself.',
    );
  }
  if (config.databaseUrl === null) {
    yield warning(
      SUBJECT,
      'DATABASE_URL is not set: the embedded database serves one process, without a backup',
      'Set DATABASE_URL to a PostgreSQL 13 or newer.',
    );
  }
}

const KEYS = { private: 'the public half of JWT_PRIVATE_KEY', public: 'JWT_PUBLIC_KEY', jwks: 'JWT_JWKS_URL' } as const;

async function examineJwks(url: URL, clean: (text: string) => string): Promise<Finding> {
  const at = redactUrl(url.href);
  const remedy = 'Without its keys no token can be verified: see that this machine reaches it.';
  try {
    const response = await fetchKeySet(url);
    if (!response.ok) return failure(SUBJECT, `JWT_JWKS_URL: ${at} answers with ${response.status}`, remedy);
    const { keys } = (await response.json()) as { keys?: unknown[] };
    const count = Array.isArray(keys) ? keys.length : 0;
    return count > 0
      ? ok(SUBJECT, `JWT_JWKS_URL: ${count} keys at ${at}`)
      : failure(SUBJECT, `JWT_JWKS_URL: ${at} holds no keys`, 'It has to be a JSON Web Key Set (RFC 7517).');
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return failure(SUBJECT, `JWT_JWKS_URL: ${at}: ${clean(reasonOf(cause))}`, remedy);
  }
}
