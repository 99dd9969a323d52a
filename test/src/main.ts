/** `npm test`: starts the servers that the tests need, runs all compiled test files, and tells what came out. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findTestFiles, type TestFile } from './runner/discover.js';
import { ensurePrograms, SetupError } from './runner/install.js';
import { describeFailures, describeFile, totalsOf } from './runner/report.js';
import { type FileResult, runFile } from './runner/run-file.js';
import { PostgresServer } from './support/postgres.js';
import { RedisServer } from './support/redis.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** Test files that run at a time: more would make the timing of each one a matter of the others. */
const CONCURRENCY = 2;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());

try {
  process.exitCode = await main(process.argv.slice(2), interruption.signal);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}

async function main(filters: readonly string[], signal: AbortSignal): Promise<number> {
  const files = findTestFiles(ROOT, filters);
  const results = files.length === 0 ? [] : await inThrowAwayServers((env) => runFiles(files, env, signal));
  if (signal.aborted) {
    console.log('Interrupted.');
    return 130;
  }
  const failures = describeFailures(results);
  if (failures !== '') console.log(`\n${failures}`);
  const { passed, failed } = totalsOf(results);
  console.log(`\n${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 ? 0 : 1;
}

/** Runs `work` with the environment that leads to servers of its own; they and all temporary files are gone after it. */
async function inThrowAwayServers<T>(work: (env: Record<string, string>) => Promise<T>): Promise<T> {
  ensurePrograms(console.log);
  // Everything temporary, of this process and of the tests, goes here: nothing stays behind, even of a killed test.
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-test-'));
  // PostgreSQL may run as another user, who has to get through to its own folder.
  chmodSync(folder, 0o711);
  process.env.TMPDIR = folder;
  let postgres: PostgresServer | undefined;
  let redis: RedisServer | undefined;
  try {
    postgres = await PostgresServer.start();
    redis = await RedisServer.start();
    console.log(`PostgreSQL runs on port ${postgres.port}, Redis on port ${redis.port}, both for this run only.\n`);
    return await work({ HUBBUB_TEST_DATABASE_URL: postgres.url(), HUBBUB_TEST_REDIS_URL: redis.url });
  } finally {
    await Promise.allSettled([postgres?.stop(), redis?.stop()]);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function runFiles(
  files: readonly TestFile[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<FileResult[]> {
  const queue = [...files];
  const results: FileResult[] = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined && !signal.aborted; file = queue.shift()) {
      const result = await runFile(file, env, signal);
      results.push(result);
      if (!signal.aborted) console.log(describeFile(result));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return results;
}
