/** Words of others, such as the text of an error, without what must not be shown. */
import type { Environment } from '../../config.js';
import { printable } from '../printable.js';

const MASK = '***';
const SECRET_VARIABLES = [
  'REDIS_PASSWORD',
  'METRICS_TOKEN',
  'JWT_PRIVATE_KEY',
  'PGPASSWORD',
  'OTEL_EXPORTER_OTLP_HEADERS',
];
/** REDIS_HOST takes no URL, and is shown when it was given one. */
const URL_VARIABLES = ['DATABASE_URL', 'REDIS_URL', 'REDIS_HOST', 'JWT_JWKS_URL'];
const PASSWORD = /^[a-z+]+:\/\/[^@/:]*:([^@/]*)@/i;

/** @returns takes out the passwords, keys and tokens that the environment holds, and makes the rest fit for a terminal */
export function redactor(env: Environment): (text: string) => string {
  const secrets = new Set<string>();
  const add = (secret: string | undefined) => {
    if (secret === undefined || secret === '') return;
    secrets.add(secret);
    try {
      secrets.add(decodeURIComponent(secret));
    } catch {
      // It was not encoded.
    }
  };
  for (const name of SECRET_VARIABLES) add(env[name]?.trim());
  for (const name of URL_VARIABLES) {
    const text = env[name]?.trim() ?? '';
    add(PASSWORD.exec(text)?.[1]);
    if (URL.canParse(text)) for (const value of new URL(text).searchParams.values()) add(value);
  }
  // The longest first: one may be part of another.
  const sorted = [...secrets].sort((a, b) => b.length - a.length);
  return (text) => printable(sorted.reduce((rest, secret) => rest.replaceAll(secret, MASK), text));
}
