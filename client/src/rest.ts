/** The REST half of the wire contract. */
import type {
  AddMemberBody,
  BanBody,
  BanCheck,
  BanResult,
  EraseBody,
  EraseResult,
  GivenRole,
  LogAction,
  LogPage,
  Member,
  MemberList,
  MuteResult,
  RestrictionList,
  RevokeTokenBody,
  RevokeTokensBody,
  RoleBody,
  SuspendBody,
  SuspendResult,
  TimeoutBody,
  TimeoutResult,
} from '@hubbub/protocol/moderation.js';
import type {
  Channel,
  ChannelList,
  ChannelType,
  CreateChannelBody,
  Health,
  Message,
  MessagePage,
  PostMessageBody,
  PresenceList,
  Stats,
  StatusBody,
  UpdateChannelBody,
} from '@hubbub/protocol/rest.js';
import type { CallOptions } from './types.js';

/** Part of a list. */
export interface ListOptions extends CallOptions {
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined;
  /** Entries left out at the beginning; default 0. */
  readonly offset?: number | undefined;
}

export interface ListChannelsOptions extends ListOptions {
  /** Part of the name, in any case. */
  readonly q?: string | undefined;
  readonly type?: ChannelType | undefined;
}

/** A page of history: the newest, or one that lies before or after a place or cursor (one of the three at most). */
export interface ListMessagesOptions extends CallOptions {
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined;
  readonly before_seq?: number | undefined;
  readonly after_seq?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Part of an audit log. */
export interface LogOptions extends CallOptions {
  /** From 1, the newest. */
  readonly page?: number | undefined;
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined;
  readonly action?: LogAction | undefined;
  /** Only what was done to this user. */
  readonly user_id?: string | undefined;
}

export type HttpMethod = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

export interface RequestOptions extends CallOptions {
  /** Parameters of the URL; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** Sends one request under `/api/v1/chat` and gives its successful answer. */
export type Send = (method: HttpMethod, path: string, options: RequestOptions) => Promise<Response>;

/**
 * The routes of the server, with the client's token. Every method resolves to the body of the answer, and throws
 * HubbubClientError: a code of the server with its HTTP `status`, `details` and `retryAfterMs`, or `NETWORK`, `TIMEOUT` (no
 * answer within 15 s), `NO_TOKEN`. An aborted call throws the signal's reason.
 * A 401 is answered with a fresh token once. Nothing else is tried again.
 */
export class Rest {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /**
   * Any route, also one that this SDK has no method for.
   *
   * @param path under `/api/v1/chat`, with a slash at its beginning
   */
  async request<T>(method: HttpMethod, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.#send(method, path, options);
    return (await response.json()) as T;
  }

  // Channels

  /** Active channels, newest first; private ones only for their members and site admins. */
  listChannels({ signal, ...query }: ListChannelsOptions = {}): Promise<ChannelList> {
    return this.request('GET', '/channels', { query, signal });
  }

  createChannel(body: CreateChannelBody, { signal }: CallOptions = {}): Promise<Channel> {
    return this.request('POST', '/channels', { body, signal });
  }

  getChannel(channelId: string, { signal }: CallOptions = {}): Promise<Channel> {
    return this.request('GET', channel(channelId), { signal });
  }

  /** Changes what `body` names (channel admins and up). */
  updateChannel(channelId: string, body: UpdateChannelBody, { signal }: CallOptions = {}): Promise<Channel> {
    return this.request('PATCH', channel(channelId), { body, signal });
  }

  deleteChannel(channelId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('DELETE', channel(channelId), { signal });
  }

  /** Who is online, by name; large channels name the first 1,000 and count all. */
  listPresence(channelId: string, { signal }: CallOptions = {}): Promise<PresenceList> {
    return this.request('GET', channel(channelId, '/presence'), { signal });
  }

  // Messages

  /** A page of history, oldest first within it. */
  listMessages(channelId: string, { signal, ...query }: ListMessagesOptions = {}): Promise<MessagePage> {
    return this.request('GET', channel(channelId, '/messages'), { query, signal });
  }

  /** Sends a message without joining. With a `message_id` a repetition is answered, not stored twice. */
  postMessage(channelId: string, body: PostMessageBody, { signal }: CallOptions = {}): Promise<Message> {
    return this.request('POST', channel(channelId, '/messages'), { body, signal });
  }

  /** Deletes a message (its author, moderators). @param options.reason for the audit log */
  deleteMessage(
    messageId: string,
    { signal, ...body }: CallOptions & { readonly reason?: string } = {},
  ): Promise<StatusBody> {
    return this.request('DELETE', `/messages/${encodeURIComponent(messageId)}`, { body, signal });
  }

  /** Deletes what a user wrote in the last minutes, 1,000 messages a call (moderators); `dry_run` only counts. */
  clearMessages(
    channelId: string,
    userId: string,
    body: { readonly since_minutes: number; readonly reason?: string; readonly dry_run?: boolean },
    { signal }: CallOptions = {},
  ): Promise<{ readonly status: 'deleted' | 'counted'; readonly count: number }> {
    return this.request('DELETE', `${channel(channelId, '/users', userId)}/messages`, { body, signal });
  }

  // Members

  /** Members, by rank and name. */
  listMembers(channelId: string, { signal, ...query }: ListOptions = {}): Promise<MemberList> {
    return this.request('GET', channel(channelId, '/members'), { query, signal });
  }

  /** The user's own role in the channel. */
  getRole(channelId: string, { signal }: CallOptions = {}): Promise<RoleBody> {
    return this.request('GET', channel(channelId, '/role'), { signal });
  }

  addMember(channelId: string, body: AddMemberBody, { signal }: CallOptions = {}): Promise<Member> {
    return this.request('POST', channel(channelId, '/members'), { body, signal });
  }

  changeRole(channelId: string, userId: string, role: GivenRole, { signal }: CallOptions = {}): Promise<Member> {
    return this.request('PATCH', channel(channelId, '/members', userId), { body: { role }, signal });
  }

  /** Removes a member, or oneself. */
  removeMember(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('DELETE', channel(channelId, '/members', userId), { signal });
  }

  /** Makes a member the owner; the owner until now becomes an admin. */
  transferOwnership(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('POST', channel(channelId, '/transfer'), { body: { user_id: userId }, signal });
  }

  // Moderation (moderators)

  /** Keeps a user out until it is lifted, or for `duration_minutes`. */
  ban(channelId: string, body: BanBody, { signal }: CallOptions = {}): Promise<BanResult> {
    return this.request('POST', channel(channelId, '/ban'), { body, signal });
  }

  /** Lifts a user's ban and timeout. */
  unban(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('DELETE', channel(channelId, '/ban', userId), { signal });
  }

  /** He reads on and cannot write. */
  mute(channelId: string, body: BanBody, { signal }: CallOptions = {}): Promise<MuteResult> {
    return this.request('POST', channel(channelId, '/mute'), { body, signal });
  }

  unmute(channelId: string, userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('DELETE', channel(channelId, '/mute', userId), { signal });
  }

  /** A ban that ends by itself after `duration_minutes`. */
  timeOut(channelId: string, body: TimeoutBody, { signal }: CallOptions = {}): Promise<TimeoutResult> {
    return this.request('POST', channel(channelId, '/timeout'), { body, signal });
  }

  /** Bans, timeouts and mutes in force, newest first. */
  listBans(channelId: string, { signal, ...query }: ListOptions = {}): Promise<RestrictionList> {
    return this.request('GET', channel(channelId, '/bans'), { query, signal });
  }

  /** Whether a user is banned or muted. @param options.user_id default: oneself, which anyone may ask */
  checkBan(
    channelId: string,
    { signal, ...query }: CallOptions & { readonly user_id?: string | undefined } = {},
  ): Promise<BanCheck> {
    return this.request('GET', channel(channelId, '/check-ban'), { query, signal });
  }

  /** The channel's audit log, newest first. */
  listLog(channelId: string, { signal, ...query }: LogOptions = {}): Promise<LogPage> {
    return this.request('GET', channel(channelId, '/moderation-log'), { query, signal });
  }

  /** The whole audit log, oldest first; to be read from the answer's `body` or `text()`. */
  exportLog(
    channelId: string,
    { signal, ...query }: CallOptions & { readonly format: 'csv' | 'ndjson' },
  ): Promise<Response> {
    return this.#send('GET', channel(channelId, '/moderation-log/export'), { query, signal });
  }

  // The whole site (site admins)

  suspendUser(userId: string, body: SuspendBody = {}, { signal }: CallOptions = {}): Promise<SuspendResult> {
    return this.request('POST', user(userId, '/suspend'), { body, signal });
  }

  restoreUser(userId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('DELETE', user(userId, '/suspend'), { signal });
  }

  /** Revokes all tokens of a user that were issued before a time. */
  revokeTokensOf(userId: string, body: RevokeTokensBody = {}, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('POST', user(userId, '/revoke-tokens'), { body, signal });
  }

  /** Revokes one token by its `jti`. */
  revokeToken(body: RevokeTokenBody, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('POST', '/tokens/revoke', { body, signal });
  }

  eraseUser(userId: string, body: EraseBody, { signal }: CallOptions = {}): Promise<EraseResult> {
    return this.request('POST', user(userId, '/erase'), { body, signal });
  }

  /** All that is kept of a user (users may ask for themselves), as NDJSON in the answer's `body`. */
  exportUser(userId: string, { signal }: CallOptions = {}): Promise<Response> {
    return this.#send('GET', user(userId, '/export'), { signal });
  }

  /** The site's own audit log, newest first. */
  listSiteLog({ signal, ...query }: LogOptions = {}): Promise<LogPage> {
    return this.request('GET', '/moderation-log', { query, signal });
  }

  /** The instance that answered, with its channels. */
  stats({ signal }: CallOptions = {}): Promise<Stats> {
    return this.request('GET', '/stats', { signal });
  }

  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.request('GET', '/health', { signal });
  }
}

function channel(channelId: string, rest = '', userId?: string): string {
  return `/channels/${encodeURIComponent(channelId)}${rest}${userId === undefined ? '' : `/${encodeURIComponent(userId)}`}`;
}

function user(userId: string, rest: string): string {
  return `/users/${encodeURIComponent(userId)}${rest}`;
}
