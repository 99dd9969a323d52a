/** The REST routes of moderators. */
import type { DecideBody, DecideResult, HeldList, Shield, ShieldBody } from '@hubbub/protocol/auto-moderation.js';
import type {
  AddMemberBody,
  BanBody,
  BanCheck,
  BanResult,
  GivenRole,
  LogAction,
  LogPage,
  Member,
  MuteResult,
  RestrictionList,
  TimeoutBody,
  TimeoutResult,
} from '@hubbub/protocol/moderation.js';
import type {
  OwnReport,
  ReportList,
  ReportStatus,
  ResolveReportBody,
  ResolveReportResult,
} from '@hubbub/protocol/reports.js';
import type { StatusBody } from '@hubbub/protocol/rest.js';
import { channelPath } from './paths.js';
import type { ListOptions, Rest } from './rest.js';
import type { CallOptions } from './types.js';

/** Which entries of an audit log are wanted. */
export interface LogFilter {
  readonly action?: LogAction | undefined;
  /** Only what was done to this user. */
  readonly user_id?: string | undefined;
  /** Only what this one did. */
  readonly moderator_id?: string | undefined;
  /** From this time on, RFC 3339. */
  readonly since?: string | undefined;
  /** Before this time, RFC 3339. */
  readonly until?: string | undefined;
}

/** Part of an audit log. */
export interface LogOptions extends CallOptions, LogFilter {
  /** From 1, the newest. */
  readonly page?: number | undefined;
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined;
}

/** A whole audit log, as a file. */
export interface LogExportOptions extends CallOptions, LogFilter {
  readonly format: 'csv' | 'ndjson';
}

/**
 * The routes of moderators: `new Moderation(client)`. Apart from `client.rest`, so that pages without them need not load
 * them. Answers and errors are as there.
 */
export class Moderation {
  readonly #rest: Rest;

  constructor({ rest }: { readonly rest: Rest }) {
    this.#rest = rest;
  }

  // Members

  /** Adds a member; staff is added by the owner. */
  addMember(channelId: string, body: AddMemberBody, { signal }: CallOptions = {}): Promise<Member> {
    return this.#rest.request('POST', channelPath(channelId, '/members'), { body, signal });
  }

  changeRole(channelId: string, userId: string, role: GivenRole, { signal }: CallOptions = {}): Promise<Member> {
    return this.#rest.request('PATCH', channelPath(channelId, '/members', userId), { body: { role }, signal });
  }

  /** Removes a member, or oneself. */
  removeMember(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('DELETE', channelPath(channelId, '/members', userId), { signal });
  }

  /** Makes a member the owner; the owner until now becomes an admin. */
  transferOwnership(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('POST', channelPath(channelId, '/transfer'), { body: { user_id: userId }, signal });
  }

  // Restrictions and messages

  /** Keeps a user out until it is lifted, or for `duration_minutes`. */
  ban(channelId: string, body: BanBody, { signal }: CallOptions = {}): Promise<BanResult> {
    return this.#rest.request('POST', channelPath(channelId, '/ban'), { body, signal });
  }

  /** Lifts a user's ban and timeout. */
  unban(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('DELETE', channelPath(channelId, '/ban', userId), { signal });
  }

  /** He reads on and cannot write. */
  mute(channelId: string, body: BanBody, { signal }: CallOptions = {}): Promise<MuteResult> {
    return this.#rest.request('POST', channelPath(channelId, '/mute'), { body, signal });
  }

  unmute(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.#rest.request('DELETE', channelPath(channelId, '/mute', userId), { signal });
  }

  /** A ban that ends by itself after `duration_minutes`. */
  timeOut(channelId: string, body: TimeoutBody, { signal }: CallOptions = {}): Promise<TimeoutResult> {
    return this.#rest.request('POST', channelPath(channelId, '/timeout'), { body, signal });
  }

  /** Bans, timeouts and mutes in force, newest first. */
  listBans(channelId: string, { signal, ...query }: ListOptions = {}): Promise<RestrictionList> {
    return this.#rest.request('GET', channelPath(channelId, '/bans'), { query, signal });
  }

  /** Whether a user is banned or muted. @param options.user_id default: oneself, which anyone may ask */
  checkBan(
    channelId: string,
    { signal, ...query }: CallOptions & { readonly user_id?: string | undefined } = {},
  ): Promise<BanCheck> {
    return this.#rest.request('GET', channelPath(channelId, '/check-ban'), { query, signal });
  }

  /** The channel's audit log, newest first. */
  listLog(channelId: string, { signal, ...query }: LogOptions = {}): Promise<LogPage> {
    return this.#rest.request('GET', channelPath(channelId, '/moderation-log'), { query, signal });
  }

  /** The whole audit log, oldest first; to be read from the answer's `body` or `text()`. */
  exportLog(channelId: string, { signal, ...query }: LogExportOptions): Promise<Response> {
    return this.#rest.send('GET', channelPath(channelId, '/moderation-log/export'), { query, signal });
  }

  /** Deletes what a user wrote in the last minutes, 1,000 messages a call (moderators); `dry_run` only counts. */
  clearMessages(
    channelId: string,
    userId: string,
    body: { readonly since_minutes: number; readonly reason?: string; readonly dry_run?: boolean },
    { signal }: CallOptions = {},
  ): Promise<{ readonly status: 'deleted' | 'counted'; readonly count: number }> {
    return this.#rest.request('DELETE', `${channelPath(channelId, '/users', userId)}/messages`, { body, signal });
  }

  // Reports, the review queue, the shield

  /** Tells the moderators of a message; anyone who may read it may. A second report of it is answered with the first one. */
  reportMessage(messageId: string, reason: string, { signal }: CallOptions = {}): Promise<OwnReport> {
    return this.#rest.request('POST', `/messages/${encodeURIComponent(messageId)}/report`, {
      body: { reason },
      signal,
    });
  }

  /** What users have reported. @param options.status default: open */
  listReports(
    channelId: string,
    { signal, ...query }: ListOptions & { readonly status?: ReportStatus | undefined } = {},
  ): Promise<ReportList> {
    return this.#rest.request('GET', channelPath(channelId, '/reports'), { query, signal });
  }

  /** Decides about a report, and with it about all that are open of the same message. @throws `CONFLICT`: another one has */
  resolveReport(
    channelId: string,
    reportId: string,
    body: ResolveReportBody,
    { signal }: CallOptions = {},
  ): Promise<ResolveReportResult> {
    return this.#rest.request('POST', channelPath(channelId, '/reports', reportId), { body, signal });
  }

  /** Messages that wait for review, the oldest first. */
  listHeld(channelId: string, { signal, ...query }: ListOptions = {}): Promise<HeldList> {
    return this.#rest.request('GET', channelPath(channelId, '/held'), { query, signal });
  }

  /** Lets a held message through, or turns it down. @throws `CONFLICT`: another one has decided, or its author may not write */
  review(channelId: string, messageId: string, body: DecideBody, { signal }: CallOptions = {}): Promise<DecideResult> {
    return this.#rest.request('POST', channelPath(channelId, '/held', messageId), { body, signal });
  }

  /** Switches the channel's stricter profile on or off. */
  setShield(channelId: string, body: ShieldBody, { signal }: CallOptions = {}): Promise<Shield> {
    return this.#rest.request('PUT', channelPath(channelId, '/shield'), { body, signal });
  }
}
