import { randomUUID } from 'node:crypto';
import { parseClientFrame } from '@hubbub/protocol/codec.js';
import { CLOSES } from '@hubbub/protocol/codes.js';
import { normalizeContent } from '@hubbub/protocol/content.js';
import type {
  AuthCommand,
  ClientFrame,
  JoinCommand,
  LeaveCommand,
  MessageCommand,
  TypingCommand,
  TypingFrame,
} from '@hubbub/protocol/frames.js';
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import { MAX_CHANNELS_PER_CONNECTION } from '@hubbub/protocol/limits.js';
import type { ChannelRole, ChannelType } from '@hubbub/protocol/rest.js';
import type { Span } from '@opentelemetry/api';
import type { Admission } from './admission.js';
import type { Draft, Outcome, Screened, Screening } from './auto-moderation/screening.js';
import type { AccessNote, ChannelEvent, Position } from './channel-hub.js';
import type { Connection, ConnectionHandlers, Membership } from './connection.js';
import { asHubbubError, HubbubError } from './errors.js';
import { encodeTextFrames } from './frame.js';
import type { Hub } from './hub.js';
import type { Identity } from './identity.js';
import type { Limiter, Rate, RateDecision } from './limiter.js';
import type { Logger } from './log.js';
import { assertSlowMode, messageRateKey, rateLimited, takeSlowMode } from './message-rate.js';
import type { Metrics } from './metrics.js';
import { isStaff } from './permissions.js';
import type { Presence } from './presence.js';
import { messageText } from './recovery.js';
import { endSpan, failSpan, traceFields } from './span.js';
import type { StandingRow } from './store/people.js';
import type { Tracing } from './tracing.js';

interface CommandsOptions {
  readonly screening: Screening;
  readonly hub: Hub;
  readonly presence: Presence;
  readonly limiter: Limiter;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** Null: messages are not limited. */
  readonly messageRate: Rate | null;
  readonly messageMaxChars: number;
  readonly authenticate: (token: string) => Promise<Identity>;
  readonly admit: (identity: Identity, channelId: string) => Promise<Admission>;
  /** Tells the others in a channel, on all instances. */
  readonly announceTyping: (frame: TypingFrame) => void;
  readonly onClosed: (connection: Connection) => void;
}

/** What a client's frames do: one method a frame type. */
export class Commands implements ConnectionHandlers {
  readonly #options: CommandsOptions;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  onFrame(connection: Connection, text: string, atMs: number): Promise<void> | undefined {
    const frame = parseClientFrame(text);
    const { tracing } = this.#options;
    const span = tracing === null ? null : startCommand(tracing, connection, frame, atMs);
    if (typeof frame === 'string') {
      this.#refuse(connection, new HubbubError(frame), null, span);
      return undefined;
    }
    try {
      const work = this.#dispatch(connection, frame, atMs, span);
      const done = work?.catch((error) => this.#refuse(connection, error, frame, span));
      // What becomes of a message is known later than the frames behind it may go on.
      if (span !== null && frame.type !== 'message') void endAfter(span, done);
      return done;
    } catch (error) {
      this.#refuse(connection, error, frame, span);
      return undefined;
    }
  }

  /** Joins the channel that a connection was opened for; it is admitted already. */
  async enter(connection: Connection, admission: Admission, position: Position | null): Promise<void> {
    try {
      await this.#subscribe(connection, admission, position);
    } catch (error) {
      this.#refuse(connection, error, { type: 'join', channel_id: admission.access.id }, null);
      if (connection.onlyChannelId !== null) connection.close('INTERNAL');
    }
  }

  onEvent(connection: Connection, channelId: string, event: ChannelEvent): void {
    const membership = connection.memberships.get(channelId);
    if (membership !== undefined && event.channel !== undefined) {
      membership.slowModeSeconds = event.channel.slow_mode_seconds;
    }
    if (event.type === 'channel_deleted' || event.channel?.is_active === false) {
      this.#expel(connection, channelId, 'CHANNEL_CLOSED');
      return;
    }
    // At its place in the sequence: nothing that was said after it gets out.
    if (event.channel !== undefined && isHidden(event.channel.channel_type, membership?.role ?? null, connection)) {
      this.#expel(connection, channelId, 'BANNED');
    }
  }

  onAccess(connection: Connection, channelId: string, { frame, removed }: AccessNote): void {
    if (frame !== null) connection.send(frame);
    const membership = connection.memberships.get(channelId);
    const done = frame?.type === 'moderation' ? frame : null;
    if (membership !== undefined && done?.role !== undefined) membership.role = done.role;
    const banned = done?.action === 'banned' || done?.action === 'timed_out';
    if (banned || removed === true) this.#expel(connection, channelId, 'BANNED');
  }

  onStanding(
    connection: Connection,
    channelId: string,
    standing: StandingRow | null,
    channelType: 'public' | 'private',
  ): void {
    if (standing === null) {
      this.#expel(connection, channelId, 'CHANNEL_CLOSED');
      return;
    }
    const membership = connection.memberships.get(channelId);
    if (membership !== undefined) membership.role = standing.role;
    if (standing.is_banned || isHidden(channelType, standing.role, connection))
      this.#expel(connection, channelId, 'BANNED');
  }

  onEnded(connection: Connection): void {
    for (const channelId of [...connection.memberships.keys()]) this.#depart(connection, channelId);
  }

  onClosed(connection: Connection): void {
    this.#options.onClosed(connection);
  }

  onErrorSent(channelId: string | null, code: string): void {
    this.#options.metrics.channel(channelId).countError(code);
  }

  onSlow(connection: Connection): void {
    this.#options.metrics.slowConsumers.inc();
    this.#options.log.info({ user_id: connection.userId }, 'A connection was too slow and is closed');
  }

  #dispatch(connection: Connection, frame: ClientFrame, atMs: number, span: Span | null): Promise<void> | undefined {
    switch (frame.type) {
      case 'message':
        return this.#message(connection, frame, atMs, span);
      case 'typing':
        this.#typing(connection, frame);
        return undefined;
      case 'join':
        return this.#join(connection, frame);
      case 'leave':
        this.#leave(connection, frame);
        return undefined;
      case 'auth':
        return this.#auth(connection, frame);
      case 'ping':
        connection.send({ type: 'pong' });
        return undefined;
    }
  }

  #message(connection: Connection, frame: MessageCommand, atMs: number, span: Span | null): Promise<void> | undefined {
    const membership = targetOf(connection, frame.channel_id);
    this.#options.metrics.channel(membership.channelId).countMessages('message');
    const messageId = frame.message_id === undefined ? randomUUID() : canonicalUuid(frame.message_id);
    if (messageId === null) throw new HubbubError('INVALID_MESSAGE_ID');
    const result = normalizeContent(frame.content, this.#options.messageMaxChars);
    if (!result.ok) throw new HubbubError(result.code, result.message);
    const submit = () => this.#screen(connection, membership, messageId, result.content, frame, atMs, span);
    const admitted = this.#takeMessage(connection, membership);
    return admitted instanceof Promise ? admitted.then(submit) : submit();
  }

  /**
   * Takes the message from the user's rates: the site's, then the channel's slow mode.
   *
   * @returns a promise when the rates are held elsewhere
   * @throws HubbubError `RATE_LIMITED`, `SLOW_MODE` (from the promise, where there is one)
   */
  #takeMessage(connection: Connection, membership: Membership): Promise<void> | undefined {
    const { limiter, messageRate, metrics } = this.#options;
    const { userId } = connection;
    const slowMode = () => {
      if (membership.slowModeSeconds === 0 || isExempt(connection, membership)) return undefined;
      return settle(takeSlowMode(limiter, membership.channelId, userId, membership.slowModeSeconds), assertSlowMode);
    };
    if (messageRate === null) return slowMode();
    const assertRate = (decision: RateDecision) => {
      if (!decision.allowed) {
        metrics.channel(membership.channelId).rateLimitHits++;
        throw rateLimited(messageRate, decision);
      }
      return slowMode();
    };
    return settle(limiter.take(messageRateKey(userId), messageRate), assertRate);
  }

  /** Holds the message against the rules of its channel. */
  #screen(
    connection: Connection,
    membership: Membership,
    messageId: string,
    content: string,
    frame: MessageCommand,
    atMs: number,
    span: Span | null,
  ): Promise<void> | undefined {
    span?.setAttribute('hubbub.channel_id', membership.channelId);
    const { hub, screening } = this.#options;
    const { channelId } = membership;
    const { userId, authorJson } = connection;
    const exempt = isExempt(connection, membership);
    const deliveredSeq = hub.lastSeq(channelId);
    const draft: Draft = { channelId, messageId, userId, authorJson, content, atMs, deliveredSeq, span, exempt };
    return settle(screening.screen(draft), (screened) => this.#submit(connection, draft, screened, frame));
  }

  /**
   * Hands the message on. The frames behind one that passes need not wait for its commit; one that is stopped costs
   * statements of its own, so those behind it wait, and a flood of such messages is read no faster than it is dealt with.
   */
  #submit(connection: Connection, draft: Draft, screened: Screened, frame: MessageCommand): Promise<void> | undefined {
    const done = this.#options.screening
      .post(draft, screened)
      .then((outcome) => acknowledge(connection, draft, outcome))
      .catch((error) => this.#refuse(connection, error, frame, draft.span));
    return screened.hit === null ? undefined : done;
  }

  #typing(connection: Connection, frame: TypingCommand): void {
    const { channelId } = targetOf(connection, frame.channel_id);
    const { presence, metrics } = this.#options;
    metrics.channel(channelId).countMessages('typing');
    if (!presence.admitTyping(channelId, connection.userId)) return;
    this.#options.announceTyping({
      type: 'typing',
      channel_id: channelId,
      user_id: connection.userId,
      username: connection.identity.username,
      timestamp: new Date().toISOString(),
    });
  }

  async #join(connection: Connection, frame: JoinCommand): Promise<void> {
    const channelId = channelIdOf(frame.channel_id);
    if (connection.onlyChannelId !== null && connection.onlyChannelId !== channelId) {
      throw new HubbubError('INVALID_CHANNEL_ID');
    }
    // A second join is a resume in place: the client wants to be told again from where it stands.
    if (connection.memberships.has(channelId)) this.#depart(connection, channelId);
    if (connection.memberships.size >= MAX_CHANNELS_PER_CONNECTION) {
      throw new HubbubError(
        'TOO_MANY_CHANNELS',
        `At most ${MAX_CHANNELS_PER_CONNECTION} channels can be joined on one connection: leave some, or open another`,
      );
    }
    const admission = await this.#options.admit(connection.identity, channelId);
    const { last_seq: seq, epoch = null } = frame;
    await this.#subscribe(connection, admission, seq === undefined ? null : { seq, epoch });
  }

  #leave(connection: Connection, frame: LeaveCommand): void {
    const channelId = channelIdOf(frame.channel_id);
    if (connection.onlyChannelId !== null || !connection.memberships.has(channelId)) {
      throw new HubbubError('INVALID_CHANNEL_ID');
    }
    this.#depart(connection, channelId);
    connection.send({ type: 'left', channel_id: channelId });
  }

  async #auth(connection: Connection, frame: AuthCommand): Promise<void> {
    const identity = await this.#options.authenticate(frame.token);
    if (identity.userId !== connection.userId) {
      throw new HubbubError('UNAUTHORIZED', 'The fresh token must be of the same user');
    }
    connection.renew(identity);
    connection.send({ type: 'authenticated', expires_at: new Date(identity.expiresAtMs).toISOString() });
  }

  async #subscribe(connection: Connection, { access, online }: Admission, position: Position | null): Promise<void> {
    const { presence, hub } = this.#options;
    const channelId = access.id;
    if (connection.closed) {
      presence.leave(channelId, connection.userId);
      return;
    }
    connection.memberships.set(channelId, { channelId, role: access.role, slowModeSeconds: access.slow_mode_seconds });
    try {
      await hub.join(channelId, connection, position, { online, accessVersion: access.access_version });
    } catch (error) {
      this.#depart(connection, channelId);
      throw error;
    }
  }

  /** Takes a user out of a channel for a reason of the close table. */
  #expel(connection: Connection, channelId: string, reason: 'BANNED' | 'CHANNEL_CLOSED'): void {
    if (connection.onlyChannelId !== null) {
      connection.close(reason);
      return;
    }
    this.#depart(connection, channelId);
    connection.send({ type: 'left', channel_id: channelId, code: CLOSES[reason].code });
  }

  /** Undoes a join. Does nothing for a channel that is not joined. */
  #depart(connection: Connection, channelId: string): void {
    if (!connection.memberships.delete(channelId)) return;
    this.#options.hub.leave(channelId, connection);
    this.#options.presence.leave(channelId, connection.userId);
  }

  #refuse(connection: Connection, cause: unknown, frame: ClientFrame | null, span: Span | null): void {
    const error = asHubbubError(cause);
    failSpan(span, error);
    if (error.code === 'INTERNAL') {
      const line = { err: error.cause, user_id: connection.userId, ...traceFields(span) };
      this.#options.log.error(line, 'A command failed unexpectedly');
    }
    const shown = error.code === 'CONFLICT' ? new HubbubError('INVALID_MESSAGE_ID') : error;
    connection.sendError(shown, shownChannelId(connection, frame), shownMessageId(frame));
  }
}

/** Tells a sender what only he is told: that his message waits for review, or was stored before. */
function acknowledge(connection: Connection, { channelId, span }: Draft, outcome: Outcome): void {
  if (outcome.kind === 'held') {
    endSpan(span, 'held');
    const { messageId: message_id, rule, at } = outcome;
    connection.send({ type: 'message_held', channel_id: channelId, message_id, rule, timestamp: at.toISOString() });
    return;
  }
  const { earlier } = outcome.receipt;
  endSpan(span, earlier === null ? 'stored' : 'repeated');
  if (earlier !== null) connection.push(encodeTextFrames([messageText(earlier)]));
}

/** @param frame or the code by which it is refused */
function startCommand(
  tracing: Tracing,
  connection: Connection,
  frame: ClientFrame | string,
  atMs: number,
): Span | null {
  const type = typeof frame === 'string' ? 'invalid' : frame.type;
  return tracing.startCommand(type, { userId: connection.userId, upgrade: connection.trace, atMs });
}

/** Ends the span of a command when its work is done, unless that has failed and ended it. */
async function endAfter(span: Span, work: Promise<void> | undefined): Promise<void> {
  await work;
  endSpan(span);
}

/** Whether slow mode and the rules of the channel do not concern him: he is of its staff. */
function isExempt({ userId, identity }: Connection, { role }: Membership): boolean {
  return isStaff({ userId, role, siteRole: identity.role });
}

/** Whether a channel of this type is closed to the user. */
function isHidden(channelType: ChannelType, role: ChannelRole | null, { identity }: Connection): boolean {
  return channelType === 'private' && role === null && identity.role !== 'admin';
}

/** The joined channel that a frame speaks to: nobody writes where he has not joined. */
function targetOf(connection: Connection, channelId: string | undefined): Membership {
  const id = channelId === undefined ? connection.onlyChannelId : canonicalUuid(channelId);
  const membership = id === null ? undefined : connection.memberships.get(id);
  if (membership === undefined) throw new HubbubError('INVALID_CHANNEL_ID');
  return membership;
}

function channelIdOf(text: string): string {
  const channelId = canonicalUuid(text);
  if (channelId === null) throw new HubbubError('INVALID_CHANNEL_ID');
  return channelId;
}

/** Goes on with a value at once when it is there, and when it comes when it is not. */
function settle<T>(value: T | Promise<T>, next: (value: T) => Promise<void> | undefined): Promise<void> | undefined {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** The channel that an error is about, as far as the client may hear of it. */
function shownChannelId(connection: Connection, frame: ClientFrame | null): string | null {
  if (connection.onlyChannelId !== null) return connection.onlyChannelId;
  // Commands that have no such field may bear one all the same, of any type.
  const named: unknown = frame !== null && 'channel_id' in frame ? frame.channel_id : null;
  return typeof named === 'string' ? canonicalUuid(named) : null;
}

function shownMessageId(frame: ClientFrame | null): string | undefined {
  if (frame?.type !== 'message' || frame.message_id === undefined) return undefined;
  return frame.message_id.isWellFormed() ? frame.message_id.slice(0, 64).toWellFormed() : undefined;
}
