import { HubbubError } from './errors.js';
import { isStaff, mayPost } from './permissions.js';
import type { ChannelStandings, StandingRow } from './store/people.js';

/** Which of some authors may write in a channel, under one version of it. */
export interface Verdict {
  readonly version: number;
  /** Version of its rules and its shield. */
  readonly policyVersion: number;
  /** Why an author may not; who is not in it may. */
  readonly refusals: ReadonlyMap<string, HubbubError>;
}

interface Known {
  readonly version: number;
  readonly policyVersion: number;
  /** Authors who may write. Refusals are not remembered: no statement follows them that would notice a new version. */
  readonly allowed: Set<string>;
}

const MAX_CHANNELS = 20_000;
const MAX_USERS = 20_000;
const NONE: ReadonlyMap<string, HubbubError> = new Map();

/**
 * Who may write where, as far as this instance has looked. What is remembered holds for one version of a channel; the
 * journal stores messages under that version alone, so a memory that is out of date is noticed and never obeyed.
 */
export class Rights {
  readonly #read: (channelId: string, userIds: readonly string[]) => Promise<ChannelStandings | null>;
  readonly #channels = new Map<string, Known>();

  constructor(read: (channelId: string, userIds: readonly string[]) => Promise<ChannelStandings | null>) {
    this.#read = read;
  }

  /** @throws HubbubError `CHANNEL_NOT_FOUND` when the channel is gone or inactive; `UNAVAILABLE` */
  async check(channelId: string, userIds: ReadonlySet<string>): Promise<Verdict> {
    const known = this.#channels.get(channelId);
    if (known !== undefined && userIds.isSubsetOf(known.allowed)) {
      return { version: known.version, policyVersion: known.policyVersion, refusals: NONE };
    }
    const standings = await this.#read(channelId, [...userIds]);
    if (standings === null) {
      this.#channels.delete(channelId);
      throw new HubbubError('CHANNEL_NOT_FOUND');
    }
    const { accessVersion: version, policyVersion } = standings;
    // What is remembered of other authors holds on only if nothing has changed.
    const current = this.#channels.get(channelId);
    const kept = current?.version === version && current.allowed.size < MAX_USERS;
    const allowed = kept ? current.allowed : new Set<string>();
    const refusals = new Map<string, HubbubError>();
    for (const userId of userIds) {
      const refusal = refusalOf(standings, standings.users.get(userId));
      if (refusal === null) allowed.add(userId);
      else refusals.set(userId, refusal);
    }
    if (this.#channels.size >= MAX_CHANNELS) this.#channels.clear();
    this.#channels.set(channelId, { version, policyVersion, allowed });
    return { version, policyVersion, refusals };
  }

  /** The channel has another version by now. */
  forget(channelId: string): void {
    this.#channels.delete(channelId);
  }

  /** Versions of all channels begin anew. */
  forgetAll(): void {
    this.#channels.clear();
  }
}

/** Why a user may not write in a channel; null: he may. */
export function refusalOf(channel: ChannelStandings, user: StandingRow | undefined): HubbubError | null {
  if (user === undefined) return new HubbubError('FORBIDDEN');
  const { role, site_role: siteRole, user_id: userId } = user;
  if (user.is_banned) return new HubbubError('FORBIDDEN', 'You are banned from this channel');
  if (channel.channelType === 'private' && role === null && siteRole !== 'admin') {
    return new HubbubError('FORBIDDEN', 'You are not a member of this private channel');
  }
  if (user.is_muted) return new HubbubError('MUTED');
  const standing = { userId, role, siteRole };
  if (!mayPost(channel.posting, standing)) return new HubbubError('READ_ONLY');
  if (user.is_newcomer && !isStaff(standing)) {
    return new HubbubError('READ_ONLY', 'The shield of this channel is on: only members of some time may write');
  }
  return null;
}
