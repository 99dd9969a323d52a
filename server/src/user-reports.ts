import { randomUUID } from 'node:crypto';
import type { MessageDeletedFrame } from '@hubbub/protocol/frames.js';
import type { ReportAction } from '@hubbub/protocol/reports.js';
import { type Change, changeChannel, deleteMessages, logChange, restrict } from './change.js';
import type { AccessNote } from './channel-hub.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import { assertMay } from './permissions.js';
import type { Db } from './store/db.js';
import { findMessage } from './store/messages.js';
import { findOpenReport, findReport, insertReport, type ReportRow, resolveReports } from './store/reports.js';

interface UserReportsOptions {
  readonly db: Db;
  /** Publishes a sequenced event that is committed. */
  readonly publishEvent: (channelId: string, seq: number, frame: object) => void;
  /** Tells all hubs of the channel. */
  readonly publishAccess: (channelId: string, note: AccessNote) => void;
}

/** What a moderator decides on a report. */
export interface Verdict {
  readonly action: ReportAction;
  /** Kept with the report, and the reason of the action. */
  readonly note: string | null;
  /** For restrictions; null: until it is lifted. */
  readonly minutes: number | null;
}

/** What a verdict came to. */
interface Outcome {
  /** Reports that it resolved: all open ones of the message. */
  readonly resolved: number;
  readonly expiresAt: Date | null;
}

interface Act {
  readonly expiresAt: Date | null;
  readonly note: AccessNote | null;
  readonly frames: readonly MessageDeletedFrame[];
}

/** Users report messages to the moderators, who decide on each message once. */
export class UserReports {
  readonly #options: UserReportsOptions;

  constructor(options: UserReportsOptions) {
    this.#options = options;
  }

  /**
   * Reports a message, with its content as it is now. A user has one open report a message: a repeat gets the first.
   *
   * @returns `isNew` false for a repeat
   * @throws HubbubError `MESSAGE_NOT_FOUND`; `CONFLICT` for a deleted one; `FORBIDDEN` for one's own
   */
  async file(identity: Identity, messageId: string, reason: string): Promise<{ report: ReportRow; isNew: boolean }> {
    const { db } = this.#options;
    const found = await findMessage(db, messageId);
    if (found === null) throw new HubbubError('MESSAGE_NOT_FOUND');
    const { channel_id: channelId, user_id: authorId } = found;
    const order = { channelId, userId: authorId, action: 'report_message', raises: false } as const;
    return await changeChannel(db, identity, order, async ({ tx, at }) => {
      const reporterId = identity.userId;
      const earlier = await findOpenReport(tx, messageId, reporterId);
      if (earlier !== null) return { report: earlier, isNew: false };
      // Under the lock: what it says now, and whether it says anything.
      const message = await findMessage(tx, messageId);
      if (message === null) throw new HubbubError('MESSAGE_NOT_FOUND');
      if (message.is_deleted) throw new HubbubError('CONFLICT', 'This message is deleted already');
      const { content, seq: messageSeq } = message;
      const reported = { channelId, messageId, messageSeq, authorId, content };
      await insertReport(tx, { id: randomUUID(), ...reported, reporterId, reason, at });
      const report = await findOpenReport(tx, messageId, reporterId);
      if (report === null) throw new Error('UserReports.file: the inserted report cannot be read');
      return { report, isNew: true };
    });
  }

  /**
   * Decides on a report, and with it on all open reports of the same message: the act, its row of the audit trail and
   * the reports are one transaction. Of two moderators at once one is first.
   *
   * @throws HubbubError `REPORT_NOT_FOUND`; `CONFLICT` when it is resolved already; `FORBIDDEN` for those who are not of
   *     higher rank than the author
   */
  async resolve(identity: Identity, channelId: string, reportId: string, verdict: Verdict): Promise<Outcome> {
    const { db, publishAccess, publishEvent } = this.#options;
    const found = await findReport(db, channelId, reportId);
    if (found === null) throw new HubbubError('REPORT_NOT_FOUND');
    const raises = verdict.action !== 'dismiss' && verdict.action !== 'delete_message';
    const order = { channelId, userId: found.author_id, action: 'resolve_report', raises } as const;
    const { act, resolved } = await changeChannel(db, identity, order, async (change) => {
      const report = await findReport(change.tx, channelId, reportId);
      if (report === null) throw new HubbubError('REPORT_NOT_FOUND');
      if (report.resolved_at !== null) throw new HubbubError('CONFLICT', 'This report is resolved already');
      const { action, note } = verdict;
      const { message_id, message_seq: seq, content } = report;
      const ids = await resolveReports(change.tx, message_id, { at: change.at, by: identity.userId, action, note });
      await logChange(change, 'report_resolve', note, {
        action,
        reports: ids,
        message: { id: message_id, seq, content },
      });
      return { act: await this.#act(change, report, verdict), resolved: ids.length };
    });
    if (act.note !== null) publishAccess(channelId, act.note);
    for (const frame of act.frames) publishEvent(channelId, frame.seq, frame);
    return { resolved, expiresAt: act.expiresAt };
  }

  async #act(change: Change, report: ReportRow, { action, note, minutes }: Verdict): Promise<Act> {
    const nothing: Act = { expiresAt: null, note: null, frames: [] };
    if (action === 'dismiss') return nothing;
    const details = { report_id: report.id };
    if (action !== 'delete_message') {
      assertMay('moderate', change.actor, change.target);
      const restricted = await restrict(change, action, minutes, note, details);
      return { ...nothing, expiresAt: restricted.expiresAt, note: restricted.note };
    }
    assertMay('delete_message', change.actor, change.target);
    const { tx, channelId, actor } = change;
    const message = await findMessage(tx, report.message_id);
    // Its author, another moderator, or its age was faster.
    if (message === null || message.is_deleted) return nothing;
    const { id, seq, content } = message;
    await logChange(change, 'message_delete', note, { messages: [{ id, seq, content }], ...details });
    return { ...nothing, frames: await deleteMessages(tx, channelId, actor.userId, [message]) };
  }
}
