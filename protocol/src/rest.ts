/** Bodies of the REST contract: one schema gives the type, the validation and the API description. */
import Type, { type Static } from 'typebox';
import { UpdateAutoModeration } from './auto-moderation.js';
import {
  MAX_CHANNEL_DESCRIPTION_CHARS,
  MAX_CHANNEL_NAME_CHARS,
  MAX_RETENTION_DAYS,
  MAX_SLOW_MODE_SECONDS,
} from './limits.js';
import { Nullable, OneOf, POSTING_MODES, Seq, Timestamp, Uuid } from './schemas.js';

const closed = { additionalProperties: false } as const;

export const CHANNEL_TYPES = ['public', 'private'] as const;
export const CHANNEL_ROLES = ['owner', 'admin', 'moderator', 'member'] as const;
export const SITE_ROLES = ['user', 'moderator', 'admin'] as const;
export const PRESENCE_STATUSES = ['online', 'offline', 'typing'] as const;

export type ChannelType = (typeof CHANNEL_TYPES)[number];
export type ChannelRole = (typeof CHANNEL_ROLES)[number];
export type PostingMode = (typeof POSTING_MODES)[number];
export type SiteRole = (typeof SITE_ROLES)[number];
export type PresenceStatus = (typeof PRESENCE_STATUSES)[number];

export const ErrorBody = Type.Object(
  {
    error: Type.String({ description: 'A sentence for people' }),
    code: Type.String({ description: 'UPPER_SNAKE code for programs', examples: ['INVALID_REQUEST'] }),
    details: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }, closed))),
  },
  { ...closed, title: 'Error' },
);
export type ErrorBody = Static<typeof ErrorBody>;

export const Channel = Type.Object(
  {
    id: Uuid,
    name: Type.String(),
    description: Nullable(Type.String()),
    creator_id: Uuid,
    channel_type: OneOf(CHANNEL_TYPES),
    is_active: Type.Boolean(),
    max_participants: Nullable(Type.Integer(), 'Distinct users that may be connected at a time; null: no bound'),
    slow_mode_seconds: Type.Integer({
      description: 'Wait between two messages of a user, the shield counted in; 0: none. Staff is exempt',
    }),
    posting: OneOf(POSTING_MODES, 'Who may write, the shield counted in'),
    shield: Type.Boolean({ description: 'A stricter profile is on' }),
    retention_days: Nullable(
      Type.Integer(),
      'Days after which messages are removed here, unless the server removes them earlier; null: as the server does',
    ),
    created_at: Timestamp,
    updated_at: Timestamp,
    last_seq: Seq,
    online_count: Type.Integer({ minimum: 0, description: 'Distinct users connected now, on all instances' }),
  },
  { ...closed, title: 'Channel' },
);
export type Channel = Static<typeof Channel>;

const ChannelName = Type.String({ minLength: 1, maxLength: MAX_CHANNEL_NAME_CHARS, examples: ['general'] });
const ChannelDescription = Nullable(Type.String({ maxLength: MAX_CHANNEL_DESCRIPTION_CHARS }));
const MaxParticipants = Nullable(Type.Integer({ minimum: 2, maximum: 1_000_000 }));

export const CreateChannelBody = Type.Object(
  {
    name: ChannelName,
    description: Type.Optional(ChannelDescription),
    channel_type: Type.Optional(OneOf(CHANNEL_TYPES)),
    max_participants: Type.Optional(MaxParticipants),
  },
  closed,
);
export type CreateChannelBody = Static<typeof CreateChannelBody>;

export const UpdateChannelBody = Type.Object(
  {
    name: Type.Optional(ChannelName),
    description: Type.Optional(ChannelDescription),
    channel_type: Type.Optional(
      OneOf(CHANNEL_TYPES, 'Made private, a channel is at once closed to all who are no members, who are cut off'),
    ),
    is_active: Type.Optional(Type.Boolean()),
    max_participants: Type.Optional(MaxParticipants),
    slow_mode_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_SLOW_MODE_SECONDS })),
    posting: Type.Optional(OneOf(POSTING_MODES)),
    retention_days: Type.Optional(
      Nullable(
        Type.Integer({ minimum: 1, maximum: MAX_RETENTION_DAYS }),
        "For its owner and site admins. At most the server's, which null takes. What is older is removed for good",
      ),
    ),
    auto_moderation: Type.Optional(Nullable(UpdateAutoModeration, 'Null switches all rules off')),
  },
  { ...closed, minProperties: 1 },
);
export type UpdateChannelBody = Static<typeof UpdateChannelBody>;

export const ChannelList = Type.Object(
  {
    channels: Type.Array(Channel),
    total: Type.Integer({ minimum: 0 }),
    limit: Type.Integer(),
    offset: Type.Integer(),
  },
  { ...closed, title: 'ChannelList' },
);
export type ChannelList = Static<typeof ChannelList>;

export const Message = Type.Object(
  {
    id: Uuid,
    channel_id: Uuid,
    user_id: Uuid,
    username: Type.String(),
    display_name: Nullable(Type.String()),
    avatar_url: Nullable(Type.String()),
    content: Type.String({ description: 'Empty once the message is deleted' }),
    seq: Seq,
    is_deleted: Type.Boolean(),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { ...closed, title: 'Message' },
);
export type Message = Static<typeof Message>;

export const PostMessageBody = Type.Object(
  {
    content: Type.String({ description: 'The text; its bounds are those of a `message` frame' }),
    message_id: Type.Optional(
      Type.String({
        description: 'UUID chosen by the client: a retry with the same one is answered, not stored twice',
      }),
    ),
  },
  closed,
);
export type PostMessageBody = Static<typeof PostMessageBody>;

export const MessagePage = Type.Object(
  {
    messages: Type.Array(Message, { description: 'Oldest first' }),
    cursor: Nullable(Type.String(), 'Names the page before this one; null at the end'),
    limit: Type.Integer(),
  },
  { ...closed, title: 'MessagePage' },
);
export type MessagePage = Static<typeof MessagePage>;

/** The answer of an action that has nothing to tell but that it was done. */
export function StatusBody<const T extends string>(status: T) {
  return Type.Object({ status: Type.Literal(status) }, closed);
}
export type StatusBody<T extends string = string> = Static<ReturnType<typeof StatusBody<T>>>;

export const PresenceEntry = Type.Object(
  {
    user_id: Uuid,
    username: Type.String(),
    status: OneOf(PRESENCE_STATUSES),
    last_seen: Timestamp,
  },
  closed,
);
export type PresenceEntry = Static<typeof PresenceEntry>;

export const PresenceList = Type.Object(
  { online: Type.Array(PresenceEntry), count: Type.Integer({ minimum: 0 }) },
  { ...closed, title: 'PresenceList' },
);
export type PresenceList = Static<typeof PresenceList>;

export const Health = Type.Object(
  {
    status: OneOf(['ok', 'degraded', 'draining']),
    total_connections: Type.Integer({ minimum: 0, description: 'Open connections of this instance' }),
    active_channels: Type.Integer({ minimum: 0, description: 'Channels with a member connected to this instance' }),
    timestamp: Timestamp,
  },
  { ...closed, title: 'Health' },
);
export type Health = Static<typeof Health>;

export const Stats = Type.Object(
  {
    ...Health.properties,
    instance_id: Type.String(),
    uptime_seconds: Type.Number(),
    latency_seconds: Type.Object(
      {
        bounds: Type.Array(Type.Number(), { description: 'Upper bounds of the buckets, in seconds' }),
        counts: Type.Array(Type.Integer({ minimum: 0 }), {
          description: 'Messages in each bucket alone; one more than bounds, for what is past them all',
        }),
      },
      {
        ...closed,
        description:
          'Messages since the start, by the time from their receipt at this instance to the write to its sockets. The difference of two answers gives rates and percentiles',
      },
    ),
    workers: Type.Array(Type.Object({ pid: Type.Integer(), connections: Type.Integer() }, closed), {
      description: 'Processes of this instance',
    }),
    channels: Type.Array(
      Type.Object(
        {
          channel_id: Uuid,
          connections: Type.Integer({ description: 'Connections of this instance' }),
          online: Type.Integer({ description: 'Distinct users on all instances' }),
          last_seq: Seq,
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'Stats' },
);
export type Stats = Static<typeof Stats>;

export const DevTokenBody = Type.Object(
  {
    username: Type.String({ minLength: 1, maxLength: 64, pattern: '\\S', examples: ['ada'] }),
    role: Type.Optional(OneOf(SITE_ROLES)),
  },
  closed,
);
export type DevTokenBody = Static<typeof DevTokenBody>;

export const DevToken = Type.Object(
  { token: Type.String(), user_id: Uuid, expires_at: Timestamp },
  { ...closed, title: 'DevToken' },
);
export type DevToken = Static<typeof DevToken>;
