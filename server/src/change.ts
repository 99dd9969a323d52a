import type { MessageDeletedFrame, ModerationFrame } from '@hubbub/protocol/frames.js';
import type { LogAction, RestrictionKind } from '@hubbub/protocol/moderation.js';
import type { SiteRole } from '@hubbub/protocol/rest.js';
import { AUTO_MODERATOR } from './auto-moderation/actor.js';
import type { AccessNote } from './channel-hub.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import { type Action, assertMay, type Standing } from './permissions.js';
import { insertEvents } from './store/channels.js';
import type { Db, Queryable } from './store/db.js';
import { markDeleted } from './store/messages.js';
import { insertLogEntry } from './store/moderation-log.js';
import { lockChannel, type PersonRow, readPeople } from './store/people.js';
import { insertRestriction } from './store/restrictions.js';

/*
 * A change of one channel in its transaction, and the acts that more than one kind of change is made of.
 */

/** A change under way: the channel is locked, both people are read under the lock. */
export interface Change {
  readonly tx: Queryable;
  readonly channelId: string;
  readonly version: number;
  readonly at: Date;
  readonly actor: Standing;
  readonly target: Standing;
}

/** Who acts. */
export type Actor = Pick<Identity, 'userId' | 'role'>;

/** A note that has a `moderation` frame. */
export type ModerationNote = AccessNote & { readonly frame: ModerationFrame };

interface ChangeOrder {
  readonly channelId: string;
  /** The one it is done to. */
  readonly userId: string;
  readonly action: Action;
  /** Whether who may do what in the channel is going to change: its version is raised. */
  readonly raises: boolean;
}

/**
 * Runs `step` in a transaction with the channel locked and the rank of both people checked.
 *
 * @throws HubbubError `CHANNEL_NOT_FOUND`, `USER_NOT_FOUND`, `FORBIDDEN`, and what `step` throws: it is rolled back then
 */
export function changeChannel<T>(
  db: Db,
  identity: Actor,
  { channelId, userId, action, raises }: ChangeOrder,
  step: (change: Change) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    const locked = await lockChannel(tx, channelId, raises);
    if (locked === null) throw new HubbubError('CHANNEL_NOT_FOUND');
    const people = await readPeople(tx, channelId, [identity.userId, userId]);
    const actorRow = people.get(identity.userId);
    const targetRow = people.get(userId);
    const actor = standing(identity.userId, actorRow, identity.role);
    // Whether the other exists is told to those alone who might act on him.
    if (targetRow === undefined) {
      assertMay(action, actor);
      throw new HubbubError('USER_NOT_FOUND');
    }
    const target = standing(userId, targetRow, targetRow.site_role);
    assertMay(action, actor, target);
    return await step({ tx, channelId, version: locked.access_version, at: locked.at, actor, target });
  });
}

function standing(userId: string, row: PersonRow | undefined, siteRole: SiteRole): Standing {
  return { userId, role: row?.role ?? null, siteRole, isBanned: row?.is_banned ?? false };
}

/** Writes the change's row of the audit trail. */
export function logChange(
  { tx, channelId, actor, target, at }: Change,
  action: LogAction,
  reason: string | null,
  details: Record<string, unknown>,
): Promise<void> {
  const entry = { channelId, moderatorId: actor.userId, targetUserId: target.userId, action, reason, details, at };
  return insertLogEntry(tx, entry);
}

/** The note that tells the target's connections of a change. */
export function noteOf(
  { channelId, target, version, at }: Change,
  action: ModerationFrame['action'],
  reason: string | null,
  expiresAt: Date | null,
): ModerationNote {
  const expires_at = expiresAt?.toISOString() ?? null;
  const timestamp = at.toISOString();
  const frame: ModerationFrame = { type: 'moderation', channel_id: channelId, action, reason, expires_at, timestamp };
  return { userId: target.userId, version, frame };
}

const FRAME_ACTIONS = { ban: 'banned', timeout: 'timed_out', mute: 'muted' } as const;

/** What a restriction came to. */
export interface Restricted {
  readonly id: string;
  readonly expiresAt: Date | null;
  /** To be published once the change is committed. */
  readonly note: AccessNote;
}

/** Bans, times out or mutes the target, with its row of the trail. @param minutes null: until it is lifted */
export async function restrict(
  change: Change,
  kind: RestrictionKind,
  minutes: number | null,
  reason: string | null,
  details: Record<string, unknown> = {},
): Promise<Restricted> {
  const { tx, channelId, at, actor, target } = change;
  const expiresAt = minutes === null ? null : new Date(at.getTime() + minutes * 60_000);
  const moderatorId = actor.userId === AUTO_MODERATOR.userId ? null : actor.userId;
  const people = { userId: target.userId, moderatorId };
  const id = await insertRestriction(tx, { channelId, ...people, kind, reason, at, expiresAt });
  await logChange(change, kind, reason, { id, expires_at: expiresAt?.toISOString() ?? null, ...details });
  return { id, expiresAt, note: noteOf(change, FRAME_ACTIONS[kind], reason, expiresAt) };
}

/**
 * Empties messages and gives each deletion its place in the sequence. The transaction holds the lock of the channel.
 *
 * @returns the frames that tell of it, to be published once it is committed
 */
export async function deleteMessages(
  tx: Queryable,
  channelId: string,
  deletedBy: string,
  messages: readonly { readonly id: string; readonly seq: number }[],
): Promise<MessageDeletedFrame[]> {
  const { firstSeq, at } = await markDeleted(
    tx,
    channelId,
    messages.map(({ id }) => id),
  );
  const frames = messages.map(
    ({ id, seq }, index): MessageDeletedFrame => ({
      type: 'message_deleted',
      channel_id: channelId,
      message_id: id,
      message_seq: seq,
      seq: firstSeq + index,
      deleted_by: deletedBy,
      timestamp: at.toISOString(),
    }),
  );
  await insertEvents(tx, channelId, frames, at);
  return frames;
}
