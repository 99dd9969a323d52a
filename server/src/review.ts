import type { Decision } from '@hubbub/protocol/auto-moderation.js';
import type { MessageReviewedFrame } from '@hubbub/protocol/frames.js';
import type { AccessNote } from './channel-hub.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import { assertMay } from './permissions.js';
import type { Db, Queryable } from './store/db.js';
import { decideHeld, findHeld, placeHeld } from './store/held.js';
import type { MessageRow } from './store/messages.js';
import { insertLogEntry } from './store/moderation-log.js';
import { lockChannel, readPeople, readStandings } from './store/people.js';

interface ReviewOptions {
  readonly db: Db;
  /** Publishes a message that has its place now. */
  readonly publishMessage: (message: MessageRow) => void;
  /** Tells the author, on all instances. */
  readonly publishAccess: (channelId: string, note: AccessNote) => void;
}

/**
 * What becomes of messages that wait for review. A decision is one transaction with its row of the audit trail and, when it
 * is to approve, with the message's place: so it is made once, whoever else decides at the same time.
 */
export class Review {
  readonly #options: ReviewOptions;

  constructor(options: ReviewOptions) {
    this.#options = options;
  }

  /**
   * @param reason its author is told
   * @returns the message with its place; null when it is rejected
   * @throws HubbubError `HELD_NOT_FOUND`; `CONFLICT` when it is decided already, or its author may not write any more;
   *     `CHANNEL_NOT_FOUND` when the channel is gone, or inactive and the message is to be approved; `FORBIDDEN`
   */
  async decide(
    identity: Identity,
    channelId: string,
    messageId: string,
    decision: Decision,
    reason: string | null,
  ): Promise<MessageRow | null> {
    const { db, publishMessage, publishAccess } = this.#options;
    const { message, note } = await db.transaction(async (tx) => {
      const locked = await lockChannel(tx, channelId, false);
      if (locked === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      const { access_version: version, at } = locked;
      const people = await readPeople(tx, channelId, [identity.userId]);
      const { role = null, is_banned: isBanned = false } = people.get(identity.userId) ?? {};
      const actor = { userId: identity.userId, role, siteRole: identity.role, isBanned };
      assertMay('review_message', actor);
      const held = await findHeld(tx, channelId, messageId);
      if (held === null) throw new HubbubError('HELD_NOT_FOUND');
      const { user_id: userId, content, rule } = held;
      assertMay('review_message', actor, { userId, role: null, siteRole: 'user' });
      if (held.decision !== null) {
        const done = held.decision === 'approve' ? 'approved' : 'rejected';
        throw new HubbubError('CONFLICT', `This message has been ${done} already`);
      }
      if (decision === 'approve') await assertMayBeShown(tx, channelId, userId, held.is_suspended);
      const message = decision === 'approve' ? await placeHeld(tx, channelId, messageId) : null;
      if (decision === 'approve' && message === null) throw new HubbubError('HELD_NOT_FOUND');
      await decideHeld(tx, messageId, decision, identity.userId, at);
      await insertLogEntry(tx, {
        channelId,
        moderatorId: identity.userId,
        targetUserId: userId,
        action: `held_${decision}`,
        reason,
        details: { id: messageId, rule, content, ...(message === null ? {} : { seq: message.seq }) },
        at,
      });
      const frame: MessageReviewedFrame = {
        type: 'message_reviewed',
        channel_id: channelId,
        message_id: messageId,
        decision,
        reason,
        timestamp: at.toISOString(),
      };
      return { message, note: { userId, version, frame } };
    });
    if (message !== null) publishMessage(message);
    publishAccess(channelId, note);
    return message;
  }
}

/** Whether an author's message may appear now. That the channel is read-only to him is for the moderator to decide. */
async function assertMayBeShown(tx: Queryable, channelId: string, userId: string, suspended: boolean): Promise<void> {
  const standings = await readStandings(tx, channelId, [userId]);
  if (standings === null) throw new HubbubError('CHANNEL_NOT_FOUND', 'This channel is not active');
  const author = standings.users.get(userId);
  const why = (what: string) =>
    new HubbubError('CONFLICT', `The author ${what}: lift that first, or reject the message`);
  if (suspended) throw why('is suspended');
  if (author?.is_banned !== false) throw why('is banned from this channel');
  if (author.is_muted) throw why('is muted in this channel');
  if (standings.channelType === 'private' && author.role === null && author.site_role !== 'admin') {
    throw new HubbubError(
      'CONFLICT',
      'The author is not a member of this private channel any more: reject the message',
    );
  }
}
