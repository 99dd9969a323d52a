import type { RuleName } from '@hubbub/protocol/auto-moderation.js';
import { MAX_HELD_MESSAGES, MAX_HELD_MESSAGES_OF_USER } from '@hubbub/protocol/limits.js';
import { HubbubError } from '../errors.js';
import type { Journal } from '../journal.js';
import type { Limiter } from '../limiter.js';
import type { Metrics } from '../metrics.js';
import type { Moderation } from '../moderation.js';
import { isStaff } from '../permissions.js';
import { refusalOf } from '../rights.js';
import type { Db } from '../store/db.js';
import { insertHeld, lockForHolding } from '../store/held.js';
import { findMessages, hasPlace, type KnownMessageRow } from '../store/messages.js';
import { readStandings } from '../store/people.js';
import { HeldAlready, type Receipt, StalePolicy, type Submission } from '../submission.js';
import { AUTO_MODERATOR } from './actor.js';
import type { HitLog } from './hit-log.js';
import type { Policies } from './policies.js';
import { gistOf, type Hit, type Policy } from './policy.js';

/** A message that its author may write, as far as is known; it came over WebSocket or REST. */
export interface Draft extends Omit<Submission, 'policyVersion'> {
  /** Staff is not subject to the rules. */
  readonly exempt: boolean;
}

/** What the rules say to a draft. */
export interface Screened {
  /** Version of the rules; null: they do not concern its author. */
  readonly policyVersion: number | null;
  /** Null: nothing stops it. */
  readonly hit: Hit | null;
}

/** A message that waits for review. */
export interface HeldOutcome {
  readonly kind: 'held';
  readonly messageId: string;
  readonly rule: RuleName;
  readonly at: Date;
}

/** What became of a draft. */
export type Outcome = { readonly kind: 'stored'; readonly receipt: Receipt } | HeldOutcome;

interface ScreeningOptions {
  readonly db: Db;
  readonly journal: Journal;
  readonly policies: Policies;
  readonly limiter: Limiter;
  readonly moderation: Moderation;
  readonly hits: HitLog;
  readonly metrics: Metrics;
}

/** Changes of the rules in a row under which a message is looked at again before its sender is told to retry. */
const MAX_CHANGES = 5;
const EXEMPT: Screened = { policyVersion: null, hit: null };

const SENTENCES: Readonly<Record<RuleName, string>> = {
  words: 'This message has a word or phrase that is not allowed in this channel',
  links: 'This message has a link that is not allowed in this channel',
  repeated_characters: 'This message repeats a character too often',
  capitals: 'This message has too many capital letters',
  repeated_messages: 'You have sent this message too often',
  mentions: 'This message mentions too many people',
  shield: 'This channel takes no messages at the moment',
};

/**
 * The one place where messages meet the rules of their channel: behind the rates, before the journal.
 *
 * Rules are remembered with their version. The journal stores a message only under the version that the channel has then,
 * and whatever else is done to one is done after the version was compared, so from the commit of a change on no message is
 * stored, held or refused under the rules before it, on any instance.
 */
export class Screening {
  readonly #options: ScreeningOptions;
  /** Drafts that are looked at elsewhere, or are being stored, held or refused. */
  #underWay = 0;
  #closed = false;
  #idle: (() => void) | null = null;

  constructor(options: ScreeningOptions) {
    this.#options = options;
  }

  /**
   * Looks at a draft; nothing is done to it yet.
   *
   * @returns a promise when rules have to be read, or a rate is held elsewhere
   * @throws StorageUnavailable; HubbubError `UNAVAILABLE` once it is closed
   */
  screen(draft: Draft): Screened | Promise<Screened> {
    if (this.#closed) throw new HubbubError('UNAVAILABLE', undefined, { retryAfterMs: 1000 });
    if (draft.exempt) return EXEMPT;
    const policy = this.#options.policies.get(draft.channelId);
    const screened =
      policy instanceof Promise ? policy.then((read) => this.#judge(draft, read)) : this.#judge(draft, policy);
    if (screened instanceof Promise) {
      this.#underWay++;
      const done = () => this.#finish();
      // Runs before what the caller does next, and the end of `close` after it: the draft is always counted there.
      screened.then(done, done);
    }
    return screened;
  }

  /**
   * Does with a draft what was found. The call to the journal is made before this returns, so that drafts which pass are
   * stored in the order in which they are given here.
   *
   * @returns once it is committed, with its place or in the queue of what waits for review
   * @throws HubbubError as {@link Journal.append}; `BLOCKED_CONTENT`, `REVIEW_QUEUE_FULL`
   */
  async post(draft: Draft, screened: Screened): Promise<Outcome> {
    this.#underWay++;
    try {
      for (let changes = 0; ; changes++) {
        try {
          return screened.hit === null
            ? await this.#append(draft, screened.policyVersion)
            : await this.#stop(draft, screened.hit, screened.policyVersion);
        } catch (error) {
          if (error instanceof HeldAlready) return answerHeld(error.row);
          if (!(error instanceof StalePolicy)) throw error;
          if (changes >= MAX_CHANGES)
            throw new HubbubError('UNAVAILABLE', undefined, { retryAfterMs: 1000, cause: error });
          const { policies } = this.#options;
          policies.forget(draft.channelId, screened.policyVersion);
          const policy = await policies.get(draft.channelId);
          // What it took from the rate of repeated messages it has taken.
          screened = { policyVersion: policy.version, hit: policy.check(draft.content) };
        }
      }
    } finally {
      this.#finish();
    }
  }

  /** Takes no more, and settles when everything taken is stored, held or refused, and every hit is handed to the log. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #finish(): void {
    if (--this.#underWay === 0) this.#idle?.();
  }

  #judge(draft: Draft, policy: Policy): Screened | Promise<Screened> {
    const hit = policy.check(draft.content);
    const { version: policyVersion, repeats } = policy;
    if (hit !== null || repeats === null) return { policyVersion, hit };
    const { max, withinSeconds } = repeats;
    // The numbers are part of the key: a rule that is changed begins anew.
    const key = `repeat:${draft.channelId}:${max}:${withinSeconds}:${draft.userId}:${gistOf(draft.content)}`;
    const decision = this.#options.limiter.take(key, { perMinute: (max * 60) / withinSeconds, burst: max });
    const judge = ({ allowed }: { allowed: boolean }) => ({ policyVersion, hit: allowed ? null : repeats.hit });
    return decision instanceof Promise ? decision.then(judge) : judge(decision);
  }

  async #append({ exempt: _, ...submission }: Draft, policyVersion: number | null): Promise<Outcome> {
    return { kind: 'stored', receipt: await this.#options.journal.append({ ...submission, policyVersion }) };
  }

  async #stop(draft: Draft, hit: Hit, policyVersion: number | null): Promise<Outcome> {
    const { db, hits, metrics, moderation } = this.#options;
    const { channelId, userId, messageId, content } = draft;
    const [standings, stored] = await Promise.all([
      readStandings(db, channelId, [userId]),
      findMessages(db, [messageId]),
    ]);
    if (standings === null) throw new HubbubError('CHANNEL_NOT_FOUND');
    if (standings.policyVersion !== policyVersion) throw new StalePolicy();
    const standing = standings.users.get(userId);
    const refusal = refusalOf(standings, standing);
    if (refusal !== null || standing === undefined) throw refusal ?? new HubbubError('FORBIDDEN');
    // He has come to be staff while the message was on its way.
    if (isStaff({ userId, role: standing.role, siteRole: standing.site_role })) return await this.#append(draft, null);
    const known = stored.get(messageId);
    if (known !== undefined) return answerKnown(draft, known);
    const { rule, outcome, timeoutMinutes: minutes, match } = hit;
    const held = outcome === 'hold' ? await this.#hold(draft, rule, policyVersion) : null;
    if (held?.kind === 'stored') return held;
    metrics.autoModerationHits.inc({ rule, outcome });
    if (outcome === 'timeout') {
      const order = {
        channelId,
        userId,
        kind: 'timeout',
        reason: `Auto-moderation: ${SENTENCES[rule]}`,
        minutes,
      } as const;
      await moderation.restrict(AUTO_MODERATOR, order, { rule, match, message: { id: messageId, content } });
    } else hits.add({ channelId, userId, messageId, content, rule, outcome, match });
    if (held !== null) return held;
    throw new HubbubError('BLOCKED_CONTENT', SENTENCES[rule]);
  }

  async #hold(draft: Draft, rule: RuleName, policyVersion: number | null): Promise<Outcome> {
    const { channelId, userId, messageId: id, content } = draft;
    return await this.#options.db.transaction(async (tx) => {
      const channel = await lockForHolding(tx, channelId, userId);
      if (channel === null) throw new HubbubError('CHANNEL_NOT_FOUND');
      if (channel.policy_version !== policyVersion) throw new StalePolicy();
      if (channel.waiting >= MAX_HELD_MESSAGES) throw new HubbubError('REVIEW_QUEUE_FULL');
      if (channel.waiting_of_user >= MAX_HELD_MESSAGES_OF_USER) {
        throw new HubbubError('REVIEW_QUEUE_FULL', 'Too many of your messages wait for review: try again later');
      }
      const at = await insertHeld(tx, { id, channelId, userId, content, rule });
      if (at !== null) return { kind: 'held', messageId: id, rule, at };
      const known = (await findMessages(tx, [id])).get(id);
      if (known === undefined) throw new HubbubError('CONFLICT');
      return answerKnown(draft, known);
    });
  }
}

/** A repeated id is answered with what became of the first one. @throws HubbubError `CONFLICT` for one of another message */
function answerKnown({ userId, channelId }: Draft, row: KnownMessageRow): Outcome {
  if (row.user_id !== userId || row.channel_id !== channelId) {
    throw new HubbubError('CONFLICT', 'This message_id belongs to another message: choose a new one');
  }
  if (!hasPlace(row)) return answerHeld(row);
  return { kind: 'stored', receipt: { seq: row.seq, createdAt: row.created_at, earlier: row } };
}

/** @throws HubbubError `BLOCKED_CONTENT` when it was rejected */
function answerHeld(row: KnownMessageRow): HeldOutcome {
  if (row.is_deleted) throw new HubbubError('BLOCKED_CONTENT', 'This message was reviewed and rejected');
  return { kind: 'held', messageId: row.id, rule: row.held_by ?? 'shield', at: row.created_at };
}
