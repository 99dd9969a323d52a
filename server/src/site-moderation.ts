import type { LogAction } from '@hubbub/protocol/moderation.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { Moderation } from './moderation.js';
import { assertSiteAdmin } from './permissions.js';
import type { Db, Queryable } from './store/db.js';
import { insertLogEntry } from './store/moderation-log.js';
import { lockSite, restoreUser, revokeToken, revokeTokensOf, suspendUser } from './store/site.js';
import { emptyReportsOf, eraseUser, findUser, listChannelsOf } from './store/users.js';

interface SiteModerationOptions {
  readonly db: Db;
  readonly moderation: Moderation;
  /** Makes a change hold here and tells the other instances. */
  readonly onChanged: () => Promise<void>;
}

const A_YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** What site admins do to users: each action is one transaction with its row of the site's audit trail. */
export class SiteModeration {
  readonly #options: SiteModerationOptions;

  constructor(options: SiteModerationOptions) {
    this.#options = options;
  }

  /** @param minutes null: until he is restored. @throws HubbubError `FORBIDDEN`, `USER_NOT_FOUND` */
  async suspend(admin: Identity, userId: string, minutes: number | null, reason: string | null): Promise<Date | null> {
    return await this.#change(admin, userId, 'user_suspend', reason, async (tx, at) => {
      const until = minutes === null ? null : new Date(at.getTime() + minutes * 60_000);
      await suspendUser(tx, userId, at, until, reason);
      return { result: until, details: { expires_at: until?.toISOString() ?? null } };
    });
  }

  /** @throws HubbubError `CONFLICT` when he is not suspended, `FORBIDDEN`, `USER_NOT_FOUND` */
  async restore(admin: Identity, userId: string): Promise<void> {
    await this.#change(admin, userId, 'user_restore', null, async (tx) => {
      if (!(await restoreUser(tx, userId))) throw new HubbubError('CONFLICT', 'This user is not suspended');
      return { result: null, details: {} };
    });
  }

  /** Revokes one token. @param expiresAt when it would lapse by itself; null: it is remembered for a year */
  async revokeToken(
    admin: Identity,
    jti: string,
    userId: string | null,
    expiresAt: Date | null,
    reason: string | null,
  ): Promise<void> {
    await this.#change(admin, userId, 'token_revoke', reason, async (tx, at) => {
      const until = expiresAt ?? new Date(at.getTime() + A_YEAR_MS);
      await revokeToken(tx, { jti, userId, revokedBy: admin.userId, expiresAt: until });
      return { result: null, details: { jti } };
    });
  }

  /** Revokes all tokens of a user that were issued before a time. @param before null: now */
  async revokeTokensOf(admin: Identity, userId: string, before: Date | null, reason: string | null): Promise<void> {
    await this.#change(admin, userId, 'tokens_revoke', reason, async (tx, at) => {
      await revokeTokensOf(tx, userId, before ?? at);
      return { result: null, details: { before: (before ?? at).toISOString() } };
    });
  }

  /**
   * Erases who a user was: name, picture, memberships other than ownerships, presence; his tokens end.
   *
   * @param deleteMessages also empties everything he wrote; otherwise it stays, without his name
   * @returns how many messages were emptied
   */
  async erase(admin: Identity, userId: string, deleteMessages: boolean, reason: string | null): Promise<number> {
    await this.#change(admin, userId, 'user_erase', reason, async (tx, at) => {
      await eraseUser(tx, userId, at);
      await revokeTokensOf(tx, userId, at);
      return { result: null, details: { messages: deleteMessages ? 'delete' : 'anonymise' } };
    });
    let deleted = 0;
    // Channel by channel and part by part, so that no transaction holds a channel for long.
    if (deleteMessages) {
      for (const channelId of await listChannelsOf(this.#options.db, userId)) {
        for (let part = 1; part > 0; deleted += part)
          part = await this.#options.moderation.eraseMessages(channelId, userId);
      }
      // Last: what is empty cannot be reported any more.
      await emptyReportsOf(this.#options.db, userId);
    }
    return deleted;
  }

  async #change<T>(
    admin: Identity,
    userId: string | null,
    action: LogAction,
    reason: string | null,
    step: (tx: Queryable, at: Date) => Promise<{ result: T; details: Record<string, unknown> }>,
  ): Promise<T> {
    assertSiteAdmin(admin);
    if (userId === admin.userId) throw new HubbubError('FORBIDDEN', 'You cannot do this to yourself');
    const result = await this.#options.db.transaction(async (tx) => {
      const { at } = await lockSite(tx);
      if (userId !== null) {
        const user = await findUser(tx, userId);
        if (user === null) throw new HubbubError('USER_NOT_FOUND');
        if (user.role === 'admin') {
          throw new HubbubError('FORBIDDEN', 'You cannot do this to someone of equal or higher rank');
        }
      }
      const { result, details } = await step(tx, at);
      const entry = { channelId: null, moderatorId: admin.userId, targetUserId: userId, action, reason, details, at };
      await insertLogEntry(tx, entry);
      return result;
    });
    await this.#options.onChanged();
    return result;
  }
}
