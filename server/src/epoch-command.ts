import type { Db } from './store/db.js';
import { readEpoch, renewEpoch } from './store/epoch.js';

/**
 * `hubbub epoch`: shows the epoch, or begins another one after a restore.
 *
 * @returns what to print
 */
export async function runEpochCommand(db: Db, action: 'show' | 'renew'): Promise<string> {
  if (action === 'show') return await readEpoch(db);
  return `A new epoch has begun: ${await renewEpoch(db)}. Clients that were here before it begin anew.`;
}
