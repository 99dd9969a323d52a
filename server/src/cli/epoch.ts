import { readConfig } from '../config.js';
import { createLogger } from '../log.js';
import { openDb } from '../open-db.js';
import { readEpoch, renewEpoch } from '../store/epoch.js';
import { defineCommand } from './command.js';

export const epoch = defineCommand({
  name: 'epoch',
  usage: '[show|renew]',
  about: `Shows the epoch of the data (the default), or begins another one, so that clients from before begin anew: after a
restore that Hubbub cannot notice by itself, as one to a point in time. See docs/backup.md.`,
  options: {},
  operand: { name: 'show or renew', choices: ['show', 'renew'], default: 'show' },
  examples: ['hubbub epoch', 'hubbub epoch renew'],
  run: async ({ operands: [action] }, io) => {
    const db = await openDb(readConfig(io.env), createLogger('warn'));
    try {
      if (action === 'show') io.out(await readEpoch(db));
      else io.out(`A new epoch has begun: ${await renewEpoch(db)}. Clients that were here before it begin anew.`);
      return 0;
    } finally {
      await db.close();
    }
  },
});
