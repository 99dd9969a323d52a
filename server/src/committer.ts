import { setTimeout as delay } from 'node:timers/promises';
import { StorageUnavailable } from './errors.js';
import type { Logger } from './log.js';
import type { Rights, Verdict } from './rights.js';
import { traceFields } from './span.js';
import { type Db, SQLSTATE, sqlState } from './store/db.js';
import { appendMessages, appendToChannels, findMessages, type NewMessage } from './store/messages.js';
import {
  type ChannelBatch,
  type Committed,
  type Found,
  type Pending,
  type Refused,
  StalePolicy,
} from './submission.js';

interface CommitterOptions {
  readonly db: Db;
  readonly rights: Rights;
  readonly log: Logger;
}

/** What a statement for several channels has come to. */
export interface GroupOutcome {
  readonly committed: readonly { readonly channelId: string; readonly outcome: Committed }[];
  /** Batches that have to be committed by themselves. */
  readonly left: readonly ChannelBatch[];
  /** Whether what is left may be stored already: the answer to its statement was lost. */
  readonly wasLost: boolean;
}

/** How long the outcome of a statement whose connection was lost is looked for before its senders are told to retry. */
const RESOLVE_FOR_MS = 10_000;
const RESOLVE_PAUSE_MS = 250;
const MAX_DOUBTFUL = 20_000;

/** Brings batches into the database, each message once, and finds out what became of them. */
export class Committer {
  readonly #options: CommitterOptions;
  /** Ids whose outcome stayed unknown, newest last: should they turn up as stored, they have not been published. */
  readonly #doubtful = new Set<string>();

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /**
   * Commits what is new in a batch. First without looking: ids are nearly always new. When one is not, the statement
   * fails as a whole, no seq is used up, and what is known is sorted out; so the sequence stays without gaps.
   *
   * When the connection is lost, the outcome is unknown. The same statement is tried again until the database gives an
   * answer: the ids are unique, so if the first attempt was committed the second one fails on them and they are found.
   *
   * The authors are checked under a version of the channel, and the statement stores nothing under another one: whoever
   * is banned gets no place after the commit of his ban, whichever instance that was on. The rules of the channel are part
   * of that version, and so is what they said to a message.
   *
   * @param wasLost whether an attempt was made whose answer was lost
   * @throws StorageUnavailable, or the database's own error for something in the batch; nothing is settled then
   */
  async commit({ channelId, pendings, span }: ChannelBatch, wasLost = false): Promise<Committed> {
    const { db, rights, log } = this.#options;
    const found: Found[] = [];
    const refused: Refused[] = [];
    let rest = pendings;
    let deadline = wasLost ? performance.now() + RESOLVE_FOR_MS : null;
    // What was stored is looked up first: its author may have lost his right since.
    let collided = wasLost;
    while (rest.length > 0) {
      try {
        if (collided) {
          rest = await this.#sortOut(rest, found, deadline !== null);
          collided = false;
          continue;
        }
        const verdict = await rights.check(channelId, authorsOf(rest));
        rest = takeRefused(rest, verdict, refused);
        if (rest.length === 0) break;
        const head = await appendMessages(db, channelId, rest.map(toRow), verdict.version);
        if (head !== null) return { stored: rest, found, refused, head };
        rights.forget(channelId);
      } catch (error) {
        if (sqlState(error) === SQLSTATE.uniqueViolation) collided = true;
        else if (isTransient(error)) log.debug({ channel_id: channelId }, 'A batch ran into another: trying again');
        else if (!(error instanceof StorageUnavailable)) throw error;
        else if (deadline === null && error.outcome === 'not-applied') throw error;
        else {
          collided = true;
          deadline ??= performance.now() + RESOLVE_FOR_MS;
          if (performance.now() > deadline) {
            this.#doubt(rest);
            throw error;
          }
          const line = { channel_id: channelId, messages: rest.length, ...traceFields(span) };
          log.warn(line, 'The outcome of a batch is unknown: trying again');
          await delay(RESOLVE_PAUSE_MS);
        }
      }
    }
    return { stored: [], found, refused, head: null };
  }

  /**
   * Commits the batches of several channels in one statement, each under the rules of {@link commit}. Whatever is not
   * plain sailing is left to it, channel by channel, so that one channel's trouble is not that of the others.
   *
   * @throws StorageUnavailable when nothing was stored
   */
  async commitGroup(batches: readonly ChannelBatch[]): Promise<GroupOutcome> {
    const { db, rights, log } = this.#options;
    const verdicts = await Promise.all(
      batches.map(({ channelId, pendings }) => rights.check(channelId, authorsOf(pendings)).catch(() => null)),
    );
    const left: ChannelBatch[] = [];
    let plain: { readonly batch: ChannelBatch; readonly version: number }[] = [];
    for (const [index, batch] of batches.entries()) {
      const verdict = verdicts[index];
      if (verdict == null || batch.pendings.some((pending) => errorOf(pending, verdict) !== null)) left.push(batch);
      else plain.push({ batch, version: verdict.version });
    }
    while (plain.length > 0) {
      try {
        const heads = await appendToChannels(
          db,
          plain.map(({ batch, version }) => ({
            channelId: batch.channelId,
            accessVersion: version,
            messages: batch.pendings.map(toRow),
          })),
        );
        const committed = [];
        for (const { batch } of plain) {
          const { channelId, pendings } = batch;
          const head = heads.get(channelId);
          if (head !== undefined)
            committed.push({ channelId, outcome: { stored: pendings, found: [], refused: [], head } });
          else {
            rights.forget(channelId);
            left.push(batch);
          }
        }
        return { committed, left, wasLost: false };
      } catch (error) {
        if (error instanceof StorageUnavailable && error.outcome === 'not-applied') throw error;
        if (error instanceof StorageUnavailable || sqlState(error) !== SQLSTATE.uniqueViolation) {
          log.debug({ channels: plain.length, err: String(error) }, 'A group of batches is committed one by one');
          left.push(...plain.map(({ batch }) => batch));
          return { committed: [], left, wasLost: error instanceof StorageUnavailable };
        }
        // Ids that are stored already concern their own channels alone; the others go round again without them.
        const ids = plain.flatMap(({ batch }) => batch.pendings.map(({ submission }) => submission.messageId));
        const known = await findMessages(db, ids);
        const isKnown = ({ submission }: Pending) => known.has(submission.messageId);
        const repeating = plain.filter(({ batch }) => batch.pendings.some(isKnown));
        // An id that two channels of the group have is known to neither: it is sorted out between them.
        const set = repeating.length > 0 ? repeating : plain;
        left.push(...set.map(({ batch }) => batch));
        plain = plain.filter((each) => !set.includes(each));
      }
    }
    return { committed: [], left, wasLost: false };
  }

  #doubt(batch: readonly Pending[]): void {
    for (const { submission } of batch) this.#doubtful.add(submission.messageId);
    for (const id of this.#doubtful) {
      if (this.#doubtful.size <= MAX_DOUBTFUL) break;
      this.#doubtful.delete(id);
    }
  }

  /** Moves what is stored already from `batch` to `found`; returns what is not. */
  async #sortOut(batch: readonly Pending[], found: Found[], wasLost: boolean): Promise<readonly Pending[]> {
    const ids = batch.map(({ submission }) => submission.messageId);
    const known = await findMessages(this.#options.db, ids);
    const unknown: Pending[] = [];
    for (const pending of batch) {
      const row = known.get(pending.submission.messageId);
      if (row === undefined) unknown.push(pending);
      // A row from after the submission's receipt was stored by the attempt whose answer was lost: it is not published yet.
      else
        found.push({
          pending,
          row,
          own: (wasLost || this.#doubtful.delete(row.id)) && (row.seq ?? 0) > pending.submission.deliveredSeq,
        });
    }
    return unknown;
  }
}

function authorsOf(pendings: readonly Pending[]): ReadonlySet<string> {
  return new Set(pendings.map(({ submission }) => submission.userId));
}

/** Moves what is refused from `batch` to `refused`; returns what is not. */
function takeRefused(batch: readonly Pending[], verdict: Verdict, refused: Refused[]): readonly Pending[] {
  return batch.filter((pending) => {
    const error = errorOf(pending, verdict);
    if (error !== null) refused.push({ pending, error });
    return error === null;
  });
}

/** Why a message may not be stored under the version of the verdict; null: it may. */
function errorOf({ submission }: Pending, { refusals, policyVersion }: Verdict): Refused['error'] | null {
  const refusal = refusals.get(submission.userId);
  if (refusal !== undefined) return refusal;
  // With rules newer than the verdict it is the verdict that is out of date, which its version tells the statement.
  const isStale = submission.policyVersion !== null && submission.policyVersion < policyVersion;
  return isStale ? new StalePolicy() : null;
}

function toRow({ submission }: Pending): NewMessage {
  return { id: submission.messageId, userId: submission.userId, content: submission.content };
}

/** The statement was rolled back only because of others running beside it. */
function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return state === SQLSTATE.serializationFailure || state === SQLSTATE.deadlockDetected;
}
