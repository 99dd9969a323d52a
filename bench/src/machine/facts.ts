import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { findPostgres, findRedis } from '@hubbub/test/support/binaries.js';
import { loadAverage } from './proc.js';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Where and of what a result was made. */
export interface Facts {
  readonly at: string;
  /** Of the working tree; `+` at the end: with changes that are not committed. */
  readonly commit: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly system: string;
  /** Runnable processes at the start, averaged over a minute: above a small fraction of one the machine was not quiet. */
  readonly loadAverage: number;
  readonly versions: Readonly<Record<string, string>>;
}

export function readFacts(): Facts {
  const postgres = findPostgres();
  const redis = findRedis();
  return {
    at: new Date().toISOString(),
    commit: commitOf(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    loadAverage: loadAverage(),
    versions: {
      node: process.version,
      postgres: postgres === null ? 'none' : firstVersion(output(join(postgres, 'postgres'), '--version')),
      redis: redis === null ? 'none' : firstVersion(output(redis, '--version')),
      ws: packageVersion('ws'),
      'socket.io': packageVersion('socket.io'),
      '@socket.io/redis-adapter': packageVersion('@socket.io/redis-adapter'),
      '@electric-sql/pglite': packageVersion('@electric-sql/pglite'),
    },
  };
}

function commitOf(): string {
  const commit = output('git', '-C', ROOT, 'rev-parse', '--short=12', 'HEAD');
  if (commit === '') return 'unknown';
  const changed = output('git', '-C', ROOT, 'status', '--porcelain', '--', 'server', 'protocol', 'bench/src') !== '';
  return `${commit}${changed ? '+' : ''}`;
}

function packageVersion(name: string): string {
  try {
    const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'none';
  }
}

function firstVersion(text: string): string {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? 'unknown';
}

function output(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
