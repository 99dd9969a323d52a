#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { SITE_ROLES } from '@hubbub/protocol/rest.js';
import { verifyTrails } from './audit.js';
import { type Config, readConfig } from './config.js';
import { loadDevelopmentKey, mintToken } from './dev-keys.js';
import { runEpochCommand } from './epoch-command.js';
import { createLogger } from './log.js';
import { describeMigrations } from './migration-report.js';
import { openDb } from './server.js';
import { migrate, migrationStatus } from './store/migrate.js';

/*
 * The command line. Each command reads the same environment as the server. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */

const HELP = `hubbub: self-hosted real-time chat server

  hubbub start                      serve (the configuration is in the environment; see the README)
  hubbub token --user NAME          print an access token signed with JWT_PRIVATE_KEY, or with the
         [--role user|moderator|admin] [--ttl SECONDS]       development key in DATA_DIR (default: user, 3600)
  hubbub migrate up|down|status     bring the database schema up, one step down, or show it
         [--to VERSION]
  hubbub epoch [renew]              show the epoch of the data, or begin another one: after a backup was restored
  hubbub audit verify               check the hashes of the audit trails; exit code 1 when one does not hold

Examples
  hubbub token --user ada --role admin
  DATABASE_URL=postgres://localhost/chat hubbub migrate status
`;

class UsageError extends Error {}

async function run(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  switch (command) {
    case 'start':
      await import('./main.js');
      return;
    case 'token':
      return await token(rest);
    case 'migrate':
      return await migrateCommand(rest);
    case 'epoch':
      return await epochCommand(rest);
    case 'audit':
      return await auditCommand(rest);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      console.log(HELP);
      return;
    default:
      throw new UsageError(`There is no command "${command}".`);
  }
}

async function token(args: string[]): Promise<void> {
  const { values } = parse(args, {
    user: { type: 'string' },
    role: { type: 'string', default: 'user' },
    ttl: { type: 'string', default: '3600' },
  });
  const username = values.user?.trim() ?? '';
  if (username === '') throw new UsageError('token needs --user NAME.');
  const role = SITE_ROLES.find((each) => each === values.role);
  if (role === undefined) throw new UsageError(`--role must be one of ${SITE_ROLES.join(', ')}.`);
  const ttlSeconds = Number(values.ttl);
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) throw new UsageError('--ttl must be a whole number of seconds.');
  const config = readConfig(process.env);
  const { jwtIssuer: issuer, jwtAudience: audience } = config;
  const minted = await mintToken(signingKey(config), { username, role, ttlSeconds, issuer, audience });
  console.log(minted.token);
}

function signingKey(config: Config) {
  if (config.key.kind === 'private') return config.key.privateKey;
  if (config.key.kind === 'development') return loadDevelopmentKey(config.dataDir);
  throw new UsageError(
    'A token needs a private key to sign with: set JWT_PRIVATE_KEY (only a public one is configured).',
  );
}

async function migrateCommand(args: string[]): Promise<void> {
  const { values, positionals } = parse(args, { to: { type: 'string' } });
  const [direction = 'status'] = positionals;
  if (!['up', 'down', 'status'].includes(direction) || positionals.length > 1) {
    throw new UsageError('migrate takes up, down or status.');
  }
  const target = values.to === undefined ? undefined : Number(values.to);
  if (target !== undefined && !Number.isInteger(target)) throw new UsageError('--to must be a version number.');
  const config = readConfig(process.env);
  const db = await openDb(config, createLogger('warn'));
  try {
    if (direction !== 'status') {
      const { version } = await migrationStatus(db);
      const steps = await migrate(db, target ?? (direction === 'up' ? undefined : Math.max(0, version - 1)));
      console.log(steps.length === 0 ? 'Nothing to do.' : `${direction}: ${steps.join(', ')}`);
    }
    for (const line of describeMigrations(await migrationStatus(db))) console.log(line);
  } finally {
    await db.close();
  }
}

async function epochCommand(args: readonly string[]): Promise<void> {
  const [action = 'show'] = args;
  if ((action !== 'show' && action !== 'renew') || args.length > 1)
    throw new UsageError('epoch takes renew, or nothing.');
  const db = await openDb(readConfig(process.env), createLogger('warn'));
  try {
    console.log(await runEpochCommand(db, action));
  } finally {
    await db.close();
  }
}

async function auditCommand(args: string[]): Promise<void> {
  if (args.length !== 1 || args[0] !== 'verify') throw new UsageError('audit takes verify.');
  const db = await openDb(readConfig(process.env), createLogger('warn'));
  try {
    let broken = 0;
    for await (const { channelId, rows, brokenAt } of verifyTrails(db)) {
      const name = channelId === null ? 'the whole site' : `channel ${channelId}`;
      if (brokenAt !== null) broken++;
      console.log(
        `${brokenAt === null ? 'holds ' : 'BROKEN'}  ${name}: ${rows} rows${brokenAt === null ? '' : `, first at row ${brokenAt}`}`,
      );
    }
    console.log(broken === 0 ? 'Every trail holds.' : `${broken} trails were tampered with.`);
    if (broken > 0) process.exitCode = 1;
  } finally {
    await db.close();
  }
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse<T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const usage = error instanceof UsageError;
  console.error(error instanceof Error ? error.message : String(error));
  if (usage) console.error('See hubbub --help.');
  process.exitCode = usage ? 2 : 1;
});
