/** The REST half of the wire contract. */
import type { MemberList, RoleBody } from '@hubbub/protocol/moderation.js';
import type {
  Channel,
  ChannelList,
  ChannelType,
  CreateChannelBody,
  Message,
  MessagePage,
  PostMessageBody,
  PresenceList,
  StatusBody,
  UpdateChannelBody,
} from '@hubbub/protocol/rest.js';
import { channelPath } from './paths.js';
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

export type HttpMethod = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

export interface RequestOptions extends CallOptions {
  /** Parameters of the URL; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** Sends one request under `/api/v1/chat`; its answer, if it is a successful one. */
export type Send = (method: HttpMethod, path: string, options: RequestOptions) => Promise<Response>;

/**
 * The routes of the server, with the client's token. Every method resolves to the body of the answer, and throws
 * HubbubClientError: a code of the server with its HTTP `status`, `details` and `retryAfterMs`, or `NETWORK`, `TIMEOUT` (no
 * answer within 15 s), `NO_TOKEN`. An aborted call throws the signal's reason.
 * A 401 is answered with a fresh token once. Nothing else is tried again.
 */
export class Rest {
  /** Any route, its answer as `fetch` gives it. */
  readonly send: Send;

  /** @internal */
  constructor(send: Send) {
    this.send = send;
  }

  /**
   * Any route, also one that this SDK has no method for; its body as JSON.
   *
   * @param path under `/api/v1/chat`, with a slash at its beginning
   */
  async request<T>(method: HttpMethod, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.send(method, path, options);
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
    return this.request('GET', channelPath(channelId), { signal });
  }

  /** Changes what `body` names (channel admins and up). */
  updateChannel(channelId: string, body: UpdateChannelBody, { signal }: CallOptions = {}): Promise<Channel> {
    return this.request('PATCH', channelPath(channelId), { body, signal });
  }

  deleteChannel(channelId: string, { signal }: CallOptions = {}): Promise<StatusBody> {
    return this.request('DELETE', channelPath(channelId), { signal });
  }

  /** Who is online, by name; large channels name the first 1,000 and count all. */
  listPresence(channelId: string, { signal }: CallOptions = {}): Promise<PresenceList> {
    return this.request('GET', channelPath(channelId, '/presence'), { signal });
  }

  // Messages

  /** A page of history, oldest first within it. */
  listMessages(channelId: string, { signal, ...query }: ListMessagesOptions = {}): Promise<MessagePage> {
    return this.request('GET', channelPath(channelId, '/messages'), { query, signal });
  }

  /** Sends a message without joining. With a `message_id` a repetition is answered, not stored twice. */
  postMessage(channelId: string, body: PostMessageBody, { signal }: CallOptions = {}): Promise<Message> {
    return this.request('POST', channelPath(channelId, '/messages'), { body, signal });
  }

  /** Deletes a message (its author, moderators). @param options.reason for the audit log */
  deleteMessage(
    messageId: string,
    { signal, ...body }: CallOptions & { readonly reason?: string } = {},
  ): Promise<StatusBody> {
    return this.request('DELETE', `/messages/${encodeURIComponent(messageId)}`, { body, signal });
  }

  // Members

  /** Members, by rank and name. */
  listMembers(channelId: string, { signal, ...query }: ListOptions = {}): Promise<MemberList> {
    return this.request('GET', channelPath(channelId, '/members'), { query, signal });
  }

  /** The user's own role in the channel. */
  getRole(channelId: string, { signal }: CallOptions = {}): Promise<RoleBody> {
    return this.request('GET', channelPath(channelId, '/role'), { signal });
  }
}
