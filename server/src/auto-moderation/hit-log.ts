import type { RuleName, RuleOutcome } from '@hubbub/protocol/auto-moderation.js';
import type { Logger } from '../log.js';
import type { NewLogEntry } from '../store/moderation-log.js';
import { AUTO_MODERATOR } from './actor.js';

/** A message that a rule has stopped. */
export interface LoggedHit {
  readonly channelId: string;
  readonly userId: string;
  readonly messageId: string;
  readonly content: string;
  readonly rule: RuleName;
  readonly outcome: RuleOutcome;
  /** The entry of the list that was found. */
  readonly match: string | null;
}

/** Hits of one rule by one user in a channel that are not written yet. */
interface Bundle {
  /** The first of them. */
  readonly hit: LoggedHit;
  readonly since: Date;
  count: number;
}

interface Line {
  bundle: Bundle | null;
  /** When the next row may be written (milliseconds since the epoch). */
  dueAtMs: number;
}

interface HitLogOptions {
  /** Writes rows of one channel's trail, in one transaction. */
  readonly write: (channelId: string, entries: readonly Omit<NewLogEntry, 'at'>[]) => Promise<void>;
  readonly log: Logger;
  /** Clock in milliseconds. Default: the system's. */
  readonly now?: () => number;
}

const FLUSH_INTERVAL_MS = 1000;
const QUIET_MS = 60_000;
/** Rows of one channel in one transaction, which holds up its messages for so long. */
const MAX_ROWS = 100;
/** Users and rules that are kept apart; past it a channel's hits of one rule are counted together, without their user. */
const MAX_LINES = 10_000;

/**
 * The hits of auto-moderation on their way to the audit trail. The first hit of a rule by a user is written within a
 * second; what he does in the minute after it is counted and written as one row. So a flood of hits is told in full, and
 * makes neither the trail long nor the channel slow: one row a user, rule and minute, one transaction a channel and second.
 */
export class HitLog {
  readonly #options: HitLogOptions;
  readonly #now: () => number;
  readonly #lines = new Map<string, Line>();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> | null = null;

  constructor(options: HitLogOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#timer = setInterval(() => void this.flush(), FLUSH_INTERVAL_MS);
    this.#timer.unref();
  }

  add(hit: LoggedHit): void {
    const own = `${hit.channelId}:${hit.rule}:${hit.outcome}:${hit.userId}`;
    const crowded = !this.#lines.has(own) && this.#lines.size >= MAX_LINES;
    const key = crowded ? `${hit.channelId}:${hit.rule}:${hit.outcome}` : own;
    const line = this.#lines.get(key) ?? { bundle: null, dueAtMs: 0 };
    if (line.bundle === null) line.bundle = { hit, since: new Date(this.#now()), count: 1 };
    else line.bundle.count++;
    this.#lines.set(key, line);
  }

  /** Writes what is due. Never rejects: what could not be written stays for the next time. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush(this.#now()).finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Writes everything that is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    for (const line of this.#lines.values()) line.dueAtMs = 0;
    for (let left = Number.POSITIVE_INFINITY; this.#waiting() > 0 && this.#waiting() < left; ) {
      left = this.#waiting();
      await this.#flush(this.#now());
    }
  }

  #waiting(): number {
    let waiting = 0;
    for (const { bundle } of this.#lines.values()) if (bundle !== null) waiting++;
    return waiting;
  }

  async #flush(nowMs: number): Promise<void> {
    const due = new Map<string, { key: string; line: Line; bundle: Bundle }[]>();
    for (const [key, line] of this.#lines) {
      if (line.dueAtMs > nowMs) continue;
      const { bundle } = line;
      if (bundle === null) {
        this.#lines.delete(key);
        continue;
      }
      const rows = due.get(bundle.hit.channelId);
      if (rows === undefined) due.set(bundle.hit.channelId, [{ key, line, bundle }]);
      else if (rows.length < MAX_ROWS) rows.push({ key, line, bundle });
    }
    for (const [channelId, rows] of due) {
      // What comes while these are written is counted anew.
      for (const { line } of rows) line.bundle = null;
      try {
        await this.#options.write(
          channelId,
          rows.map(({ key, bundle }) => toEntry(bundle, key.endsWith(bundle.hit.userId))),
        );
        for (const { line } of rows) line.dueAtMs = nowMs + QUIET_MS;
      } catch (error) {
        this.#options.log.warn(
          { channel_id: channelId, err: String(error) },
          'Hits will be written to the trail later',
        );
        for (const { line, bundle } of rows) {
          bundle.count += line.bundle?.count ?? 0;
          line.bundle = bundle;
        }
      }
    }
  }
}

function toEntry({ hit, since, count }: Bundle, ofOneUser: boolean): Omit<NewLogEntry, 'at'> {
  const { channelId, userId, messageId, content, rule, outcome, match } = hit;
  return {
    channelId,
    moderatorId: AUTO_MODERATOR.userId,
    targetUserId: ofOneUser ? userId : null,
    action: 'auto_moderation',
    reason: null,
    details: {
      rule,
      outcome,
      count,
      since: since.toISOString(),
      first: { id: messageId, content },
      ...(match === null ? {} : { match }),
    },
  };
}
