/** WebSocket text frames: one JSON object each. The AsyncAPI description is made from these schemas. */
import Type, { type Static } from 'typebox';
import { DECISIONS, RULES } from './auto-moderation.js';
import { CHANNEL_ROLES, Channel } from './rest.js';
import { Nullable, OneOf, Seq, Timestamp, Uuid } from './schemas.js';

// What clients send. Ids are plain strings here: a malformed one has an error code of its own.

const ChannelId = Type.Optional(
  Type.String({ description: 'UUID of a joined channel; may be left out on a one-channel connection' }),
);

export const MessageCommand = Type.Object(
  {
    type: Type.Literal('message'),
    channel_id: ChannelId,
    content: Type.String(),
    message_id: Type.Optional(
      Type.String({
        description: 'UUID chosen by the client: makes a retry idempotent. Without it the server chooses',
      }),
    ),
  },
  { description: 'Sends a message; the `message` frame that comes back is its acknowledgement' },
);
export const TypingCommand = Type.Object(
  { type: Type.Literal('typing'), channel_id: ChannelId },
  { description: 'Tells the others that the user is typing; throttled, never stored' },
);
export const JoinCommand = Type.Object(
  {
    type: Type.Literal('join'),
    channel_id: Type.String(),
    last_seq: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Resume after this place' }),
    ),
    epoch: Type.Optional(
      Type.String({
        description:
          'The `epoch` of the `subscribed` frame under which `last_seq` was reached: places of another one are of other messages',
      }),
    ),
  },
  { description: 'Joins a channel (many-channel connections)' },
);
export const LeaveCommand = Type.Object(
  { type: Type.Literal('leave'), channel_id: Type.String() },
  { description: 'Leaves a channel (many-channel connections)' },
);
export const AuthCommand = Type.Object(
  { type: Type.Literal('auth'), token: Type.String() },
  { description: 'Renews the connection with a fresh token of the same user' },
);
export const PingCommand = Type.Object({ type: Type.Literal('ping') }, { description: 'Asks for a `pong`' });

export const CLIENT_FRAMES = {
  message: MessageCommand,
  typing: TypingCommand,
  join: JoinCommand,
  leave: LeaveCommand,
  auth: AuthCommand,
  ping: PingCommand,
} as const;

export type MessageCommand = Static<typeof MessageCommand>;
export type TypingCommand = Static<typeof TypingCommand>;
export type JoinCommand = Static<typeof JoinCommand>;
export type LeaveCommand = Static<typeof LeaveCommand>;
export type AuthCommand = Static<typeof AuthCommand>;
export type PingCommand = Static<typeof PingCommand>;
export type ClientFrame = MessageCommand | TypingCommand | JoinCommand | LeaveCommand | AuthCommand | PingCommand;

// What the server sends.

export const SubscribedFrame = Type.Object(
  {
    type: Type.Literal('subscribed'),
    channel_id: Uuid,
    seq: Seq,
    recovered: Type.Boolean({ description: 'True: everything after `last_seq` follows without a gap' }),
    oldest_seq: Type.Optional(Seq),
    epoch: Type.Optional(
      Type.String({
        description:
          'Names the life of the data: another one after a backup was restored, where `seq` begins anew. Absent before 0.2',
      }),
    ),
    online: Type.Integer({ minimum: 0 }),
  },
  { description: 'First after a join. The missed messages, or the newest page, follow; then live frames after `seq`' },
);
export const MessageFrame = Type.Object(
  {
    type: Type.Literal('message'),
    channel_id: Uuid,
    user_id: Uuid,
    username: Type.String(),
    display_name: Nullable(Type.String()),
    avatar_url: Nullable(Type.String()),
    content: Type.String(),
    message_id: Uuid,
    timestamp: Timestamp,
    seq: Seq,
    is_deleted: Type.Optional(Type.Boolean({ description: 'True in history: a deleted message, without content' })),
  },
  { description: 'A stored message, to everyone in the channel, the sender too' },
);
export const TypingFrame = Type.Object(
  {
    type: Type.Literal('typing'),
    channel_id: Uuid,
    user_id: Uuid,
    username: Type.String(),
    timestamp: Timestamp,
  },
  { description: 'Someone else is typing' },
);
export const PresenceFrame = Type.Object(
  {
    type: Type.Literal('presence'),
    channel_id: Uuid,
    user_id: Uuid,
    username: Type.String(),
    presence_type: OneOf(['joined', 'left']),
    timestamp: Timestamp,
  },
  { description: 'A user came (first connection anywhere) or went (last one gone for the grace time)' },
);
export const PresenceCountFrame = Type.Object(
  { type: Type.Literal('presence_count'), channel_id: Uuid, online: Type.Integer({ minimum: 0 }) },
  { description: 'Large channels: how many users are online, at most once a second, instead of `presence`' },
);
export const MessageDeletedFrame = Type.Object(
  {
    type: Type.Literal('message_deleted'),
    channel_id: Uuid,
    message_id: Uuid,
    message_seq: Seq,
    seq: Seq,
    deleted_by: Uuid,
    timestamp: Timestamp,
  },
  { description: 'A message was deleted; `message_seq` is its place, `seq` that of the deletion' },
);
export const ChannelUpdatedFrame = Type.Object(
  { type: Type.Literal('channel_updated'), channel_id: Uuid, channel: Channel, seq: Seq },
  { description: 'The channel was changed' },
);
export const ModerationFrame = Type.Object(
  {
    type: Type.Literal('moderation'),
    channel_id: Uuid,
    action: OneOf(['banned', 'muted', 'unmuted', 'timed_out', 'role_changed']),
    role: Type.Optional(Nullable(OneOf(CHANNEL_ROLES), 'The new role, where it was changed; null: none')),
    reason: Nullable(Type.String()),
    expires_at: Nullable(Timestamp),
    timestamp: Timestamp,
  },
  { description: 'To the user concerned: what was done to him' },
);
export const MessageHeldFrame = Type.Object(
  {
    type: Type.Literal('message_held'),
    channel_id: Uuid,
    message_id: Uuid,
    rule: OneOf(RULES, 'What it was held by'),
    timestamp: Timestamp,
  },
  {
    description:
      'Answers `message`: it waits for review and has no place yet. A repeated `message_id` is told the same',
  },
);
export const MessageReviewedFrame = Type.Object(
  {
    type: Type.Literal('message_reviewed'),
    channel_id: Uuid,
    message_id: Uuid,
    decision: OneOf(DECISIONS),
    reason: Nullable(Type.String()),
    timestamp: Timestamp,
  },
  { description: 'To the author of a held message: what was decided. An approved one has come as `message` before' },
);
export const ChannelDeletedFrame = Type.Object(
  { type: Type.Literal('channel_deleted'), channel_id: Uuid, seq: Seq, timestamp: Timestamp },
  { description: 'The channel was deleted; a one-channel connection is then closed with 4004' },
);
export const LeftFrame = Type.Object(
  {
    type: Type.Literal('left'),
    channel_id: Uuid,
    code: Type.Optional(Type.Integer({ description: 'Close code of the reason, when the server made the user leave' })),
  },
  { description: 'Answers `leave`, or says that a many-channel connection lost this channel' },
);
export const TokenExpiringFrame = Type.Object(
  { type: Type.Literal('token_expiring'), expires_at: Timestamp },
  { description: 'The token lapses in a minute: send `auth` with a fresh one' },
);
export const AuthenticatedFrame = Type.Object(
  { type: Type.Literal('authenticated'), expires_at: Timestamp },
  { description: 'Answers `auth`' },
);
export const DrainingFrame = Type.Object(
  { type: Type.Literal('draining'), retry_after_ms: Type.Integer({ minimum: 0 }) },
  { description: 'The instance goes away: come back after this wait' },
);
export const PongFrame = Type.Object({ type: Type.Literal('pong') }, { description: 'Answers `ping`' });
export const ErrorFrame = Type.Object(
  {
    type: Type.Literal('error'),
    channel_id: Nullable(Uuid),
    error: Type.String(),
    code: Type.String(),
    message_id: Type.Optional(Type.String()),
    retry_after_ms: Type.Optional(Type.Integer({ minimum: 0 })),
    timestamp: Timestamp,
  },
  { description: 'A command was refused; the connection stays open' },
);

export const SERVER_FRAMES = {
  subscribed: SubscribedFrame,
  message: MessageFrame,
  typing: TypingFrame,
  presence: PresenceFrame,
  presence_count: PresenceCountFrame,
  message_deleted: MessageDeletedFrame,
  channel_updated: ChannelUpdatedFrame,
  channel_deleted: ChannelDeletedFrame,
  moderation: ModerationFrame,
  message_held: MessageHeldFrame,
  message_reviewed: MessageReviewedFrame,
  left: LeftFrame,
  token_expiring: TokenExpiringFrame,
  authenticated: AuthenticatedFrame,
  draining: DrainingFrame,
  pong: PongFrame,
  error: ErrorFrame,
} as const;

export type SubscribedFrame = Static<typeof SubscribedFrame>;
export type MessageFrame = Static<typeof MessageFrame>;
export type TypingFrame = Static<typeof TypingFrame>;
export type PresenceFrame = Static<typeof PresenceFrame>;
export type PresenceCountFrame = Static<typeof PresenceCountFrame>;
export type MessageDeletedFrame = Static<typeof MessageDeletedFrame>;
export type ChannelUpdatedFrame = Static<typeof ChannelUpdatedFrame>;
export type ModerationFrame = Static<typeof ModerationFrame>;
export type MessageHeldFrame = Static<typeof MessageHeldFrame>;
export type MessageReviewedFrame = Static<typeof MessageReviewedFrame>;
export type ChannelDeletedFrame = Static<typeof ChannelDeletedFrame>;
export type LeftFrame = Static<typeof LeftFrame>;
export type TokenExpiringFrame = Static<typeof TokenExpiringFrame>;
export type AuthenticatedFrame = Static<typeof AuthenticatedFrame>;
export type DrainingFrame = Static<typeof DrainingFrame>;
export type PongFrame = Static<typeof PongFrame>;
export type ErrorFrame = Static<typeof ErrorFrame>;
export type ServerFrame =
  | SubscribedFrame
  | MessageFrame
  | TypingFrame
  | PresenceFrame
  | PresenceCountFrame
  | MessageDeletedFrame
  | ChannelUpdatedFrame
  | ChannelDeletedFrame
  | ModerationFrame
  | MessageHeldFrame
  | MessageReviewedFrame
  | LeftFrame
  | TokenExpiringFrame
  | AuthenticatedFrame
  | DrainingFrame
  | PongFrame
  | ErrorFrame;
