/** Why a WebSocket upgrade was refused. Browsers do not show the answer of a refused upgrade, so REST is asked. */
import type { Channel } from '@hubbub/protocol/rest.js';
import { type Api, ApiError } from './api.js';
import type { Verdict } from './connection.js';
import { until } from './time.js';

/** Asks the routes that would refuse this user for the same reason as the upgrade. Never rejects. */
export async function judgeRefusal(api: Api, channelId: string, userId: string): Promise<Verdict> {
  try {
    const channel = await api.getChannel(channelId);
    if (!channel.is_active) return { kind: 'ended', reason: 'This channel is closed.' };
    const banned = await whyBanned(api, channelId, userId);
    if (banned !== null) return { kind: 'ended', reason: banned };
    if (isFull(channel)) return { kind: 'retry', reason: 'This channel is full at the moment.' };
    return { kind: 'retry', reason: 'The server did not accept the connection.' };
  } catch (error) {
    return verdictOf(error);
  }
}

/** What an error of a route that reads the channel means for the connection. */
export function verdictOf(error: unknown): Verdict {
  const status = error instanceof ApiError ? error.status : 0;
  if (status === 401) return { kind: 'new-token' };
  if (status === 403) return { kind: 'ended', reason: 'This channel is private, and you are not a member.' };
  if (status === 404) return { kind: 'ended', reason: 'There is no such channel, or it was deleted.' };
  return { kind: 'retry', reason: 'The server cannot be reached.' };
}

async function whyBanned(api: Api, channelId: string, userId: string): Promise<string | null> {
  try {
    const check = await api.checkBan(channelId, userId);
    return check.is_banned ? bannedSentence(check.reason, check.expires_at) : null;
  } catch {
    // Without this answer the connection just tries again.
    return null;
  }
}

function isFull(channel: Channel): boolean {
  return channel.max_participants !== null && channel.online_count >= channel.max_participants;
}

/** @param expiresAt RFC 3339; null or undefined: for good */
export function bannedSentence(reason: string | null | undefined, expiresAt: string | null | undefined): string {
  const ends = expiresAt ? ` until ${until(expiresAt)}` : '';
  return `You are banned from this channel${ends}.${reason ? ` Reason: ${reason}` : ''}`;
}

/** As {@link bannedSentence}, for a mute. */
export function mutedSentence(reason: string | null | undefined, expiresAt: string | null | undefined): string {
  const ends = expiresAt ? ` until ${until(expiresAt)}` : '';
  return `You are muted in this channel${ends}: you can read, but not write.${reason ? ` Reason: ${reason}` : ''}`;
}
