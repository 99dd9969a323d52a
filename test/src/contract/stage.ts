/** What the contract tests stand on: Hubbub in both of its forms, with users and channels for the asking. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { after, afterEach, before, describe } from 'node:test';
import type { ErrorFrame, MessageFrame, ServerFrame } from '@hubbub/protocol/frames.js';
import type { Channel, Message, MessagePage } from '@hubbub/protocol/rest.js';
import pg from 'pg';
import { ChatClient, type ConnectOptions } from '../support/chat-client.js';
import type { HubbubProcess, LogLine } from '../support/hubbub.js';
import { PAIR_KINDS, type Pair, type PairKind, type PairOptions, startPair } from '../support/pair.js';
import { type Api, api } from '../support/rest.js';
import { type Claims, subjectOf } from '../support/tokens.js';
import { UpgradeRefused } from '../support/upgrade.js';

export const V1 = '/api/v1/chat';
/** An origin that is allowed by default, and one that is not. */
export const ALLOWED_ORIGIN = 'http://localhost:5173';
export const FOREIGN_ORIGIN = 'https://evil.example';
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const RFC3339_MS_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Level of errors in the log. */
const ERROR_LEVEL = 50;

type OpenOptions = Omit<ConnectOptions, 'url' | 'path' | 'token'> & {
  /** Instance to connect to. Default: the user's own. */
  readonly at?: number;
  /** Null: no token is sent. */
  readonly token?: string | null;
};

/** Someone who uses Hubbub, by habit on one of its instances. */
export class User {
  readonly name: string;
  readonly id: string;
  readonly token: string;
  /** Number of his instance. */
  readonly at: number;
  readonly #stage: Stage;

  constructor(stage: Stage, name: string, token: string, at: number) {
    this.#stage = stage;
    this.name = name;
    this.token = token;
    this.id = subjectOf(token);
    this.at = at;
  }

  /** REST as this user. @param at instance; default: his own */
  api(at = this.at): Api {
    return api(this.#stage.instance(at).url, this.token);
  }

  /** A WebSocket as this user; closed after the test. */
  open(path: string, options: OpenOptions = {}): Promise<ChatClient> {
    const { at = this.at, token = this.token, ...rest } = options;
    return this.#stage.open({ url: this.#stage.instance(at).url, path, ...(token === null ? {} : { token }), ...rest });
  }

  /** A one-channel WebSocket that is joined, its `subscribed` frame taken. */
  async join(channelId: string, options: OpenOptions = {}): Promise<ChatClient> {
    const client = await this.open(`${V1}/channels/${channelId}/ws`, options);
    await client.next('subscribed');
    return client;
  }
}

/** One kind of pair, running. */
export class Stage {
  readonly kind: PairKind;
  readonly #options: PairOptions;
  #pair: Pair | null = null;
  #database: pg.Pool | null = null;
  #clients: ChatClient[] = [];
  #users = 0;

  constructor(kind: PairKind, options: PairOptions) {
    this.kind = kind;
    this.#options = options;
  }

  get pair(): Pair {
    if (this.#pair === null) throw new Error('The pair is not started');
    return this.#pair;
  }

  /** Whether there is a database that {@link sql} reaches. */
  get hasSql(): boolean {
    return this.kind === 'cluster';
  }

  async start(): Promise<void> {
    this.#pair = await startPair(this.kind, this.#options);
  }

  async closeClients(): Promise<void> {
    const clients = this.#clients;
    this.#clients = [];
    await Promise.all(clients.map((client) => client.close()));
  }

  /** @throws when an instance had ended, logged an error, or does not stop in good order */
  async stop(): Promise<void> {
    await this.#database?.end();
    const pair = this.#pair;
    if (pair === null) return;
    await pair.stop();
    for (const { logs } of pair.instances) {
      const errors = logs.filter(isError).map((line) => JSON.stringify(line).slice(0, 500));
      assert.deepEqual(errors, [], 'errors were logged');
    }
  }

  instance(index: number): HubbubProcess {
    return this.pair.at(index);
  }

  /** A new user; users spread over the instances in turn. */
  async user(claims: Claims = {}, at = this.#users): Promise<User> {
    const name = `${this.kind}-user-${++this.#users}`;
    return new User(this, name, await this.pair.token(name, claims), at);
  }

  users(count: number): Promise<User[]> {
    return Promise.all(Array.from({ length: count }, () => this.user()));
  }

  /** A new channel. @param owner default: a new user, since each may make ten a minute */
  async channel(body: object = {}, owner?: User): Promise<{ channel: Channel; owner: User }> {
    const creator = owner ?? (await this.user());
    const path = `${V1}/channels`;
    const answer = await creator.api().post<Channel>(path, { name: 'a channel', ...body }, { expect: 201 });
    return { channel: answer.body, owner: creator };
  }

  async open(options: ConnectOptions): Promise<ChatClient> {
    const client = await ChatClient.connect(options);
    this.#clients.push(client);
    return client;
  }

  /** Runs SQL in the database of a cluster. */
  async sql<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    this.#database ??= new pg.Pool({ connectionString: this.pair.env.DATABASE_URL, max: 2 });
    return (await this.#database.query<T>(text, [...values])).rows;
  }

  /** Makes the user a member, by SQL. */
  async addMember(channelId: string, user: User, role: 'admin' | 'moderator' | 'member'): Promise<void> {
    await this.#ensureUser(user);
    await this.sql('insert into channel_members (channel_id, user_id, role) values ($1, $2, $3)', [
      channelId,
      user.id,
      role,
    ]);
  }

  /** Bans or mutes the user, by SQL. @param expiresAt null: until it is lifted */
  async punish(table: 'chat_bans' | 'chat_mutes', channelId: string, user: User, expiresAt: Date | null = null) {
    await this.#ensureUser(user);
    await this.sql(
      `insert into ${table} (id, channel_id, user_id, expires_at) values (gen_random_uuid(), $1, $2, $3)`,
      [channelId, user.id, expiresAt],
    );
  }

  async #ensureUser(user: User): Promise<void> {
    await this.sql('insert into users (id, username) values ($1, $2) on conflict do nothing', [user.id, user.name]);
  }
}

/** Defines the same tests for each kind of pair. */
export function forEachPair(options: PairOptions, define: (stage: Stage) => void): void {
  for (const kind of PAIR_KINDS) {
    describe(kind, () => {
      const stage = new Stage(kind, options);
      before(() => stage.start());
      afterEach(() => stage.closeClients());
      after(() => stage.stop());
      define(stage);
    });
  }
}

function isError(line: LogLine): boolean {
  return typeof line.level === 'number' && line.level >= ERROR_LEVEL;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers | IncomingHttpHeaders;
}

/** The value of a response header; undefined when it is absent. */
export function headerOf({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = headers instanceof Headers ? (headers.get(name) ?? undefined) : headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Asserts that an answer is the error of the contract: status, code, shape, and sentence where one is given. */
export function assertRefused(answer: Answer, status: number, code: string, sentence?: string | RegExp): void {
  const shown = `${answer.status} ${JSON.stringify(answer.body)}`;
  assert.equal(answer.status, status, shown);
  const { body } = answer;
  assert.ok(typeof body === 'object' && body !== null && 'code' in body && 'error' in body, shown);
  assert.equal(body.code, code, shown);
  assert.ok(typeof body.error === 'string' && body.error !== '', shown);
  if (typeof sentence === 'string') assert.equal(body.error, sentence);
  else if (sentence !== undefined) assert.match(body.error, sentence);
  for (const key of Object.keys(body)) assert.ok(['error', 'code', 'details'].includes(key), shown);
  if ('details' in body) {
    assert.ok(Array.isArray(body.details), shown);
    for (const detail of body.details) assert.deepEqual(Object.keys(detail).sort(), ['field', 'message'], shown);
  }
  assert.ok(headerOf(answer, 'x-request-id'), `without x-request-id: ${shown}`);
}

/** Asserts that an upgrade is refused so. */
export async function assertUpgradeRefused(
  connecting: Promise<ChatClient>,
  status: number,
  code: string,
  sentence?: string | RegExp,
): Promise<void> {
  const error = await connecting.then(
    () => new Error('The upgrade was let through'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof UpgradeRefused)) throw error;
  assertRefused(error, status, code, sentence);
}

/** Takes the next error frame and asserts its code, and its sentence where one is given. */
export async function nextError(client: ChatClient, code: string, sentence?: string): Promise<ErrorFrame> {
  const frame = await client.next('error');
  assert.equal(frame.code, code, JSON.stringify(frame));
  if (sentence !== undefined) assert.equal(frame.error, sentence);
  return frame;
}

/** Takes message frames until there are `count`. */
export async function nextMessages(client: ChatClient, count: number, timeoutMs = 15_000): Promise<MessageFrame[]> {
  const messages: MessageFrame[] = [];
  while (messages.length < count) messages.push(await client.next('message', timeoutMs));
  return messages;
}

/** Settles when the server has carried out all that the client sent before. Other frames stay untaken. */
export async function settled(client: ChatClient): Promise<void> {
  client.send({ type: 'ping' });
  await client.next('pong');
}

/** Posts messages one after the other. */
export async function post(user: User, channelId: string, contents: readonly string[]): Promise<Message[]> {
  const messages: Message[] = [];
  for (const content of contents) {
    const path = `${V1}/channels/${channelId}/messages`;
    messages.push((await user.api().post<Message>(path, { content }, { expect: 201 })).body);
  }
  return messages;
}

/** A page of history. @param query as in `limit=5&before_seq=7` */
export async function history(user: User, channelId: string, query = ''): Promise<MessagePage> {
  const path = `${V1}/channels/${channelId}/messages?${query}`;
  return (await user.api().get<MessagePage>(path, { expect: 200 })).body;
}

/** Whole numbers from `from` to `to`, both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

export function seqs(frames: readonly { readonly seq: number }[]): number[] {
  return frames.map(({ seq }) => seq);
}

/** Whether a frame is a message with this content. */
export function isMessage(content: string): (frame: ServerFrame) => frame is MessageFrame {
  return (frame): frame is MessageFrame => frame.type === 'message' && frame.content === content;
}
