import type { ChannelRole, SiteRole } from '@hubbub/protocol/rest.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { ChannelAccess } from './store/channels.js';

/*
 * Who may do what. Ranks first, then one table of actions, then what a ban, a mute or a private channel take away.
 */

/** What a user is, in a channel and on the site. */
export interface Standing {
  readonly userId: string;
  /** Null: not a member. */
  readonly role: ChannelRole | null;
  readonly siteRole: SiteRole;
  /** Banned from the channel, or timed out: his roles count for nothing there until it ends. */
  readonly isBanned?: boolean;
}

const BANNED = 'You are banned from this channel';
const RANK = { none: 0, member: 1, moderator: 2, admin: 3, owner: 4, siteAdmin: 5 } as const;
type Rank = (typeof RANK)[keyof typeof RANK];

interface Rule {
  /** Lowest rank that may. */
  readonly least: Rank;
  /** A moderator of the site may too, with the rank of a channel's admin. */
  readonly siteModerator?: true;
  /** The one it is done to has to be of lower rank: nobody moderates his equals or superiors. */
  readonly overLower?: true;
  /** Whether it may be done to oneself: `always` or `never`, whatever the rank. Absent: as to anyone else. */
  readonly onSelf?: 'always' | 'never';
}

/** Every action that asks for more than to be there. */
const RULES = {
  update_channel: { least: RANK.admin },
  // What is removed does not come back.
  set_retention: { least: RANK.owner },
  delete_channel: { least: RANK.owner },
  add_member: { least: RANK.moderator },
  add_staff: { least: RANK.owner },
  change_role: { least: RANK.owner, overLower: true, onSelf: 'never' },
  transfer_ownership: { least: RANK.owner },
  remove_member: { least: RANK.moderator, overLower: true, onSelf: 'always' },
  delete_message: { least: RANK.moderator, siteModerator: true, overLower: true, onSelf: 'always' },
  moderate: { least: RANK.moderator, siteModerator: true, overLower: true, onSelf: 'never' },
  shield: { least: RANK.moderator, siteModerator: true },
  review_message: { least: RANK.moderator, siteModerator: true, onSelf: 'never' },
  // Nobody judges what is said of himself, or of his equals.
  resolve_report: { least: RANK.moderator, siteModerator: true, overLower: true, onSelf: 'never' },
  report_message: { least: RANK.none, onSelf: 'never' },
  read_moderation: { least: RANK.moderator, siteModerator: true },
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof RULES;

export const ACTIONS = Object.keys(RULES) as Action[];

/**
 * Whether `actor` may do `action`, to `target` where it has one.
 *
 * @param target the member, the author, the banned one; absent for actions on the channel itself
 */
export function may(action: Action, actor: Standing, target?: Standing): boolean {
  const rule: Rule = RULES[action];
  if (target !== undefined && target.userId === actor.userId && rule.onSelf !== undefined)
    return rule.onSelf === 'always';
  if (isBarred(actor)) return false;
  const rank = rankOf(actor, rule.siteModerator === true);
  if (rank < rule.least) return false;
  return target === undefined || rule.overLower !== true || rankOf(target, true) < rank;
}

/** @throws HubbubError `FORBIDDEN` */
export function assertMay(action: Action, actor: Standing, target?: Standing): void {
  if (may(action, actor, target)) return;
  if (isBarred(actor)) throw new HubbubError('FORBIDDEN', BANNED);
  const self = target?.userId === actor.userId;
  if (self) throw new HubbubError('FORBIDDEN', 'You cannot do this to yourself');
  if (target !== undefined && may(action, actor)) {
    throw new HubbubError('FORBIDDEN', 'You cannot do this to someone of equal or higher rank');
  }
  throw new HubbubError('FORBIDDEN', 'Your role in this channel does not allow this');
}

/** A site admin is not kept from setting right what was done to him. */
function isBarred({ isBanned, siteRole }: Standing): boolean {
  return isBanned === true && siteRole !== 'admin';
}

function rankOf({ role, siteRole }: Standing, countSiteModerator: boolean): number {
  const inChannel = role === null ? RANK.none : RANK[role];
  if (siteRole === 'admin') return RANK.siteAdmin;
  return siteRole === 'moderator' && countSiteModerator ? Math.max(inChannel, RANK.admin) : inChannel;
}

/** What the asking user is in the channel that he asks about. */
export function standingOf(access: ChannelAccess, identity: Identity): Standing {
  return { userId: identity.userId, role: access.role, siteRole: identity.role, isBanned: access.is_banned };
}

/** Whether a private channel exists for the user at all. */
export function isVisible(access: ChannelAccess, identity: Identity): boolean {
  return access.channel_type === 'public' || access.role !== null || identity.role === 'admin';
}

/** @throws HubbubError `CHANNEL_NOT_FOUND` for a private channel of others, so that its existence does not show */
export function assertVisible(access: ChannelAccess, identity: Identity): void {
  if (!isVisible(access, identity)) throw new HubbubError('CHANNEL_NOT_FOUND');
}

/**
 * History, members, presence.
 *
 * @throws HubbubError as {@link assertVisible}; `FORBIDDEN` for the banned
 */
export function assertMayRead(access: ChannelAccess, identity: Identity): void {
  assertVisible(access, identity);
  assertNotBanned(access);
}

/**
 * A message. Checked once more in the journal, under the version of the channel with which it is stored.
 *
 * @throws HubbubError as {@link assertMayRead}; `CHANNEL_NOT_FOUND` while inactive; `FORBIDDEN` for the muted and those
 *     who may only read
 */
export function assertMayWrite(access: ChannelAccess, identity: Identity): void {
  assertMayRead(access, identity);
  if (!access.is_active) throw new HubbubError('CHANNEL_NOT_FOUND', 'This channel is not active');
  if (access.is_muted) throw new HubbubError('FORBIDDEN', 'You are muted in this channel');
  if (!mayPost(access.posting, standingOf(access, identity))) throw new HubbubError('READ_ONLY');
}

/** Whether a channel's posting mode lets the user write. */
export function mayPost(posting: ChannelAccess['posting'], standing: Standing): boolean {
  if (posting === 'everyone') return true;
  return isStaff(standing) || (posting === 'members' && standing.role !== null);
}

/** Moderators and up, of the channel or of the site. */
export function isStaff(standing: Standing): boolean {
  return rankOf(standing, true) >= RANK.moderator;
}

/**
 * A WebSocket. Here a private channel of others is refused openly, as the wire contract has it.
 *
 * @throws HubbubError `CHANNEL_NOT_FOUND` while inactive, `FORBIDDEN` for non-members and the banned
 */
export function assertMayConnect(access: ChannelAccess, identity: Identity): void {
  if (!access.is_active) throw new HubbubError('CHANNEL_NOT_FOUND');
  if (!isVisible(access, identity)) throw new HubbubError('FORBIDDEN', 'You are not a member of this private channel');
  assertNotBanned(access);
}

/** @throws HubbubError `FORBIDDEN` unless the user is an admin of the site */
export function assertSiteAdmin(identity: Identity): void {
  if (identity.role !== 'admin') throw new HubbubError('FORBIDDEN', 'Only site admins may see this');
}

function assertNotBanned(access: ChannelAccess): void {
  if (access.is_banned) throw new HubbubError('FORBIDDEN', BANNED);
}
