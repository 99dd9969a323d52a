import { verifyTrails } from '../audit.js';
import { readConfig } from '../config.js';
import { createLogger } from '../log.js';
import { openDb } from '../open-db.js';
import { defineCommand } from './command.js';

export const audit = defineCommand({
  name: 'audit',
  usage: 'verify',
  about: `Computes the chain of hashes of every audit trail anew, and says which does not hold: a row of it was changed or
taken out behind Hubbub's back.`,
  options: {},
  operand: { name: 'verify', choices: ['verify'] },
  exitCodes: { 1: 'failed, or a trail does not hold' },
  examples: ['hubbub audit verify', 'DATABASE_URL=postgres://localhost/chat hubbub audit verify'],
  run: async (_input, io) => {
    const db = await openDb(readConfig(io.env), createLogger('warn'));
    try {
      let broken = 0;
      for await (const { channelId, rows, brokenAt } of verifyTrails(db)) {
        const name = channelId === null ? 'the whole site' : `channel ${channelId}`;
        if (brokenAt !== null) broken++;
        const first = brokenAt === null ? '' : `, first at row ${brokenAt}`;
        io.out(`${brokenAt === null ? 'holds ' : 'BROKEN'}  ${name}: ${rows} rows${first}`);
      }
      io.out(broken === 0 ? 'Every trail holds.' : `${broken} trails were tampered with.`);
      return broken === 0 ? 0 : 1;
    } finally {
      await db.close();
    }
  },
});
