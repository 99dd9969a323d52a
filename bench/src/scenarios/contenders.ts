import { HubbubSystem } from '../systems/hubbub.js';
import { Peer } from '../systems/peer.js';
import type { System, SystemName } from '../systems/system.js';
import type { Bench } from './bench.js';

export const CONTENDERS = ['hubbub', 'raw ws', 'socket.io'] as const satisfies readonly SystemName[];

export type Contender = (typeof CONTENDERS)[number];

/** Starts a system, hands it to `work`, and stops it whatever happens. */
export async function withSystem<S extends System, T>(
  starting: Promise<S>,
  work: (system: S) => Promise<T>,
): Promise<T> {
  const system = await starting;
  try {
    return await work(system);
  } finally {
    await system.stop();
  }
}

/**
 * A single instance of Hubbub with PostgreSQL and Redis, or what it is compared with.
 *
 * @param inspected whether its memory can be looked into. Default false
 */
export function startContender(bench: Bench, name: Contender, inspected = false): Promise<System> {
  if (name !== 'hubbub') return Peer.start(bench.servers, name, inspected);
  return HubbubSystem.start(bench.servers, { kind: 'cluster', inspected });
}
