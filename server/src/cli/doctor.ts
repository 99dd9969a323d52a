import { type Config, ConfigError, type Environment, readConfig } from '../config.js';
import { defineCommand } from './command.js';
import { examineConfiguration } from './doctor/configuration.js';
import { examineDatabase } from './doctor/database.js';
import { type Finding, failure, ok } from './doctor/finding.js';
import { examineClockAlone, examineDataDir, examineOpenFiles, examineRuntime } from './doctor/host.js';
import { examinePort } from './doctor/port.js';
import { redactor } from './doctor/redact.js';
import { examineRedis } from './doctor/redis.js';

const STATUS_WIDTH = 'warning'.length;
const SUBJECT_WIDTH = 'configuration'.length;

export const doctor = defineCommand({
  name: 'doctor',
  usage: '',
  about: `Looks at everything that a server with this environment needs, and says of each thing whether it is ok, a warning or a
failure, and what to do. Starts nothing and changes nothing. Shows no passwords, keys or tokens. Run it as the user, on
the machine and with the environment of the server.`,
  options: {},
  exitCodes: { 0: 'nothing worse than a warning', 1: 'there is a failure' },
  examples: ['hubbub doctor', 'DATABASE_URL=postgres://hubbub:secret@db/hubbub REDIS_URL=redis://redis hubbub doctor'],
  run: async (_input, io) => {
    const counts = { ok: 0, warning: 0, failure: 0 };
    for await (const finding of examine(io.env)) {
      counts[finding.status]++;
      for (const line of linesOf(finding)) io.out(line);
    }
    io.out(`${counts.failure} failures, ${counts.warning} warnings, ${counts.ok} ok`);
    return counts.failure === 0 ? 0 : 1;
  },
});

async function* examine(env: Environment): AsyncGenerator<Finding> {
  const clean = redactor(env);
  yield examineRuntime();
  yield examineOpenFiles();
  let config: Config;
  try {
    config = readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    yield failure('configuration', clean(error.message), 'Nothing else can be looked at before it is corrected.');
    return;
  }
  yield* examineConfiguration(config, env, clean);
  if (config.databaseUrl === null) {
    yield ok('database', 'embedded; start brings its schema up');
    yield examineDataDir(config);
  } else yield* examineDatabase(config, config.databaseUrl, clean);
  if (config.redisUrl === null) yield ok('Redis', 'not configured: this is the only instance');
  else yield* examineRedis(config.redisUrl, clean);
  if (config.databaseUrl === null && config.redisUrl === null) yield examineClockAlone();
  yield await examinePort(config);
}

function linesOf({ status, subject, what, remedy }: Finding): string[] {
  const head = `${status.padEnd(STATUS_WIDTH)}  ${subject.padEnd(SUBJECT_WIDTH)}  ${what}`;
  if (remedy === undefined) return [head];
  return [head, `${' '.repeat(STATUS_WIDTH + SUBJECT_WIDTH + 4)}${remedy}`];
}
