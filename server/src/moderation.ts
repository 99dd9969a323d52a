import type { MessageDeletedFrame, ModerationFrame } from '@hubbub/protocol/frames.js';
import type { GivenRole, LogAction, RestrictionKind } from '@hubbub/protocol/moderation.js';
import type { ChannelRole } from '@hubbub/protocol/rest.js';
import { AUTO_MODERATOR } from './auto-moderation/actor.js';
import type { AccessNote } from './channel-hub.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import { type Action, assertMay, type Standing } from './permissions.js';
import { insertEvent } from './store/channels.js';
import { type Db, type Queryable, SQLSTATE, sqlState } from './store/db.js';
import { discardHeldOf } from './store/held.js';
import { deleteMember, insertMember, type MemberRow, updateMemberRole } from './store/members.js';
import { findMessage, findRecentOf, markDeleted } from './store/messages.js';
import { insertLogEntry } from './store/moderation-log.js';
import { lockChannel, type PersonRow, readPeople } from './store/people.js';
import { findRestrictions, insertRestriction, liftRestrictions } from './store/restrictions.js';

interface ModerationOptions {
  readonly db: Db;
  /** Publishes a sequenced event that is committed. */
  readonly publishEvent: (channelId: string, seq: number, frame: object) => void;
  /** Tells all hubs of the channel. A lost note is noticed by the channel's version. */
  readonly publishAccess: (channelId: string, note: AccessNote) => void;
}

/** A change of who may do what, in its transaction: the channel is locked, both people are read under the lock. */
interface Change {
  readonly tx: Queryable;
  readonly version: number;
  readonly at: Date;
  readonly actor: Standing;
  readonly target: Standing;
  readonly targetRow: PersonRow;
}

export interface RestrictionOrder {
  readonly channelId: string;
  readonly userId: string;
  readonly kind: RestrictionKind;
  readonly reason: string | null;
  /** Null: until it is lifted. */
  readonly minutes: number | null;
}

/** Who acts. */
export type Actor = Pick<Identity, 'userId' | 'role'>;

const FRAME_ACTIONS = { ban: 'banned', timeout: 'timed_out', mute: 'muted' } as const;
const CLEAR_LIMIT = 1000;

/**
 * Everything that is done to members and messages. Each action is one transaction with its row of the audit log; roles
 * are read and compared under the lock of the channel, so two moderators at once never act on what was true a moment ago.
 */
export class Moderation {
  readonly #options: ModerationOptions;

  constructor(options: ModerationOptions) {
    this.#options = options;
  }

  /**
   * Bans, times out or mutes. An earlier one of the kind is replaced.
   *
   * @param about what the trail is to say of it besides
   * @throws HubbubError `FORBIDDEN`, `…_NOT_FOUND`
   */
  async restrict(
    actor: Actor,
    order: RestrictionOrder,
    about: Readonly<Record<string, unknown>> = {},
  ): Promise<{ id: string; expiresAt: Date | null }> {
    const { channelId, userId, kind, reason, minutes } = order;
    const { result, note } = await this.#change(actor, channelId, userId, 'moderate', async (change) => {
      const { tx, at } = change;
      const expiresAt = minutes === null ? null : new Date(at.getTime() + minutes * 60_000);
      const moderatorId = actor.userId === AUTO_MODERATOR.userId ? null : actor.userId;
      const id = await insertRestriction(tx, { channelId, userId, kind, reason, moderatorId, at, expiresAt });
      await log(change, channelId, kind, reason, { ...about, id, expires_at: expiresAt?.toISOString() ?? null });
      return { result: { id, expiresAt }, note: frameOf(change, channelId, FRAME_ACTIONS[kind], reason, expiresAt) };
    });
    this.#options.publishAccess(channelId, note);
    return result;
  }

  /** Lifts a user's bans and timeouts, or his mute. @throws HubbubError `BAN_NOT_FOUND`, `MUTE_NOT_FOUND`, `FORBIDDEN` */
  async lift(identity: Identity, channelId: string, userId: string, what: 'ban' | 'mute'): Promise<void> {
    const { note } = await this.#change(identity, channelId, userId, 'moderate', async (change) => {
      const kinds: RestrictionKind[] = what === 'mute' ? ['mute'] : ['ban', 'timeout'];
      const lifted = await liftRestrictions(change.tx, channelId, userId, kinds, identity.userId);
      if (lifted === 0) throw new HubbubError(what === 'mute' ? 'MUTE_NOT_FOUND' : 'BAN_NOT_FOUND');
      await log(change, channelId, what === 'mute' ? 'unmute' : 'unban', null, {});
      const note = what === 'mute' ? frameOf(change, channelId, 'unmuted', null, null) : silent(change);
      return { result: null, note };
    });
    this.#options.publishAccess(channelId, note);
  }

  /** @throws HubbubError `CONFLICT` when he is a member already or banned, `FORBIDDEN`, `…_NOT_FOUND` */
  async addMember(identity: Identity, channelId: string, userId: string, role: GivenRole): Promise<MemberRow> {
    const action = role === 'member' ? 'add_member' : 'add_staff';
    const { result, note } = await this.#change(identity, channelId, userId, action, async (change) => {
      const restrictions = await findRestrictions(change.tx, channelId, userId);
      if (restrictions.some(({ kind }) => kind !== 'mute')) {
        throw new HubbubError('CONFLICT', 'This user is banned from the channel: lift the ban first');
      }
      const result = await conflictAs('This user is a member already', () =>
        insertMember(change.tx, channelId, userId, role),
      );
      await log(change, channelId, 'member_add', null, { role });
      return { result, note: roleChanged(change, channelId, role) };
    });
    this.#options.publishAccess(channelId, note);
    return result;
  }

  /** @throws HubbubError `MEMBER_NOT_FOUND`, `FORBIDDEN` */
  async changeRole(identity: Identity, channelId: string, userId: string, role: GivenRole): Promise<MemberRow> {
    const { result, note } = await this.#change(identity, channelId, userId, 'change_role', async (change) => {
      const result = await updateMemberRole(change.tx, channelId, userId, role);
      if (result === null) throw new HubbubError('MEMBER_NOT_FOUND');
      await log(change, channelId, 'role_change', null, { from: change.target.role, to: role });
      return { result, note: roleChanged(change, channelId, role) };
    });
    this.#options.publishAccess(channelId, note);
    return result;
  }

  /** Removes a member, or oneself. The owner stays. @throws HubbubError `MEMBER_NOT_FOUND`, `FORBIDDEN` */
  async removeMember(identity: Identity, channelId: string, userId: string): Promise<void> {
    const { note } = await this.#change(identity, channelId, userId, 'remove_member', async (change) => {
      if (change.target.role === 'owner') {
        throw new HubbubError('FORBIDDEN', 'The owner stays: transfer the ownership first');
      }
      if (!(await deleteMember(change.tx, channelId, userId))) throw new HubbubError('MEMBER_NOT_FOUND');
      await log(change, channelId, 'member_remove', null, { role: change.target.role });
      return { result: null, note: { ...roleChanged(change, channelId, null), removed: true as const } };
    });
    this.#options.publishAccess(channelId, note);
  }

  /** Makes a member the owner; the owner until now becomes an admin. @throws HubbubError `MEMBER_NOT_FOUND`, `FORBIDDEN` */
  async transfer(identity: Identity, channelId: string, userId: string): Promise<void> {
    const { result, note } = await this.#change(identity, channelId, userId, 'transfer_ownership', async (change) => {
      if (change.target.role === null) throw new HubbubError('MEMBER_NOT_FOUND');
      if (change.target.role === 'owner') throw new HubbubError('CONFLICT', 'This user is the owner already');
      const [former] = await change.tx.query<{ user_id: string }>(
        `update channel_members set role = 'admin', updated_at = clock_timestamp()
         where channel_id = $1 and role = 'owner' returning user_id`,
        [channelId],
      );
      await updateMemberRole(change.tx, channelId, userId, 'owner');
      await log(change, channelId, 'ownership_transfer', null, { from: former?.user_id ?? null });
      return { result: former?.user_id ?? null, note: roleChanged(change, channelId, 'owner') };
    });
    this.#options.publishAccess(channelId, note);
    if (result !== null) {
      this.#options.publishAccess(channelId, { ...note, userId: result, frame: { ...note.frame, role: 'admin' } });
    }
  }

  /**
   * Deletes a message; a deleted one stays as it is.
   *
   * @throws HubbubError `MESSAGE_NOT_FOUND`, `FORBIDDEN`
   */
  async deleteMessage(identity: Identity, messageId: string, reason: string | null): Promise<void> {
    const found = await findMessage(this.#options.db, messageId);
    if (found === null) throw new HubbubError('MESSAGE_NOT_FOUND');
    const { channel_id: channelId, user_id: authorId } = found;
    const frames = await this.#change(identity, channelId, authorId, 'delete_message', async (change) => {
      // Under the lock: two who delete at once make one event and one row of the log.
      const message = await findMessage(change.tx, messageId);
      if (message === null || message.is_deleted) return [];
      const frames = await this.#deleteAll(change.tx, identity.userId, channelId, [message]);
      if (authorId !== identity.userId) {
        const { id, seq, content } = message;
        await log(change, channelId, 'message_delete', reason, { messages: [{ id, seq, content }] });
      }
      return frames;
    });
    for (const frame of frames) this.#options.publishEvent(channelId, frame.seq, frame);
  }

  /**
   * Clears a user's messages of the last minutes from a channel, as one action; a thousand at most.
   *
   * @param dryRun only counts
   * @returns how many messages it is about
   */
  async clearMessages(
    identity: Identity,
    channelId: string,
    userId: string,
    sinceMinutes: number,
    reason: string | null,
    dryRun: boolean,
  ): Promise<number> {
    const { count, frames } = await this.#change(identity, channelId, userId, 'delete_message', async (change) => {
      const since = new Date(change.at.getTime() - sinceMinutes * 60_000);
      const messages = await findRecentOf(change.tx, channelId, userId, since, CLEAR_LIMIT);
      if (dryRun || messages.length === 0) return { count: messages.length, frames: [] };
      const frames = await this.#deleteAll(change.tx, identity.userId, channelId, messages);
      await log(change, channelId, 'message_delete', reason, { since_minutes: sinceMinutes, messages });
      return { count: messages.length, frames };
    });
    for (const frame of frames) this.#options.publishEvent(channelId, frame.seq, frame);
    return count;
  }

  /**
   * Empties a part of what a user wrote in a channel, whoever asked for it having been checked; everyone connected is told.
   *
   * @returns how many messages were emptied; 0: none are left
   */
  async eraseMessages(channelId: string, userId: string): Promise<number> {
    const frames = await this.#options.db.transaction(async (tx) => {
      if ((await lockChannel(tx, channelId, false)) === null) return [];
      await discardHeldOf(tx, channelId, userId);
      const messages = await findRecentOf(tx, channelId, userId, new Date(0), CLEAR_LIMIT);
      return messages.length === 0 ? [] : await this.#deleteAll(tx, userId, channelId, messages);
    });
    for (const frame of frames) this.#options.publishEvent(channelId, frame.seq, frame);
    return frames.length;
  }

  async #deleteAll(
    tx: Queryable,
    deletedBy: string,
    channelId: string,
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
    for (const frame of frames) await insertEvent(tx, channelId, frame.seq, frame.type, frame, at);
    return frames;
  }

  /** Runs `step` with the channel locked and the rank of both people checked. */
  #change<T>(
    identity: Actor,
    channelId: string,
    userId: string,
    action: Action,
    step: (change: Change) => Promise<T>,
  ): Promise<T> {
    return this.#options.db.transaction(async (tx) => {
      const locked = await lockChannel(tx, channelId, action !== 'delete_message');
      if (locked === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      const people = await readPeople(tx, channelId, [identity.userId, userId]);
      const actorRow = people.get(identity.userId);
      const targetRow = people.get(userId);
      const actor = { userId: identity.userId, role: actorRow?.role ?? null, siteRole: identity.role };
      // Whether the other exists is told to those alone who might act on him.
      if (targetRow === undefined) {
        assertMay(action, actor);
        throw new HubbubError('USER_NOT_FOUND');
      }
      const target = { userId, role: targetRow.role, siteRole: targetRow.site_role };
      assertMay(action, actor, target);
      return await step({ tx, version: locked.access_version, at: locked.at, actor, target, targetRow });
    });
  }
}

function log(
  { tx, actor, target, at }: Change,
  channelId: string,
  action: LogAction,
  reason: string | null,
  details: Record<string, unknown>,
): Promise<void> {
  const entry = { channelId, moderatorId: actor.userId, targetUserId: target.userId, action, reason, details, at };
  return insertLogEntry(tx, entry);
}

type ModerationNote = AccessNote & { readonly frame: ModerationFrame };

function frameOf(
  { target, version, at }: Change,
  channelId: string,
  action: ModerationFrame['action'],
  reason: string | null,
  expiresAt: Date | null,
): ModerationNote {
  const expires_at = expiresAt?.toISOString() ?? null;
  const timestamp = at.toISOString();
  const frame: ModerationFrame = { type: 'moderation', channel_id: channelId, action, reason, expires_at, timestamp };
  return { userId: target.userId, version, frame };
}

function roleChanged(change: Change, channelId: string, role: ChannelRole | null): ModerationNote {
  const note = frameOf(change, channelId, 'role_changed', null, null);
  return { ...note, frame: { ...note.frame, role } };
}

function silent({ target, version }: Change): AccessNote {
  return { userId: target.userId, version, frame: null };
}

async function conflictAs<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (sqlState(error) === SQLSTATE.uniqueViolation) throw new HubbubError('CONFLICT', message);
    throw error;
  }
}
