/** Bodies of the member and moderation routes. */
import Type, { type Static } from 'typebox';
import { MAX_DELETE_REASON_CHARS, MAX_REASON_CHARS, MAX_RESTRICTION_MINUTES, MAX_TIMEOUT_MINUTES } from './limits.js';
import { CHANNEL_ROLES } from './rest.js';
import { Nullable, OneOf, Timestamp, Uuid } from './schemas.js';

const closed = { additionalProperties: false } as const;

export const STAFF_ROLES = ['admin', 'moderator'] as const;
/** Roles that can be given; the owner's is transferred. */
export const GIVEN_ROLES = ['member', 'moderator', 'admin'] as const;
export type GivenRole = (typeof GIVEN_ROLES)[number];

/** An id in any spelling; a malformed one is answered with a sentence of its own. */
const UserId = Type.String({ description: "The user's UUID, in any spelling" });
const Reason = Type.String({ maxLength: MAX_REASON_CHARS });
const Minutes = Type.Integer({ minimum: 1, maximum: MAX_RESTRICTION_MINUTES });

export const Member = Type.Object(
  {
    channel_id: Uuid,
    user_id: Uuid,
    username: Type.String(),
    display_name: Nullable(Type.String()),
    avatar_url: Nullable(Type.String()),
    role: OneOf(CHANNEL_ROLES),
    created_at: Timestamp,
  },
  { ...closed, title: 'Member' },
);
export type Member = Static<typeof Member>;

export const MemberList = Type.Object(
  {
    members: Type.Array(Member, { description: 'By rank, then by name' }),
    total: Type.Integer({ minimum: 0 }),
    limit: Type.Integer(),
    offset: Type.Integer(),
  },
  { ...closed, title: 'MemberList' },
);
export type MemberList = Static<typeof MemberList>;

export const AddMemberBody = Type.Object({ user_id: UserId, role: Type.Optional(OneOf(GIVEN_ROLES)) }, closed);
export type AddMemberBody = Static<typeof AddMemberBody>;
export const ChangeRoleBody = Type.Object({ role: OneOf(GIVEN_ROLES) }, closed);
export type ChangeRoleBody = Static<typeof ChangeRoleBody>;
export const TransferBody = Type.Object({ user_id: UserId }, closed);
export type TransferBody = Static<typeof TransferBody>;
export const RoleBody = Type.Object(
  { role: Nullable(OneOf(CHANNEL_ROLES), 'Null: not a member') },
  { ...closed, title: 'Role' },
);
export type RoleBody = Static<typeof RoleBody>;

export const BanBody = Type.Object(
  {
    user_id: UserId,
    reason: Type.Optional(Reason),
    duration_minutes: Type.Optional(Nullable(Minutes, 'Absent or null: until it is lifted')),
  },
  closed,
);
export type BanBody = Static<typeof BanBody>;
export const TimeoutBody = Type.Object(
  {
    user_id: UserId,
    reason: Type.Optional(Reason),
    duration_minutes: Type.Integer({ minimum: 1, maximum: MAX_TIMEOUT_MINUTES }),
  },
  closed,
);
export type TimeoutBody = Static<typeof TimeoutBody>;
export const DeleteMessageBody = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: MAX_DELETE_REASON_CHARS })) },
  closed,
);
export type DeleteMessageBody = Static<typeof DeleteMessageBody>;

const ExpiresAt = Nullable(Timestamp, 'Null: until it is lifted');
export const BanResult = Type.Object({ status: Type.Literal('banned'), ban_id: Uuid, expires_at: ExpiresAt }, closed);
export type BanResult = Static<typeof BanResult>;
export const MuteResult = Type.Object({ status: Type.Literal('muted'), mute_id: Uuid, expires_at: ExpiresAt }, closed);
export type MuteResult = Static<typeof MuteResult>;
export const TimeoutResult = Type.Object(
  { status: Type.Literal('timed_out'), timeout_id: Uuid, expires_at: Timestamp },
  closed,
);
export type TimeoutResult = Static<typeof TimeoutResult>;

export const RESTRICTION_KINDS = ['ban', 'timeout', 'mute'] as const;
export type RestrictionKind = (typeof RESTRICTION_KINDS)[number];

export const Restriction = Type.Object(
  {
    id: Uuid,
    kind: OneOf(RESTRICTION_KINDS),
    user_id: Uuid,
    username: Type.String(),
    reason: Nullable(Type.String()),
    moderator_id: Nullable(Uuid),
    created_at: Timestamp,
    expires_at: ExpiresAt,
  },
  { ...closed, title: 'Restriction' },
);
export type Restriction = Static<typeof Restriction>;

export const RestrictionList = Type.Object(
  {
    bans: Type.Array(Restriction, { description: 'In force now, newest first' }),
    total: Type.Integer({ minimum: 0 }),
    limit: Type.Integer(),
    offset: Type.Integer(),
  },
  { ...closed, title: 'RestrictionList' },
);
export type RestrictionList = Static<typeof RestrictionList>;

export const BanCheck = Type.Object(
  {
    is_banned: Type.Boolean(),
    is_muted: Type.Boolean(),
    ban_id: Type.Optional(Uuid),
    expires_at: Type.Optional(ExpiresAt),
    reason: Type.Optional(Nullable(Type.String())),
  },
  { ...closed, title: 'BanCheck' },
);
export type BanCheck = Static<typeof BanCheck>;

export const SuspendBody = Type.Object(
  { reason: Type.Optional(Reason), duration_minutes: Type.Optional(Nullable(Minutes)) },
  closed,
);
export type SuspendBody = Static<typeof SuspendBody>;
export const SuspendResult = Type.Object({ status: Type.Literal('suspended'), expires_at: ExpiresAt }, closed);
export type SuspendResult = Static<typeof SuspendResult>;
export const RevokeTokensBody = Type.Object(
  {
    before: Type.Optional(
      Type.String({ format: 'date-time', description: 'Tokens issued before this; now, when absent' }),
    ),
    reason: Type.Optional(Reason),
  },
  closed,
);
export type RevokeTokensBody = Static<typeof RevokeTokensBody>;
export const RevokeTokenBody = Type.Object(
  {
    jti: Type.String({ minLength: 1, maxLength: 255 }),
    user_id: Type.Optional(UserId),
    expires_at: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'When the token lapses by itself; absent: remembered for a year',
      }),
    ),
    reason: Type.Optional(Reason),
  },
  closed,
);
export type RevokeTokenBody = Static<typeof RevokeTokenBody>;
export const EraseBody = Type.Object(
  { messages: OneOf(['anonymise', 'delete'], 'What becomes of what he wrote'), reason: Type.Optional(Reason) },
  closed,
);
export type EraseBody = Static<typeof EraseBody>;
export const EraseResult = Type.Object(
  { status: Type.Literal('erased'), messages_deleted: Type.Integer({ minimum: 0 }) },
  closed,
);
export type EraseResult = Static<typeof EraseResult>;

/** Every action that the audit log knows. */
export const LOG_ACTIONS = [
  'ban',
  'unban',
  'mute',
  'unmute',
  'timeout',
  'message_delete',
  'auto_moderation',
  'held_approve',
  'held_reject',
  'shield',
  'report_resolve',
  'member_add',
  'member_remove',
  'role_change',
  'ownership_transfer',
  'channel_update',
  'channel_delete',
  'user_suspend',
  'user_restore',
  'token_revoke',
  'tokens_revoke',
  'user_erase',
] as const;
export type LogAction = (typeof LOG_ACTIONS)[number];

export const LogEntry = Type.Object(
  {
    id: Type.Integer(),
    channel_id: Nullable(Uuid, 'Null: the whole site'),
    moderator_id: Type.String({ ...Uuid, description: 'All zeros: done by the rules of auto-moderation' }),
    moderator_username: Nullable(Type.String()),
    target_user_id: Nullable(Uuid),
    target_username: Nullable(Type.String()),
    action: OneOf(LOG_ACTIONS),
    reason: Nullable(Type.String()),
    details: Type.Record(Type.String(), Type.Unknown(), { description: 'What the action was about' }),
    created_at: Timestamp,
    hash: Type.String({ description: 'SHA-256 over this entry and the hash of the one before it, in hex' }),
  },
  { ...closed, title: 'LogEntry' },
);
export type LogEntry = Static<typeof LogEntry>;

export const LogPage = Type.Object(
  {
    logs: Type.Array(LogEntry, { description: 'Newest first' }),
    total: Type.Integer({ minimum: 0 }),
    page: Type.Integer(),
    limit: Type.Integer(),
  },
  { ...closed, title: 'LogPage' },
);
export type LogPage = Static<typeof LogPage>;
