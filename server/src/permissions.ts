import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { ChannelAccess } from './store/channels.js';

/*
 * Who may do what in a channel. `ChannelAccess` is the channel as the user meets it: his role in it, his ban, his mute.
 */

/** Whether a private channel exists for the user at all. */
export function isVisible(access: ChannelAccess, identity: Identity): boolean {
  return access.channel_type === 'public' || access.role !== null || identity.role === 'admin';
}

/**
 * History, members, presence.
 *
 * @throws HubbubError `CHANNEL_NOT_FOUND` for a private channel of others, so that its existence does not show;
 *     `FORBIDDEN` for the banned
 */
export function assertMayRead(access: ChannelAccess, identity: Identity): void {
  if (!isVisible(access, identity)) throw new HubbubError('CHANNEL_NOT_FOUND');
  assertNotBanned(access);
}

/** @throws HubbubError as {@link assertMayRead}, `CHANNEL_NOT_FOUND` while inactive, `FORBIDDEN` for the muted */
export function assertMayWrite(access: ChannelAccess, identity: Identity): void {
  assertMayRead(access, identity);
  if (!access.is_active) throw new HubbubError('CHANNEL_NOT_FOUND', 'This channel is not active');
  if (access.is_muted) throw new HubbubError('FORBIDDEN', 'You are muted in this channel');
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

/** Changing a channel. @throws HubbubError `CHANNEL_NOT_FOUND` where it is not visible, else `FORBIDDEN` */
export function assertMayUpdate(access: ChannelAccess, identity: Identity): void {
  if (!isVisible(access, identity)) throw new HubbubError('CHANNEL_NOT_FOUND');
  if (identity.role === 'admin' || access.role === 'owner' || access.role === 'admin') return;
  throw new HubbubError('FORBIDDEN', "Only the channel's owner, its admins and site admins may change it");
}

/** Deleting a channel. @throws HubbubError as {@link assertMayUpdate} */
export function assertMayDelete(access: ChannelAccess, identity: Identity): void {
  if (!isVisible(access, identity)) throw new HubbubError('CHANNEL_NOT_FOUND');
  if (identity.role === 'admin' || access.role === 'owner') return;
  throw new HubbubError('FORBIDDEN', "Only the channel's owner and site admins may delete it");
}

/** @throws HubbubError `FORBIDDEN` unless the user is an admin of the site */
export function assertSiteAdmin(identity: Identity): void {
  if (identity.role !== 'admin') throw new HubbubError('FORBIDDEN', 'Only site admins may see this');
}

function assertNotBanned(access: ChannelAccess): void {
  if (access.is_banned) throw new HubbubError('FORBIDDEN', 'You are banned from this channel');
}
