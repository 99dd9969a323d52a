/** Sees to it that the programs that the tests need are installed. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  findChromium,
  findNginx,
  findPgbouncer,
  findPostgres,
  findProgram,
  findPrometheus,
  findPromtool,
  findRedis,
  MIN_POSTGRES_MAJOR,
} from '../support/binaries.js';

/** Debian makes and starts a database cluster when it installs PostgreSQL, unless a file here says otherwise. */
const CLUSTER_FOLDER = '/etc/postgresql-common/createcluster.d';
const CLUSTER_FILE = `${CLUSTER_FOLDER}/hubbub-test.conf`;
/** Debian starts a service when it installs it, unless this program says 101: a web server on port 80 was not asked for. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';

/** Ends the run with a sentence instead of a stack: the reader has to do something. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/**
 * Installs PostgreSQL, PgBouncer, Redis, Prometheus, nginx and Chromium where they are missing and this process may do
 * so: as root on Debian or Ubuntu.
 *
 * @param say takes lines about what is done
 * @throws {SetupError} that says what to install
 */
export function ensurePrograms(say: (line: string) => void): void {
  const packages = missingPackages();
  if (packages.length === 0) return;
  const names = packages.join(' and ');
  if (!mayInstall()) {
    throw new SetupError(
      `The tests need PostgreSQL ${MIN_POSTGRES_MAJOR} or newer, PgBouncer, Redis, Prometheus, nginx and Chromium, and ` +
        `start their own: install ${names} (Debian, Ubuntu: apt-get install ${packages.join(' ')}; macOS: brew install postgresql ` +
        'redis prometheus nginx, brew install --cask chromium), then run them again.',
    );
  }
  say(`Not installed: ${names}. Installing by apt-get...`);
  installPackages(packages);
  const missing = missingPackages();
  if (missing.length > 0) throw new SetupError(`${missing.join(' and ')} cannot be found after the installation.`);
  say('Installed.');
}

/** Names of the Debian packages. */
function missingPackages(): string[] {
  return [
    ...(findPostgres() === null ? ['postgresql'] : []),
    ...(findRedis() === null ? ['redis-server'] : []),
    ...(findPromtool() === null || findPrometheus() === null ? ['prometheus'] : []),
    ...(findPgbouncer() === null ? ['pgbouncer'] : []),
    ...(findNginx() === null ? ['nginx'] : []),
    ...(findChromium() === null ? ['chromium'] : []),
    // What docs/operations.md walks with.
    ...['curl', 'openssl'].filter((name) => findProgram(name) === null),
  ];
}

function mayInstall(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

function installPackages(packages: readonly string[]): void {
  mkdirSync(CLUSTER_FOLDER, { recursive: true });
  writeFileSync(CLUSTER_FILE, 'create_main_cluster = false\n');
  const ownPolicy = !existsSync(POLICY_FILE);
  if (ownPolicy) writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    aptGet('update');
    aptGet('install', '-y', '--no-install-recommends', ...packages);
  } finally {
    rmSync(CLUSTER_FILE, { force: true });
    if (ownPolicy) rmSync(POLICY_FILE, { force: true });
  }
}

function aptGet(...args: string[]): void {
  const { status, error, stdout, stderr } = spawnSync('apt-get', args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined) throw new SetupError(`apt-get cannot be run: ${error.message}`);
  if (status !== 0) throw new SetupError(`apt-get ${args.join(' ')} failed:\n${stdout}${stderr}`);
}
