import type { Channel } from '../channel.js';
import type { OnlineSnapshot } from '../types.js';
import { useReadable } from './use-readable.js';

/** Who is online in a channel. */
export function usePresence(channel: Channel): OnlineSnapshot {
  return useReadable(channel.online);
}
