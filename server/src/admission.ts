import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import { assertMayConnect } from './permissions.js';
import type { ChannelAccess } from './store/channels.js';

/** A place in a channel: checked, counted, and to be given back by leaving. */
export interface Admission {
  readonly access: ChannelAccess;
  /** Distinct users online, he included. */
  readonly online: number;
}

interface AdmissionOptions {
  readonly readAccess: (channelId: string, userId: string) => Promise<ChannelAccess | null>;
  readonly join: (channelId: string, userId: string, username: string, max: number | null) => Promise<number>;
}

/**
 * Lets a user into a channel: it exists, he may, and there is room. The place is taken in one atomic step for the whole
 * cluster, so two who come at once never share the last one.
 *
 * @throws HubbubError `CHANNEL_NOT_FOUND`, `FORBIDDEN`, `CHANNEL_FULL`, `UNAVAILABLE`; no place is taken then
 */
export async function admit(options: AdmissionOptions, identity: Identity, channelId: string): Promise<Admission> {
  const access = await options.readAccess(channelId, identity.userId);
  if (access === null) throw new HubbubError('CHANNEL_NOT_FOUND');
  assertMayConnect(access, identity);
  const online = await options.join(channelId, identity.userId, identity.username, access.max_participants);
  return { access, online };
}
