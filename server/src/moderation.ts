import type { MessageReviewedFrame } from '@hubbub/protocol/frames.js';
import type { GivenRole, RestrictionKind } from '@hubbub/protocol/moderation.js';
import type { ChannelRole } from '@hubbub/protocol/rest.js';
import {
  type Actor,
  type Change,
  changeChannel,
  deleteMessages,
  logChange,
  type ModerationNote,
  noteOf,
  restrict,
} from './change.js';
import type { AccessNote } from './channel-hub.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { Action } from './permissions.js';
import { type Db, SQLSTATE, sqlState } from './store/db.js';
import { findHeldOf, rejectHeld } from './store/held.js';
import { deleteMember, demoteOwner, insertMember, type MemberRow, updateMemberRole } from './store/members.js';
import { findMessage, findRecentOf } from './store/messages.js';
import { lockChannel } from './store/people.js';
import { findRestrictions, liftRestrictions } from './store/restrictions.js';

interface ModerationOptions {
  readonly db: Db;
  /** Publishes a sequenced event that is committed. */
  readonly publishEvent: (channelId: string, seq: number, frame: object) => void;
  /** Tells all hubs of the channel. A lost note is noticed by the channel's version. */
  readonly publishAccess: (channelId: string, note: AccessNote) => void;
}

export interface RestrictionOrder {
  readonly channelId: string;
  readonly userId: string;
  readonly kind: RestrictionKind;
  readonly reason: string | null;
  /** Null: until it is lifted. */
  readonly minutes: number | null;
}

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
    const { id, expiresAt, note } = await this.#change(actor, channelId, userId, 'moderate', (change) =>
      restrict(change, kind, minutes, reason, about),
    );
    this.#options.publishAccess(channelId, note);
    return { id, expiresAt };
  }

  /** Lifts a user's bans and timeouts, or his mute. @throws HubbubError `BAN_NOT_FOUND`, `MUTE_NOT_FOUND`, `FORBIDDEN` */
  async lift(identity: Identity, channelId: string, userId: string, what: 'ban' | 'mute'): Promise<void> {
    const { note } = await this.#change(identity, channelId, userId, 'moderate', async (change) => {
      const kinds: RestrictionKind[] = what === 'mute' ? ['mute'] : ['ban', 'timeout'];
      const lifted = await liftRestrictions(change.tx, channelId, userId, kinds, identity.userId);
      if (lifted === 0) throw new HubbubError(what === 'mute' ? 'MUTE_NOT_FOUND' : 'BAN_NOT_FOUND');
      await logChange(change, what === 'mute' ? 'unmute' : 'unban', null, {});
      const note = what === 'mute' ? noteOf(change, 'unmuted', null, null) : silent(change);
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
      await logChange(change, 'member_add', null, { role });
      return { result, note: roleChanged(change, role) };
    });
    this.#options.publishAccess(channelId, note);
    return result;
  }

  /** @throws HubbubError `MEMBER_NOT_FOUND`, `FORBIDDEN` */
  async changeRole(identity: Identity, channelId: string, userId: string, role: GivenRole): Promise<MemberRow> {
    const { result, note } = await this.#change(identity, channelId, userId, 'change_role', async (change) => {
      const result = await updateMemberRole(change.tx, channelId, userId, role);
      if (result === null) throw new HubbubError('MEMBER_NOT_FOUND');
      await logChange(change, 'role_change', null, { from: change.target.role, to: role });
      return { result, note: roleChanged(change, role) };
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
      await logChange(change, 'member_remove', null, { role: change.target.role });
      return { result: null, note: { ...roleChanged(change, null), removed: true as const } };
    });
    this.#options.publishAccess(channelId, note);
  }

  /** Makes a member the owner; the owner until now becomes an admin. @throws HubbubError `MEMBER_NOT_FOUND`, `FORBIDDEN` */
  async transfer(identity: Identity, channelId: string, userId: string): Promise<void> {
    const { result, note } = await this.#change(identity, channelId, userId, 'transfer_ownership', async (change) => {
      if (change.target.role === null) throw new HubbubError('MEMBER_NOT_FOUND');
      if (change.target.role === 'owner') throw new HubbubError('CONFLICT', 'This user is the owner already');
      const former = await demoteOwner(change.tx, channelId);
      await updateMemberRole(change.tx, channelId, userId, 'owner');
      await logChange(change, 'ownership_transfer', null, { from: former });
      return { result: former, note: roleChanged(change, 'owner') };
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
      const frames = await deleteMessages(change.tx, channelId, identity.userId, [message]);
      if (authorId !== identity.userId) {
        const { id, seq, content } = message;
        await logChange(change, 'message_delete', reason, { messages: [{ id, seq, content }] });
      }
      return frames;
    });
    for (const frame of frames) this.#options.publishEvent(channelId, frame.seq, frame);
  }

  /**
   * Clears a user's messages of the last minutes from a channel, as one action; a thousand at most. Those that wait for
   * review are among them: they are rejected, and he is told as of any other decision.
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
    const { count, frames, notes } = await this.#change(
      identity,
      channelId,
      userId,
      'delete_message',
      async (change) => {
        const { tx, at } = change;
        const since = new Date(at.getTime() - sinceMinutes * 60_000);
        const held = await findHeldOf(tx, channelId, userId, since);
        const messages = await findRecentOf(tx, channelId, userId, since, CLEAR_LIMIT - held.length);
        const count = messages.length + held.length;
        if (dryRun || count === 0) return { count, frames: [], notes: [] };
        const ids = held.map(({ id }) => id);
        if (held.length > 0) await rejectHeld(tx, ids, identity.userId, at);
        const frames = messages.length === 0 ? [] : await deleteMessages(tx, channelId, identity.userId, messages);
        const details = { since_minutes: sinceMinutes, messages, ...(held.length === 0 ? {} : { held }) };
        await logChange(change, 'message_delete', reason, details);
        return { count, frames, notes: ids.map((id) => rejectedNote(change, id, reason)) };
      },
    );
    for (const frame of frames) this.#options.publishEvent(channelId, frame.seq, frame);
    for (const note of notes) this.#options.publishAccess(channelId, note);
    return count;
  }

  /**
   * Empties a part of what a user wrote in a channel, whoever asked for it having been checked; everyone connected is told.
   *
   * @returns how many messages were emptied, with those that waited for review; 0: none are left
   */
  async eraseMessages(channelId: string, userId: string): Promise<number> {
    const { frames, held } = await this.#options.db.transaction(async (tx) => {
      const locked = await lockChannel(tx, channelId, false);
      if (locked === null) return { frames: [], held: [] };
      const beginning = new Date(0);
      const held = await findHeldOf(tx, channelId, userId, beginning);
      if (held.length > 0) {
        const ids = held.map(({ id }) => id);
        await rejectHeld(tx, ids, null, locked.at);
      }
      const messages = await findRecentOf(tx, channelId, userId, beginning, CLEAR_LIMIT);
      return { frames: messages.length === 0 ? [] : await deleteMessages(tx, channelId, userId, messages), held };
    });
    for (const frame of frames) this.#options.publishEvent(channelId, frame.seq, frame);
    return frames.length + held.length;
  }

  /** {@link changeChannel}; all but a deletion changes who may do what. */
  #change<T>(
    identity: Actor,
    channelId: string,
    userId: string,
    action: Action,
    step: (change: Change) => Promise<T>,
  ): Promise<T> {
    const raises = action !== 'delete_message';
    return changeChannel(this.#options.db, identity, { channelId, userId, action, raises }, step);
  }
}

function roleChanged(change: Change, role: ChannelRole | null): ModerationNote {
  const note = noteOf(change, 'role_changed', null, null);
  return { ...note, frame: { ...note.frame, role } };
}

/** Tells an author that what he wrote was rejected. */
function rejectedNote(
  { channelId, target, version, at }: Change,
  messageId: string,
  reason: string | null,
): AccessNote {
  const frame: MessageReviewedFrame = {
    type: 'message_reviewed',
    channel_id: channelId,
    message_id: messageId,
    decision: 'reject',
    reason,
    timestamp: at.toISOString(),
  };
  return { userId: target.userId, version, frame };
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
