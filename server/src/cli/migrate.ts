import { readConfig } from '../config.js';
import { createLogger } from '../log.js';
import { openDb } from '../open-db.js';
import { migrate, migrationStatus } from '../store/migrate.js';
import { defineCommand, readInteger } from './command.js';
import { describeMigrations } from './migration-report.js';

export const migrateCommand = defineCommand({
  name: 'migrate',
  usage: '[up|down|status] [options]',
  about: `Brings the database schema up to what this program knows, one step down, or shows it (the default). \`hubbub start\`
brings it up by itself. All steps are one transaction.`,
  options: { to: { type: 'string', value: 'VERSION', help: 'the version to reach, up or down' } },
  operand: { name: 'up, down or status', choices: ['up', 'down', 'status'], default: 'status' },
  examples: ['hubbub migrate status', 'hubbub migrate up', 'hubbub migrate down --to 12'],
  run: async ({ values, operands: [direction] }, io) => {
    const target = values.to === undefined ? undefined : readInteger('to', values.to, 0, 999_999);
    const db = await openDb(readConfig(io.env), createLogger('warn'));
    try {
      if (direction !== 'status') {
        const { version } = await migrationStatus(db);
        const steps = await migrate(db, target ?? (direction === 'up' ? undefined : Math.max(0, version - 1)));
        io.out(steps.length === 0 ? 'Nothing to do.' : `${direction}: ${steps.join(', ')}`);
      }
      for (const line of describeMigrations(await migrationStatus(db))) io.out(line);
      return 0;
    } finally {
      await db.close();
    }
  },
});
