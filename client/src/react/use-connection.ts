import type { Client } from '../client.js';
import type { ConnectionStatus } from '../types.js';
import { useReadable } from './use-readable.js';

/** How the client's connection stands, for instance for a banner. */
export function useConnection(client: Client): ConnectionStatus {
  return useReadable(client.status);
}
