/** Where the programs that the tests run beside Hubbub are on this machine. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Oldest PostgreSQL that Hubbub works with. */
export const MIN_POSTGRES_MAJOR = 13;

/** Where packages put the programs of PostgreSQL without putting them on the PATH. */
const POSTGRES_FOLDERS = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql*/bin',
  '/usr/local/opt/postgresql*/bin',
  '/home/linuxbrew/.linuxbrew/opt/postgresql*/bin',
  '/Applications/Postgres.app/Contents/Versions/*/bin',
];
const POSTGRES_TOOLS = ['initdb', 'pg_basebackup'];
const REDIS_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/home/linuxbrew/.linuxbrew/bin'];
/** Daemons are in `sbin`, which is not on everyone's PATH. */
const PROGRAM_FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/opt/homebrew/bin'];
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const CHROMIUM_APPS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const REDIS_NAMES = ['redis-server', 'valkey-server'];

/**
 * The folder that holds `postgres`, `initdb` and `pg_basebackup`: the first on the PATH, else where `pg_config` says, else the newest
 * among the usual places. Versions before 13 do not count.
 *
 * @returns null when there is none
 */
export function findPostgres(): string | null {
  const usual = POSTGRES_FOLDERS.flatMap((pattern) => globSync(pattern)).map((folder) => ({
    folder,
    major: postgresMajor(folder),
  }));
  usual.sort((a, b) => b.major - a.major);
  const folders = [...pathFolders(), ...pgConfigFolder(), ...usual.map(({ folder }) => folder)];
  return folders.find((folder) => postgresMajor(folder) >= MIN_POSTGRES_MAJOR) ?? null;
}

/**
 * The path of `redis-server` (or `valkey-server`): the first on the PATH, else in the usual places.
 *
 * @returns null when there is none
 */
export function findRedis(): string | null {
  for (const folder of [...pathFolders(), ...REDIS_FOLDERS]) {
    for (const name of REDIS_NAMES) {
      const path = join(folder, name);
      if (isExecutable(path)) return path;
    }
  }
  return null;
}

/**
 * The path of Prometheus's `promtool`, which checks metrics and alert rules.
 *
 * @returns null when there is none
 */
export function findPromtool(): string | null {
  return findProgram('promtool');
}

/**
 * The path of `prometheus` itself.
 *
 * @returns null when there is none
 */
export function findPrometheus(): string | null {
  return findProgram('prometheus');
}

/**
 * The path of `nginx`.
 *
 * @returns null when there is none
 */
export function findNginx(): string | null {
  return findProgram('nginx');
}

/**
 * The path of `pgbouncer`.
 *
 * @returns null when there is none
 */
export function findPgbouncer(): string | null {
  return findProgram('pgbouncer');
}

/**
 * The path of a program that has no more than its name.
 *
 * @returns null when there is none
 */
export function findProgram(name: string): string | null {
  const paths = [...pathFolders(), ...PROGRAM_FOLDERS].map((folder) => join(folder, name));
  return paths.find(isExecutable) ?? null;
}

/**
 * The path of Chromium or Chrome, which the tests of the web page drive.
 *
 * @returns null when there is none
 */
export function findChromium(): string | null {
  const found = CHROMIUM_NAMES.map(findProgram).find((path) => path !== null);
  return found ?? CHROMIUM_APPS.find(isExecutable) ?? null;
}

/** @returns 0 when the folder holds no complete PostgreSQL server */
function postgresMajor(folder: string): number {
  const postgres = join(folder, 'postgres');
  if (![postgres, ...POSTGRES_TOOLS.map((name) => join(folder, name))].every(isExecutable)) return 0;
  return Number(/(\d+)/.exec(outputOf(postgres, '--version'))?.[1] ?? 0);
}

function pgConfigFolder(): string[] {
  const folder = outputOf('pg_config', '--bindir');
  return folder === '' ? [] : [folder];
}

/** @returns the empty string when the command cannot be run */
function outputOf(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 }).trim();
  } catch {
    return '';
  }
}

function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
