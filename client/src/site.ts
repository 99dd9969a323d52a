/** The REST routes of site admins. */
import type {
  EraseBody,
  EraseResult,
  LogPage,
  RevokeTokenBody,
  RevokeTokensBody,
  SuspendBody,
  SuspendResult,
} from '@hubbub/protocol/moderation.js';
import type { Health, Stats, StatusBody } from '@hubbub/protocol/rest.js';
import type { LogExportOptions, LogOptions } from './moderation.js';
import { userPath } from './paths.js';
import type { Rest } from './rest.js';
import type { CallOptions } from './types.js';

/** The routes of site admins, about the whole site: `new Site(client)`. Answers and errors are as in `client.rest`. */
export class Site {
  readonly #rest: Rest;

  constructor({ rest }: { readonly rest: Rest }) {
    this.#rest = rest;
  }

  /** Closes a user's connections and refuses his requests, until he is restored or for `duration_minutes`. */
  suspendUser(userId: string, body: SuspendBody = {}, { signal }: CallOptions = {}): Promise<SuspendResult> {
    return this.#rest.request('POST', userPath(userId, '/suspend'), { body, signal });
  }

  restoreUser(userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('DELETE', userPath(userId, '/suspend'), { signal });
  }

  /** Revokes all tokens of a user that were issued before a time. */
  revokeTokensOf(userId: string, body: RevokeTokensBody = {}, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('POST', userPath(userId, '/revoke-tokens'), { body, signal });
  }

  /** Revokes one token by its `jti`. */
  revokeToken(body: RevokeTokenBody, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('POST', '/tokens/revoke', { body, signal });
  }

  eraseUser(userId: string, body: EraseBody, { signal }: CallOptions = {}): Promise<EraseResult> {
    return this.#rest.request('POST', userPath(userId, '/erase'), { body, signal });
  }

  /** All that is kept of a user (users may ask for themselves), as NDJSON in the answer's `body`. */
  exportUser(userId: string, { signal }: CallOptions = {}): Promise<Response> {
    return this.#rest.send('GET', userPath(userId, '/export'), { signal });
  }

  /** The site's own audit log, newest first. */
  listSiteLog({ signal, ...query }: LogOptions = {}): Promise<LogPage> {
    return this.#rest.request('GET', '/moderation-log', { query, signal });
  }

  /** The whole of it, oldest first; to be read from the answer's `body` or `text()`. */
  exportSiteLog({ signal, ...query }: LogExportOptions): Promise<Response> {
    return this.#rest.send('GET', '/moderation-log/export', { query, signal });
  }

  /** The instance that answered, with its channels. */
  stats({ signal }: CallOptions = {}): Promise<Stats> {
    return this.#rest.request('GET', '/stats', { signal });
  }

  /** State of the instance that answers; anyone may ask. */
  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#rest.request('GET', '/health', { signal });
  }
}
