/** A running server, as the commands reach it: its address, a token, and what its refusals mean. */
import { readFileSync } from 'node:fs';
import { type GetToken, HubbubClientError, requestDevToken } from '@hubbub/client';
import type { SiteRole } from '@hubbub/protocol/rest.js';
import type { Environment } from '../config.js';
import { UsageError } from './command.js';
import { printable } from './printable.js';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** The options that say where the server is. */
export const REMOTE_OPTIONS = {
  url: { type: 'string', value: 'URL', help: `address of the server (default: HUBBUB_URL, else ${DEFAULT_URL})` },
  'token-file': {
    type: 'string',
    value: 'FILE',
    help: 'file with the access token, read again when it lapses (default: HUBBUB_TOKEN)',
  },
} as const;

export interface Remote {
  readonly url: URL;
  /** Where a token is said to be; null: nowhere. */
  readonly token: { readonly from: string; readonly read: () => string } | null;
}

/** @throws UsageError when the address is none */
export function readRemote(
  values: { readonly url: string | undefined; readonly 'token-file': string | undefined },
  env: Environment,
): Remote {
  const text = values.url ?? (env.HUBBUB_URL || DEFAULT_URL);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^(http|ws)s?:$/.test(url.protocol)) {
    throw new UsageError(`The address of a server begins with http:// or https://, not like "${printable(text)}".`);
  }
  const file = values['token-file'];
  if (file !== undefined) return { url, token: { from: file, read: () => readTokenFile(file) } };
  const token = env.HUBBUB_TOKEN?.trim() ?? '';
  return { url, token: token === '' ? null : { from: 'HUBBUB_TOKEN', read: () => token } };
}

function readTokenFile(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HubbubClientError('NO_TOKEN', `The token cannot be read: ${reason}.`, { cause });
  }
  if (token === '') throw new HubbubClientError('NO_TOKEN', `There is no token in ${file}: it is empty.`);
  return token;
}

/**
 * Where the SDK gets its token: from the user, or for the asking, as a server in development mode gives it.
 *
 * @returns a function that throws a HubbubClientError with the code `NO_TOKEN` and a sentence for the user
 */
export function tokenSource({ url, token }: Remote, user: { username: string; role: SiteRole }): GetToken {
  if (token !== null) {
    return ({ previous }) => {
      const current = token.read();
      if (current !== previous) return current;
      throw new HubbubClientError(
        'NO_TOKEN',
        `The server does not take the token of ${token.from} (401): it has lapsed, or is not signed by the server's key.`,
      );
    };
  }
  return async ({ signal }) => {
    try {
      return (await requestDevToken(url, user, { signal })).token;
    } catch (error) {
      if (!(error instanceof HubbubClientError) || error.code !== 'NOT_FOUND') throw error;
      throw new HubbubClientError(
        'NO_TOKEN',
        'The server asks for a token (it is not in development mode): set HUBBUB_TOKEN or --token-file. ' +
          'Where JWT_PRIVATE_KEY is, `hubbub token --user NAME` prints one.',
        { cause: error },
      );
    }
  };
}

/** What a failed call means, in a sentence that says what to do. */
export function sentenceOf(error: HubbubClientError, url: URL): string {
  const { code, status } = error;
  const said = printable(error.message).replace(/\.?$/, '.');
  if (code === 'NO_TOKEN') return said;
  if (code === 'NETWORK' || code === 'TIMEOUT') {
    return `No server answers at ${url.origin}: is it running, and is --url right?`;
  }
  if (code === 'FORBIDDEN' || code === 'BANNED') return `Not allowed (403): ${said} Use the token of a user who may.`;
  return `${said}${status === 0 ? '' : ` (${status})`}`;
}
