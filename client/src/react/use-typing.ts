import { useMemo } from 'react';
import type { Channel } from '../channel.js';
import type { Typist } from '../types.js';
import { useReadable } from './use-readable.js';

export interface Typing {
  /** Others who are typing. */
  readonly typists: readonly Typist[];
  /** Tells them that the user is typing: call it at every key. */
  readonly typing: () => void;
}

export function useTyping(channel: Channel): Typing {
  const typists = useReadable(channel.typists);
  return useMemo(() => ({ typists, typing: () => channel.typing() }), [channel, typists]);
}
