/** Hooks for React 18 and newer. What they give is stable: the same object until something has changed. */
export { type ChannelState, useChannel } from './use-channel.js';
export { useConnection } from './use-connection.js';
export { type Messages, useMessages } from './use-messages.js';
export { usePresence } from './use-presence.js';
export { useReadable } from './use-readable.js';
export { type Typing, useTyping } from './use-typing.js';
